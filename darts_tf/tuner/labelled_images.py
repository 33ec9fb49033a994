"""The images of a tuner: arrays, however the user has them."""

import hashlib

import keras
import numpy as np
import tensorflow as tf

from darts_tf.data import image_classification
from darts_tf.data import splitting

_EXPECTED = (
    "arrays of images and labels, or a finite tf.data.Dataset of (image, "
    "label), one by one or in batches"
)
NO_VALIDATION_DATA = (
    "`validation_data` must be images and labels that the search does not see: "
    "they score the cells. Received: validation_data=None"
)


def prepare(x, y, validation_data, num_classes):
    """Returns training and validation data as arrays with integer labels.

    Args:
        x: Training images, or a data set, as in `read`.
        y: Labels, as in `read`.
        validation_data: Tuple of such arrays, or such a data set.
        num_classes: Optional integer, what the user said.

    Returns:
        A tuple `(x, y, validation_data)`, and the number of classes that the
        labels show: the columns of one-hot ones, or the largest and 1.

    Raises:
        TypeError: If they are something else.
        ValueError: If they are not labelled images, or one-hot labels have
            not a column for each class.
    """
    if validation_data is None:
        raise ValueError(NO_VALIDATION_DATA)
    images, labels = validation_data, None
    if isinstance(validation_data, tuple | list):
        if len(validation_data) != 2:
            raise ValueError(
                "`validation_data` must be (x, y), or a tf.data.Dataset. "
                f"Received: {len(validation_data)} parts"
            )
        images, labels = validation_data
    x, y, columns = read(x, y, "x")
    *validation, others = read(images, labels, "validation_data")
    given = {columns, others, num_classes} - {None}
    if {columns, others} != {None}:
        if len(given) > 1:
            raise ValueError(
                "One-hot labels must have a column for each class. Received: "
                f"{columns} columns in training, {others} in validation, "
                f"num_classes={num_classes}"
            )
        return (x, y, tuple(validation)), given.pop()
    largest = max(
        int(array.max()) if array.size and array.dtype.kind in "iu" else 0
        for array in (y, validation[1])
    )
    return (x, y, tuple(validation)), max(largest + 1, 2)


def check(train, validation_data, num_classes, same_shape):
    """Raises an error for arrays that cannot be searched and scored with.

    Args:
        train: Tuple of images and integer labels.
        validation_data: Tuple of such arrays, or `None`.
        num_classes: Integer.
        same_shape: Boolean, whether all images must have one shape.

    Raises:
        ValueError: If they are not labelled images.
    """
    if validation_data is None:
        raise ValueError(NO_VALIDATION_DATA)
    for images, labels in (train, validation_data):
        image_classification.check_images(images, labels, num_classes)
    shapes = [np.shape(images)[1:] for images, _ in (train, validation_data)]
    if same_shape and shapes[0] != shapes[1]:
        raise ValueError(
            "The images of `validation_data` must have the size and the "
            f"channels of the training images, {shapes[0]}. "
            f"Received: {shapes[1]}"
        )


def as_arrays(x, y):
    """Returns arrays; floats in the precision that the networks take.

    Args:
        x: Images.
        y: Labels.

    Returns:
        Two arrays.
    """
    x = np.asarray(x)
    if np.issubdtype(x.dtype, np.floating):
        x = x.astype("float32", copy=False)
    return x, np.asarray(y)


def halves(x, y, seed):
    """Returns the half for the weights and the half for the alphas.

    Args:
        x: Images.
        y: Integer labels.
        seed: Integer, of the split.

    Returns:
        Two tuples of images and labels, with equal shares of each class.
    """
    x, y = as_arrays(x, y)
    parts = splitting.split_indices(y, seed=seed)
    return tuple((x[part], y[part]) for part in parts)


def as_floats(x, transform):
    """Returns a transform whose images are floating-point numbers.

    Pixels that are integers stay so in memory; a batch of them is converted.

    Args:
        x: Array of images.
        transform: Callable, as in `darts_tf.data.streams`, or `None`.

    Returns:
        A callable, or `transform` itself where the images are floats.
    """
    if np.issubdtype(np.asarray(x).dtype, np.floating):
        return transform

    def convert(batch, *seed):
        if transform is not None:
            batch = transform(batch, *seed)
        images, labels = batch
        if not images.dtype.is_floating:
            images = tf.cast(images, keras.config.floatx())
        return images, labels

    return convert


def read(x, y, name):
    """Returns images and labels as arrays, and the number of classes.

    A data set is read once, into memory. Its samples are then put in an order
    that follows from what they are, so that a data set that shuffles is the
    same data in each process.

    Args:
        x: Array of images, or a `tf.data.Dataset` of pairs of images and
            labels, or of dictionaries with `"image"` and `"label"`.
        y: Labels with an array, otherwise `None`: integers, of shape
            `(samples,)` or `(samples, 1)`, or one-hot.
        name: String, the argument they came as.

    Returns:
        The images, the labels as integers of shape `(samples,)`, and the
        number of columns of one-hot labels, or `None`.

    Raises:
        TypeError: If `x` is neither.
        ValueError: If the data set is not one of labelled images, or the
            labels have another form.

    Example:

    >>> from darts_tf.tuner import labelled_images
    >>> x, one_hot = np.zeros((2, 8, 8, 1)), np.eye(3)[[2, 0]]
    >>> labelled_images.read(x, one_hot, "x")[1:]
    (array([2, 0]), 3)
    """
    if isinstance(x, tf.data.Dataset):
        if y is not None:
            raise ValueError(
                "A tf.data.Dataset holds the labels, too. "
                f"Received: {name} of {type(x)}, y of {type(y)}"
            )
        x, y = _read_dataset(x, name)
    elif not hasattr(x, "__array__") and not isinstance(x, list | tuple):
        raise TypeError(f"Expected {_EXPECTED}. Received: {name} of {type(x)}")
    if y is None:
        raise ValueError(f"Expected {_EXPECTED}. Received: y=None with {name}")
    try:
        x = np.asarray(x)
    except ValueError as error:
        raise ValueError(
            f"All images must have one size. Received: {name}, where {error}"
        ) from error
    return x, *_class_ids(np.asarray(y), name)


def _class_ids(labels, name):
    """Returns labels as they are counted, and the columns of one-hot ones."""
    columns = None
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    elif labels.ndim == 2 and labels.dtype.kind in "biuf":
        columns = labels.shape[1]
        is_one = labels == 1
        if not ((is_one | (labels == 0)).all() and (is_one.sum(1) == 1).all()):
            raise ValueError(
                "Labels of rank 2 must be one-hot, a single 1 in each row. "
                f"Received: labels with {name} of shape {labels.shape}"
            )
        labels = is_one.argmax(1)
    if labels.dtype.kind == "b" or (
        labels.dtype.kind == "f" and (labels == np.rint(labels)).all()
    ):
        labels = labels.astype("int64")
    return labels, columns


def _read_dataset(dataset, name):
    """Returns the images and the labels of all elements."""
    spec = dataset.element_spec
    if isinstance(spec, dict) and {"image", "label"} <= set(spec):
        keys = ("image", "label")
    elif (
        isinstance(spec, tuple)
        and len(spec) == 2
        and all(isinstance(part, tf.TensorSpec) for part in spec)
    ):
        keys = (0, 1)
    else:
        raise ValueError(f"Expected {_EXPECTED}. Received: {name} of {spec}")
    if int(dataset.cardinality()) == tf.data.INFINITE_CARDINALITY:
        raise ValueError(
            f"Expected {_EXPECTED}; leave out `repeat`. "
            f"Received: {name} without end"
        )
    elements = [
        tuple(np.asarray(element[key]) for key in keys)
        for element in dataset.as_numpy_iterator()
    ]
    if not elements:
        raise ValueError(f"Expected {_EXPECTED}. Received: {name} without any")
    shapes = sorted({image.shape[-3:] for image, _ in elements})
    if len(shapes) > 1 or elements[0][0].ndim not in (3, 4):
        raise ValueError(
            f"Expected {_EXPECTED}, all of one size (height, width, channels). "
            f"Received: {name} with images of {shapes}"
        )
    join = np.stack if elements[0][0].ndim == 3 else np.concatenate
    images, labels = (join(part) for part in zip(*elements, strict=True))
    if len(images) != len(labels):
        return images, labels  # an error of its own, where arrays are checked
    order = sorted(
        range(len(labels)), key=lambda k: _digest(images[k], labels[k])
    )
    return images[order], labels[order]


def _digest(image, label):
    return hashlib.blake2b(image.tobytes()).digest(), label.tobytes()
