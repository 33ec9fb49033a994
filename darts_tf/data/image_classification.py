"""Loads image data sets: built in, by name, or from the user's files."""

import dataclasses
import operator
import os
import pathlib

import numpy as np

from darts_tf.data import dataset_names
from darts_tf.data import dataset_summary
from darts_tf.data import image_folder
from darts_tf.data import image_stack
from darts_tf.data import named_dataset
from darts_tf.data import splitting

# Of the 50,000 training images, as in the paper's code.
_CIFAR10_MEAN = (0.49139968, 0.48215827, 0.44653124)
_CIFAR10_STD = (0.24703233, 0.24348505, 0.26158768)
_DIGITS_TEST_SAMPLES = 360
# One grey level: a channel without variation must not be divided by zero.
_MIN_STD = 1 / 255


@dataclasses.dataclass(frozen=True, eq=False)
class ImageDataset:
    """A data set of labelled images, in memory.

    Args:
        name: String, what `load` was asked for.
        train: Tuple `(images, labels)`: a uint8 array of shape `(samples,
            height, width, channels)` and an int64 array of shape
            `(samples,)`.
        test: Tuple `(images, labels)` of the same form. Nothing is ever
            selected by it.
        class_names: Tuple of strings; the label is the position in it.
        mean: Tuple of floats, mean of each channel of the training images,
            for pixels in [0, 1].
        std: Tuple of positive floats, deviation of each channel.
        passed_over: Dictionary from a reason to the paths in a folder of
            images that were not read for it. Defaults to none.
        test_fraction: Float, the share of each class that was held out for
            the test images, or `None` if the data have such images. Defaults
            to `None`.

    Example:

    >>> from darts_tf.data import image_classification
    >>> digits = image_classification.load("digits")
    >>> digits.image_shape, digits.num_classes
    ((8, 8, 1), 10)
    >>> digits.class_counts["0"]
    (142, 36)
    """

    name: str
    train: tuple
    test: tuple
    class_names: tuple
    mean: tuple
    std: tuple
    passed_over: dict = dataclasses.field(default_factory=dict)
    test_fraction: float | None = None

    @property
    def num_classes(self):
        """Number of classes."""
        return len(self.class_names)

    @property
    def image_shape(self):
        """Tuple `(height, width, channels)` of one image."""
        return self.train[0].shape[1:]

    @property
    def class_counts(self):
        """Dictionary from each class to its training and test images."""
        return count_classes(self.train[1], self.test[1], self.class_names)

    def describe(self):
        """Returns a line of what is in it, and what was passed over."""
        return dataset_summary.describe(
            self.name,
            len(self.train[1]),
            len(self.test[1]),
            self.class_names,
            self.class_counts,
            self.passed_over,
            self.test_fraction,
        )


def count_classes(train_labels, test_labels, class_names):
    """Returns how many images each class has.

    Args:
        train_labels: Integer array of shape `(samples,)`.
        test_labels: Integer array of shape `(samples,)`.
        class_names: Sequence of strings.

    Returns:
        Dictionary from the name of each class to its training and test images.

    Example:

    >>> from darts_tf.data import image_classification
    >>> image_classification.count_classes([0, 0, 1], [1], ("cat", "dog"))
    {'cat': (2, 0), 'dog': (1, 1)}
    """
    counts = (
        np.bincount(labels, minlength=len(class_names)).tolist()
        for labels in (train_labels, test_labels)
    )
    return dict(zip(class_names, zip(*counts, strict=True), strict=True))


def load(
    name,
    data_dir=None,
    image_size=None,
    max_samples=None,
    download=True,
    test_fraction=None,
):
    """Loads an image data set; mistakes and a dead network show at once.

    Args:
        name: String or path. `"digits"`: 1,797 handwritten digits of 8x8
            pixels that come with scikit-learn, their 17 levels scaled to
            0 to 255, of which 360 are the test set. A folder with
            `<class>/*`, or with `train/<class>/*` and perhaps
            `test/<class>/*` (or `val`). A table of paths and labels, a file
            `.csv` as `image_table.read` takes it. Any other name: an image
            classification set of TensorFlow Datasets, such as `"cifar10"`.
        data_dir: Optional string or path, where TensorFlow Datasets keeps its
            prepared data sets. Defaults to `None`, its own default.
        image_size: Optional integer, or tuple `(height, width)`, in pixels, to
            which the images are resized. Defaults to `None`, unchanged.
        max_samples: Optional positive integer, limit on the training images;
            the classes keep their proportions, the choice is the same each
            time. Defaults to `None`, all.
        download: Boolean, whether a data set of TensorFlow Datasets that is
            not prepared in `data_dir` is downloaded. Defaults to `True`.
        test_fraction: Optional float in (0, 1), the share of each class that
            is held out as test images where a folder or a table has none; the
            choice is the same each time. Defaults to `None`, 0.2.

    Returns:
        An `ImageDataset`. `mean` and `std` of `"cifar10"` are the published
        constants; others are computed from the training images.

    Raises:
        ValueError: If the name is unknown, an option does not apply, or the
            data do not have the form that is expected.
        OSError: If the data set is not there and cannot be downloaded.

    Example:

    >>> from darts_tf.data import image_classification
    >>> digits = image_classification.load("digits", max_samples=100)
    >>> [images.shape for images, _ in (digits.train, digits.test)]
    [(100, 8, 8, 1), (360, 8, 8, 1)]
    """
    name = os.fspath(name)
    image_size = _size(image_size)
    check_max_samples(max_samples)
    folder = find_folder(name)
    check_options(name, folder, data_dir, test_fraction)
    passed_over = {}
    if name == "digits":
        parts = _digits(image_size)
    elif folder is not None:
        files = image_folder.list_files(folder, max_samples, test_fraction)
        passed_over, test_fraction = files.passed_over, files.test_fraction
        parts = (*image_folder.read_files(files, image_size), files.class_names)
    else:
        parts = named_dataset.read(name, data_dir, image_size, download)
    train, test, class_names = parts
    check_images(*train, len(class_names))
    check_images(*test, len(class_names))
    if train[0].shape[1:] != test[0].shape[1:]:
        raise ValueError(
            "Images of different sizes need `image_size`, to which they are "
            f"resized. Received: training images of {train[0].shape[1:]}, "
            f"test images of {test[0].shape[1:]}"
        )
    train = _limited(train, max_samples)
    if dataset_names.base_of(name) == "cifar10":
        mean, std = _CIFAR10_MEAN, _CIFAR10_STD
    else:
        mean, std = statistics(train[0])
    return ImageDataset(
        name, train, test, class_names, mean, std, passed_over, test_fraction
    )


def check_images(x, y, num_classes):
    """Raises unless `x` and `y` are labelled images.

    Args:
        x: Array of shape `(samples, height, width, channels)` of finite
            numbers.
        y: Integer array of shape `(samples,)` with values in
            `[0, num_classes)`.
        num_classes: Integer, number of classes.

    Raises:
        ValueError: If shape, type, length or values are different.

    Example:

    >>> from darts_tf.data import image_classification
    >>> x, y = np.zeros((2, 8, 8)), np.array([0, 1])
    >>> image_classification.check_images(x, y, num_classes=2)
    Traceback (most recent call last):
    ...
    ValueError: Images must have ... Received: x.shape=(2, 8, 8)
    """
    x, y = np.asarray(x), np.asarray(y)
    check_pixels(x)
    if y.ndim != 1 or not np.issubdtype(y.dtype, np.integer):
        raise ValueError(
            "Labels must be integers of shape (samples,), not one-hot. "
            f"Received: y.shape={y.shape}, y.dtype={y.dtype}"
        )
    if len(x) != len(y) or not len(x):
        raise ValueError(
            "There must be images, and one label for each. "
            f"Received: {len(x)} images, {len(y)} labels"
        )
    if y.min() < 0 or y.max() >= num_classes:
        raise ValueError(
            f"Labels must be in [0, {num_classes}). "
            f"Received: labels from {y.min()} to {y.max()}"
        )


def check_pixels(x):
    """Raises unless `x` is an array of images.

    Args:
        x: Array of shape `(samples, height, width, channels)` of finite
            numbers.

    Raises:
        ValueError: If shape, type or values are different.

    Example:

    >>> check_pixels(np.zeros((2, 8, 8)))
    Traceback (most recent call last):
    ...
    ValueError: Images must have the shape (samples, height, width, channels)...
    """
    if x.ndim != 4:
        raise ValueError(
            "Images must have the shape (samples, height, width, channels); "
            "add a channel axis to greyscale images, `x[..., None]`. "
            f"Received: x.shape={x.shape}"
        )
    if x.dtype.kind not in "iuf":
        raise ValueError(
            f"Images must be real numbers. Received: dtype={x.dtype}"
        )
    # The sum of an array with NaN or infinity is not finite; unlike
    # `np.isfinite(x)` it makes no second array. Integers always pass.
    with np.errstate(invalid="ignore"):
        total = x.sum(dtype=np.float64)
    if not np.isfinite(total):
        raise ValueError("Images must be finite. Received: NaN or infinity")


def _size(image_size):
    """Returns `image_size` as `None` or a tuple `(height, width)`."""
    if image_size is None:
        return None
    size = np.atleast_1d(image_size)
    if size.shape == (1,):
        size = np.repeat(size, 2)
    if size.shape != (2,) or size.dtype.kind not in "iu" or size.min() < 1:
        raise ValueError(
            "`image_size` must be a positive integer or two of them, (height, "
            f"width). Received: {image_size=}"
        )
    return int(size[0]), int(size[1])


def check_max_samples(max_samples):
    """Raises unless a limit on the training images is `None` or positive.

    Args:
        max_samples: Optional integer.

    Raises:
        ValueError: If it is below 1.

    Example:

    >>> check_max_samples(100)
    >>> check_max_samples(0)
    Traceback (most recent call last):
    ...
    ValueError: `max_samples` must be positive. Received: max_samples=0
    """
    if max_samples is not None and operator.index(max_samples) < 1:
        raise ValueError(
            f"`max_samples` must be positive. Received: {max_samples=}"
        )


def check_options(name, folder, data_dir, test_fraction):
    """Raises an error for an option that the data set does not have.

    Args:
        name: String, as for `load`.
        folder: What `find_folder` returned for it.
        data_dir: As for `load`.
        test_fraction: As for `load`.

    Raises:
        ValueError: If `data_dir` or `test_fraction` would have no effect.

    Example:

    >>> check_options("cifar10", None, data_dir="data", test_fraction=None)
    >>> check_options("digits", None, data_dir="data", test_fraction=None)
    Traceback (most recent call last):
    ...
    ValueError: `data_dir` applies to data sets of TensorFlow Datasets only. ...
    """
    if data_dir is not None and (name == "digits" or folder is not None):
        raise ValueError(
            "`data_dir` applies to data sets of TensorFlow Datasets only. "
            f"Received: {name=}, {data_dir=}"
        )
    if test_fraction is not None and folder is None:
        raise ValueError(
            "`test_fraction` applies to a folder of images, or a table of "
            "them, without test images. "
            f"Received: {name=}, {test_fraction=}"
        )


def find_folder(name):
    """Returns the folder or table that `name` means, or `None`.

    The working directory may have a folder with the name of a data set, so a
    bare name must be that of a folder with images to be taken for one.

    Args:
        name: String, as for `load`.

    Returns:
        A `pathlib.Path`, or `None` for `"digits"` and data sets of TensorFlow
        Datasets.

    Raises:
        ValueError: If the name is a path, but not of a folder of images or of
            a table.

    Example:

    >>> find_folder("cifar10") is None
    True
    """
    if name == "digits":
        return None
    path = pathlib.Path(name).expanduser()
    if path.exists() and image_folder.is_one(path):
        return path
    if dataset_names.is_path(name) or path.is_file():
        raise ValueError(
            f"A folder of images must contain {dataset_names.LAYOUTS}. "
            f"Received: {name=}, which {_state(path)}"
        )
    return None


def _state(path):
    if path.is_dir():
        return "has no images in its folders"
    return "is another file" if path.exists() else "does not exist"


def _digits(image_size):
    from sklearn import datasets  # Slow to import, needed for this set only.

    digits = datasets.load_digits()
    images = np.rint(digits.images[..., None] * (255 / 16)).astype(np.uint8)
    labels = digits.target.astype(np.int64)
    if image_size is not None:
        names = [f"digits[{index}]" for index in range(len(images))]
        images = image_stack.stack(images, names, image_size)
    test, train = splitting.split_indices(
        labels, _DIGITS_TEST_SAMPLES / len(labels)
    )
    class_names = tuple(str(digit) for digit in digits.target_names)
    return (
        (images[train], labels[train]),
        (images[test], labels[test]),
        class_names,
    )


def _limited(arrays, max_samples):
    images, labels = arrays
    if max_samples is None or max_samples >= len(labels):
        return arrays
    kept, _ = splitting.split_indices(labels, max_samples / len(labels))
    return images[kept], labels[kept]


def statistics(images):
    """Returns mean and deviation of each channel, for pixels in [0, 1].

    Exact, and without a copy in floating point: all follows from how often
    each of the 256 levels occurs.

    Args:
        images: uint8 array of shape `(samples, height, width, channels)`.

    Returns:
        Two tuples of floats.

    Example:

    >>> from darts_tf.data import image_classification
    >>> image_classification.statistics(np.array([[[[0]]], [[[255]]]], "uint8"))
    ((0.5,), (0.5,))
    """
    levels = np.arange(256) / 255
    mean, std = [], []
    for channel in np.moveaxis(images, -1, 0):
        share = np.bincount(channel.ravel(), minlength=256) / channel.size
        mean.append(float(share @ levels))
        variance = share @ (levels - mean[-1]) ** 2
        std.append(max(float(np.sqrt(variance)), _MIN_STD))
    return tuple(mean), tuple(std)
