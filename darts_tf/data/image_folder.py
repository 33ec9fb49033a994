"""Reads images that lie in one folder for each class."""

import collections
import dataclasses
import os
import pathlib
import unicodedata

import numpy as np

from darts_tf.data import dataset_summary
from darts_tf.data import image_stack
from darts_tf.data import picture_file
from darts_tf.data import splitting

SUFFIXES = (
    ".bmp",
    ".gif",
    ".jfif",
    ".jpeg",
    ".jpg",
    ".png",
    ".tif",
    ".tiff",
    ".webp",
)
# In this order, as for data sets with names: `test` is only passed over if
# it is not divided into classes, like that of ImageNet.
TEST_FOLDERS = ("test", "val", "valid", "validation")
# What Windows, macOS and network disks leave behind, beside names with a dot.
_OF_SYSTEMS = ("thumbs.db", "desktop.ini", "__macosx", "@eadir")

# Why a path is passed over.
_HIDDEN = "hidden"
_UNKNOWN = "of another kind"
_SUBFOLDER = "subfolder"
_OUTSIDE = "outside of the classes"
_OTHER_TEST = "beside the test images"


@dataclasses.dataclass(frozen=True, eq=False)
class ImageFiles:
    """The files of a folder of images.

    Args:
        train: Tuple `(paths, labels)`: a list of strings and an int64 array of
            shape `(samples,)`.
        test: Tuple of the same form.
        class_names: Tuple of strings; the label is the position in it.
        passed_over: Dictionary from a reason to the paths, below the folder,
            of what is not read for it.
    """

    train: tuple
    test: tuple
    class_names: tuple
    passed_over: dict


def read(root, image_size=None, max_samples=None):
    """Reads `root/train/<class>/*` and `root/test/<class>/*`.

    The classes are the folders below `train`, in alphabetical order. Instead
    of `test` the second folder may be called `val`, `valid` or `validation`.
    Hidden files, subfolders and files with other suffixes than `SUFFIXES` are
    passed over; `list_files` names them. Greyscale images become RGB, and
    those of a camera that was turned are turned back.

    Args:
        root: String or path, the folder.
        image_size: Optional tuple `(height, width)` in pixels, to which the
            images are resized. Defaults to `None`: all have one size.
        max_samples: Optional positive integer: no more than this number of
            training images is read, with the classes in proportion. Defaults
            to `None`, all.

    Returns:
        Tuple `(train, test, class_names)`, where `train` and `test` are
        `(images, labels)`: a uint8 array of shape `(samples, height, width,
        3)` and an int64 array of shape `(samples,)`.

    Raises:
        ValueError: If folders or images are missing, if a class is not in
            `train`, if a file cannot be read as an image of 8 bits, or if
            the sizes differ and `image_size` is `None`.

    Example:

    >>> import pathlib, tempfile
    >>> from PIL import Image
    >>> from darts_tf.data import image_folder
    >>> root = tempfile.TemporaryDirectory()
    >>> for name in ("train/cat/0.png", "train/dog/0.png", "val/dog/1.png"):
    ...     path = pathlib.Path(root.name, name)
    ...     path.parent.mkdir(parents=True)
    ...     Image.new("L", (8, 8)).save(path)
    >>> train, test, class_names = image_folder.read(root.name)
    >>> train[0].shape, train[1].tolist(), test[1].tolist(), class_names
    ((2, 8, 8, 3), [0, 1], [1], ('cat', 'dog'))
    >>> root.cleanup()
    """
    files = list_files(root, max_samples)
    return *read_files(files, image_size), files.class_names


def read_files(files, image_size=None):
    """Reads the images that `list_files` has listed.

    Args:
        files: An `ImageFiles`.
        image_size: As for `read`. Defaults to `None`.

    Returns:
        Tuple `(train, test)`, as of `read`.

    Raises:
        ValueError: If a file cannot be read as an image of 8 bits, or if the
            sizes differ and `image_size` is `None`.
    """
    return tuple(
        (
            image_stack.stack(
                (picture_file.read(path, path) for path in paths),
                paths,
                image_size,
            ),
            labels,
        )
        for paths, labels in (files.train, files.test)
    )


def list_files(root, max_samples=None):
    """Lists the images that `read` would read, without reading them.

    Args:
        root: String or path, as for `read`.
        max_samples: Optional positive integer, as for `read`. Defaults to
            `None`, all.

    Returns:
        An `ImageFiles`.

    Raises:
        ValueError: If folders or images are missing, or if a class is not in
            `train`.
    """
    listing = _Listing(pathlib.Path(root))
    folders = listing.class_folders("train")
    if not folders:
        raise ValueError(
            "A folder of images must contain train/<class>/<image files>. "
            f"Received: {str(listing.root / 'train')!r} without class folders"
        )
    class_names = tuple(sorted(folders))
    test_name, test_folders = _test_folders(listing, class_names)
    # Both are listed before anything is read: mistakes show at once.
    train_paths, train_labels = listing.images(folders, class_names)
    test_paths, test_labels = listing.images(test_folders, class_names)
    empty = sorted(set(range(len(class_names))) - set(train_labels))
    if empty:
        listing.refuse_empty(folders[class_names[empty[0]]][0])
    if not test_paths:
        listing.refuse_empty(listing.root / test_name)
    if max_samples is not None and max_samples < len(train_paths):
        kept, _ = splitting.split_indices(
            train_labels, max_samples / len(train_paths)
        )
        train_paths = [train_paths[index] for index in kept]
        train_labels = train_labels[kept]
    return ImageFiles(
        (train_paths, train_labels),
        (test_paths, test_labels),
        class_names,
        listing.passed_over(),
    )


def _test_folders(listing, class_names):
    """Returns the name of the test folder, and the folders of its classes."""
    found = {name: listing.class_folders(name) for name in TEST_FOLDERS}
    chosen = next((name for name in TEST_FOLDERS if found[name]), None)
    if chosen is None:
        raise ValueError(
            f"A folder of images must contain one of {TEST_FOLDERS}, with a "
            f"folder for each class, beside `train`. "
            f"Received: {str(listing.root)!r}"
        )
    unknown = sorted(set(found[chosen]) - set(class_names))
    if unknown:
        raise ValueError(
            f"The classes must be among those of `train`, {class_names}. "
            f"Received: {str(found[chosen][unknown[0]][0])!r}"
        )
    for name in TEST_FOLDERS:
        if name != chosen and (listing.root / name).is_dir():
            listing.pass_over_whole(name)
    return chosen, found[chosen]


class _Listing:
    """Looks through a folder, and keeps what it passes over."""

    def __init__(self, root):
        self.root = root
        self._passed = collections.defaultdict(list)

    def class_folders(self, name):
        """Returns the folders of each class below a folder.

        macOS writes accents as marks of their own, other systems as one
        letter: the same name in both forms is one class.
        """
        found = collections.defaultdict(list)
        for entry in _entries(self.root / name):
            if _is_hidden(entry.name):
                self._pass_over(_HIDDEN, entry)
            elif entry.is_dir():
                class_name = unicodedata.normalize("NFC", entry.name)
                found[class_name].append(pathlib.Path(entry.path))
            else:
                self._pass_over(_OUTSIDE, entry)
        return dict(found)

    def images(self, folders, class_names):
        """Returns the paths of the images of all classes, and their labels."""
        paths, labels = [], []
        for label, name in enumerate(class_names):
            files = []
            for folder in folders.get(name, ()):
                for entry in _entries(folder):
                    reason = _reason(entry)
                    if reason is None:
                        files.append(entry.path)
                    else:
                        self._pass_over(reason, entry)
            paths += sorted(files)
            labels += [label] * len(files)
        return paths, np.array(labels, np.int64)

    def pass_over_whole(self, name):
        """Keeps one name for a folder that is not used at all."""
        for reason, paths in self._passed.items():
            self._passed[reason] = [
                path for path in paths if not path.startswith(f"{name}/")
            ]
        self._passed[_OTHER_TEST].append(f"{name}/")

    def passed_over(self):
        """Returns the paths by their reason."""
        return {
            reason: paths for reason, paths in self._passed.items() if paths
        }

    def refuse_empty(self, folder):
        """Raises the error for a folder without images."""
        beginning = f"{folder.relative_to(self.root).as_posix()}/"
        there = {
            reason: [path for path in paths if path.startswith(beginning)]
            for reason, paths in self._passed.items()
        }
        there = {reason: paths for reason, paths in there.items() if paths}
        raise ValueError(
            f"At least one image ({', '.join(SUFFIXES)}) is expected. "
            f"Received: folder {str(folder)!r} without any"
            + (
                f", but {dataset_summary.list_passed_over(there)}"
                if there
                else ""
            )
        )

    def _pass_over(self, reason, entry):
        path = pathlib.Path(entry.path).relative_to(self.root)
        self._passed[reason].append(
            path.as_posix() + ("/" if entry.is_dir() else "")
        )


def _entries(folder):
    """Returns what is in a folder, in alphabetical order."""
    if not folder.is_dir():
        return []
    # Says what is a folder without another look at the disk.
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)


def _reason(entry):
    """Returns why a file in the folder of a class is no image, or `None`."""
    if _is_hidden(entry.name):
        return _HIDDEN
    if entry.is_dir():
        return _SUBFOLDER
    if os.path.splitext(entry.name)[1].lower() not in SUFFIXES:
        return _UNKNOWN
    return None


def _is_hidden(name):
    return name.startswith(".") or name.lower() in _OF_SYSTEMS
