"""Reads images that lie in one folder for each class."""

import pathlib

import numpy as np

from darts_tf.data import image_stack
from darts_tf.data import splitting

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".webp")
# In this order, as for data sets with names: `test` is only passed over if
# it is not divided into classes, like that of ImageNet.
TEST_FOLDERS = ("test", "val", "valid", "validation")


def read(root, image_size=None, max_samples=None):
    """Reads `root/train/<class>/*` and `root/test/<class>/*`.

    The classes are the folders below `train`, in alphabetical order. Instead
    of `test` the second folder may be called `val`, `valid` or `validation`.
    Files with other suffixes than `SUFFIXES` are passed over. Greyscale
    images become RGB.

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
    train, test, class_names = list_files(root, max_samples)
    train, test = (
        (image_stack.stack(map(_image, paths), list(paths), image_size), labels)
        for paths, labels in (train, test)
    )
    return train, test, class_names


def list_files(root, max_samples=None):
    """Lists the images that `read` would read, without reading them.

    Args:
        root: String or path, as for `read`.
        max_samples: Optional positive integer, as for `read`. Defaults to
            `None`, all.

    Returns:
        Tuple `(train, test, class_names)`, where `train` and `test` are
        `(paths, labels)`: a list of strings and an int64 array of shape
        `(samples,)`.

    Raises:
        ValueError: If folders or images are missing, or if a class is not in
            `train`.
    """
    root = pathlib.Path(root)
    class_names = _class_names(root / "train")
    test_folder = _test_folder(root, class_names)
    # Both are listed before anything is read: mistakes show at once.
    train_paths, train_labels = _files(root / "train", class_names)
    test_paths, test_labels = _files(test_folder, class_names)
    empty = sorted(set(range(len(class_names))) - set(train_labels))
    if empty or not test_paths:
        folder = (
            root / "train" / class_names[empty[0]] if empty else test_folder
        )
        raise ValueError(
            f"At least one image ({', '.join(SUFFIXES)}) is expected. "
            f"Received: folder {str(folder)!r} without any"
        )
    if max_samples is not None and max_samples < len(train_paths):
        kept, _ = splitting.split_indices(
            train_labels, max_samples / len(train_paths)
        )
        train_paths = [train_paths[index] for index in kept]
        train_labels = train_labels[kept]
    return (train_paths, train_labels), (test_paths, test_labels), class_names


def _class_names(folder):
    names = tuple(
        sorted(
            path.name
            for path in folder.glob("*")
            if path.is_dir() and not path.name.startswith(".")
        )
    )
    if not names:
        raise ValueError(
            "A folder of images must contain train/<class>/<image files>. "
            f"Received: {str(folder)!r} without class folders"
        )
    return names


def _test_folder(root, class_names):
    for name in TEST_FOLDERS:
        if any(path.is_dir() for path in (root / name).glob("*")):
            unknown = sorted(set(_class_names(root / name)) - set(class_names))
            if unknown:
                raise ValueError(
                    "The classes must be among those of `train`, "
                    f"{class_names}. Received: "
                    f"{str(root / name / unknown[0])!r}"
                )
            return root / name
    raise ValueError(
        f"A folder of images must contain one of {TEST_FOLDERS}, with a "
        f"folder for each class, beside `train`. Received: {str(root)!r}"
    )


def _files(folder, class_names):
    """Returns the paths of the images below `folder` and their labels."""
    paths, labels = [], []
    for label, name in enumerate(class_names):
        files = sorted(
            str(path)
            for path in (folder / name).glob("*")
            if path.suffix.lower() in SUFFIXES
        )
        paths += files
        labels += [label] * len(files)
    return paths, np.array(labels, np.int64)


def _image(path):
    from PIL import Image  # Not needed for the data sets with names.

    try:
        with Image.open(path) as image:
            # Pillow would clip values of 16 or 32 bits to 255.
            if image.mode[0] in "IF":
                raise ValueError(f"mode {image.mode}, not 8 bits a channel")
            # Pillow warns if transparent palette colours go to RGB at once.
            if "transparency" in image.info:
                image = image.convert("RGBA")
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(
            "An image file of 8 bits a channel is expected. "
            f"Received: {str(path)!r} ({error})"
        ) from error
