"""Reads images that lie in one folder for each class, or are listed in a table.

People have folders `train/<class>/*` and `test/<class>/*`, or classes without
test images, `<class>/*`, or a table of paths and labels.
"""

import collections
import dataclasses
import os
import pathlib
import unicodedata

import numpy as np

from darts_tf.data import dataset_names
from darts_tf.data import dataset_summary
from darts_tf.data import image_stack
from darts_tf.data import image_table
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
# Of each class, where there are no test images.
TEST_FRACTION = 0.2
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
        test_fraction: Float, the share of each class that was held out for
            the test images, or `None` if the folder has such images. Defaults
            to `None`.
    """

    train: tuple
    test: tuple
    class_names: tuple
    passed_over: dict
    test_fraction: float | None = None


def read(root, image_size=None, max_samples=None, test_fraction=None):
    """Reads a folder of images, or the images that a table lists.

    The classes are the folders in `root/train`, or in `root` if there is no
    such folder, in alphabetical order. The test images lie in `root/test` (or
    `val`, `valid` or `validation`); without them a part of each class is held
    out. Hidden files, subfolders and files with other suffixes than
    `SUFFIXES` are passed over; `list_files` names them. Greyscale images
    become RGB, and those of a camera that was turned are turned back.

    Args:
        root: String or path, the folder, or a file `.csv` as
            `image_table.read` takes it.
        image_size: Optional tuple `(height, width)` in pixels, to which the
            images are resized. Defaults to `None`: all have one size.
        max_samples: Optional positive integer: no more than this number of
            training images is read, with the classes in proportion. Defaults
            to `None`, all.
        test_fraction: Optional float in (0, 1), the share of each class that
            is held out as test images where there are none. Defaults to
            `None`, 0.2.

    Returns:
        Tuple `(train, test, class_names)`, where `train` and `test` are
        `(images, labels)`: a uint8 array of shape `(samples, height, width,
        3)` and an int64 array of shape `(samples,)`.

    Raises:
        ValueError: If folders or images are missing, if a class is not in
            `train`, if there are test images and `test_fraction` is given, if
            a file cannot be read as an image of 8 bits, or if the sizes
            differ and `image_size` is `None`.

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
    files = list_files(root, max_samples, test_fraction)
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


def is_one(path):
    """Returns whether there are classes of images, or a table of them.

    Args:
        path: A `pathlib.Path`.

    Returns:
        Boolean.
    """
    if path.is_file():
        return image_table.is_one(path)
    listing = _Listing(path)
    return (path / "train").is_dir() or any(
        listing.has_images(folder)
        for folders in listing.class_folders(".").values()
        for folder in folders
    )


def list_files(root, max_samples=None, test_fraction=None):
    """Lists the images that `read` would read, without reading them.

    Args:
        root: String or path, as for `read`.
        max_samples: Optional positive integer, as for `read`. Defaults to
            `None`, all.
        test_fraction: Optional float, as for `read`. Defaults to `None`.

    Returns:
        An `ImageFiles`.

    Raises:
        ValueError: If folders or images are missing, if a class is not in
            `train`, or if there are test images and `test_fraction` is given.
    """
    root = pathlib.Path(root)
    if test_fraction is not None and not 0 < test_fraction < 1:
        raise ValueError(
            f"`test_fraction` must be inside (0, 1). Received: {test_fraction=}"
        )
    if image_table.is_one(root):
        train, test, class_names = image_table.read(root)
        passed_over = {}
    else:
        train, test, class_names, passed_over = _list_folder(root)
    if len(class_names) < 2:
        raise ValueError(
            "At least two classes are expected. "
            f"Received: {str(root)!r} with {class_names[0]!r} alone"
        )
    if test is None:
        test_fraction = test_fraction or TEST_FRACTION
        train, test = _hold_out(*train, class_names, test_fraction)
    elif test_fraction is not None:
        raise ValueError(
            "`test_fraction` applies where there are no test images. "
            f"Received: {test_fraction=}, and {str(root)!r} with "
            f"{len(test[1]):,} test images"
        )
    if max_samples is not None and max_samples < len(train[1]):
        kept, _ = splitting.split_indices(train[1], max_samples / len(train[1]))
        train = _choose(*train, kept)
    return ImageFiles(train, test, class_names, passed_over, test_fraction)


def _list_folder(root):
    """Returns train, test (`None`: no such folder), names, what is left out."""
    listing = _Listing(root)
    base = "train" if (root / "train").is_dir() else "."
    folders = listing.class_folders(base)
    if not folders or (base == "." and not is_one(root)):
        raise ValueError(
            f"A folder of images must contain {dataset_names.LAYOUTS}. "
            f"Received: {str(root / base)!r} without class folders"
        )
    class_names = tuple(sorted(folders))
    test_folders = None
    if base == "train":
        test_name, test_folders = _test_folders(listing, class_names)
    # Both are listed before anything is read: mistakes show at once.
    train = listing.images(folders, class_names)
    empty = sorted(set(range(len(class_names))) - set(train[1].tolist()))
    if empty:
        listing.refuse_empty(folders[class_names[empty[0]]][0])
    test = None
    if test_folders:
        test = listing.images(test_folders, class_names)
        if not len(test[1]):
            listing.refuse_empty(listing.root / test_name)
    return train, test, class_names, listing.passed_over()


def _hold_out(paths, labels, class_names, test_fraction):
    """Returns the paths and labels of train and test."""
    counts = np.bincount(labels, minlength=len(class_names))
    if counts.min() < 2:
        raise ValueError(
            "Each class must have at least two images, one to train on and "
            "one to test on. "
            f"Received: one image of class {class_names[counts.argmin()]!r}"
        )
    kept, held_out = splitting.hold_out(labels, test_fraction)
    return _choose(paths, labels, kept), _choose(paths, labels, held_out)


def _choose(paths, labels, indices):
    return [paths[index] for index in indices], labels[indices]


def _test_folders(listing, class_names):
    """Returns the name of the test folder, and the folders of its classes."""
    found = {name: listing.class_folders(name) for name in TEST_FOLDERS}
    chosen = next((name for name in TEST_FOLDERS if found[name]), None)
    if chosen is None:
        return None, None
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

    def has_images(self, folder):
        """Returns whether there is an image in a folder."""
        return any(_reason(entry) is None for entry in _entries(folder))

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
