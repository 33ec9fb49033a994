"""The images of a tuner: arrays, however the user has them."""

import contextlib

import keras
import numpy as np
import tensorflow as tf

from darts_tf.data import image_classification
from darts_tf.data import splitting
from darts_tf.tuner import stored_images

_EXPECTED = (
    "arrays of images and labels, or a finite tf.data.Dataset of (image, "
    'label) or of dictionaries with "image" and "label", one by one or in '
    "batches, or a keras.utils.PyDataset of such batches"
)
# Of each class, to score the cells, where no validation data are given.
HELD_OUT = 0.2
NO_VALIDATION_DATA = (
    "`validation_data` must be images and labels that the search does not see: "
    "they score the cells. Received: validation_data=None"
)


def prepare(x, y, validation_data, num_classes, folder=None, say=None):
    """Returns training and validation data as arrays with integer labels.

    Args:
        x: Training images, or a data set, as in `read`.
        y: Labels, as in `read`.
        validation_data: Tuple of such arrays, or such a data set; `None` holds
            out a fifth of each class of the training data.
        num_classes: Optional integer, what the user said.
        folder: As for `stored_images.ImageCollector`. Defaults to `None`.
        say: As for `stored_images.ImageCollector`. Defaults to `None`.

    Returns:
        A tuple `(x, y, validation_data)`, and the number of classes that the
        labels show: the columns of one-hot ones, or the largest and 1.

    Raises:
        TypeError: If they are something else.
        ValueError: If they are not labelled images, one-hot labels have not a
            column for each class, or a class is too small to be divided.
    """
    sources = [(x, y, "x")]
    if isinstance(validation_data, tuple | list):
        if len(validation_data) != 2:
            raise ValueError(
                "`validation_data` must be (x, y), or a tf.data.Dataset. "
                f"Received: {len(validation_data)} parts"
            )
        sources.append((*validation_data, "validation_data"))
    elif validation_data is not None:
        sources.append((validation_data, None, "validation_data"))
    (x, y, columns), *validation = (
        read(*source, folder, say) for source in sources
    )
    others = validation[0][2] if validation else columns
    labels = [y, *(part[1] for part in validation)]
    number = _count_classes(labels, columns, others, num_classes)
    if validation:
        return (x, y, validation[0][:2]), number
    image_classification.check_images(x, y, num_classes or number)
    kept, held_out = splitting.hold_out(y, HELD_OUT)
    train, validation = (
        (stored_images.taken(x, part, folder), y[part])
        for part in (kept, held_out)
    )
    return (*train, validation), number


def _count_classes(labels, columns, others, num_classes):
    """Returns the number of classes that the labels show."""
    if {columns, others} != {None}:
        given = {columns, others, num_classes} - {None}
        if len(given) > 1:
            raise ValueError(
                "One-hot labels must have a column for each class. Received: "
                f"{columns} columns in training, {others} in validation, "
                f"num_classes={num_classes}"
            )
        return given.pop()
    largest = max(
        int(array.max()) if array.size and array.dtype.kind in "iu" else 0
        for array in labels
    )
    return max(largest + 1, 2)


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
        Two arrays. For images that are in a file, a `np.memmap`, their places
        stand, which `as_floats` replaces batch by batch.
    """
    y = np.asarray(y)
    if isinstance(x, np.memmap):
        return np.arange(len(x)), y
    x = np.asarray(x)
    if np.issubdtype(x.dtype, np.floating):
        x = x.astype("float32", copy=False)
    return x, y


def halves(x, y, seed):
    """Returns the half for the weights and the half for the alphas.

    Args:
        x: Images.
        y: Integer labels.
        seed: Integer, of the split.

    Returns:
        Two tuples of images and labels, as `as_arrays` has them, with equal
        shares of each class.
    """
    x, y = as_arrays(x, y)
    parts = splitting.split_indices(y, seed=seed)
    return tuple((x[part], y[part]) for part in parts)


def as_floats(x, transform):
    """Returns a transform whose images are floating-point numbers.

    Pixels that are integers stay so in memory; a batch of them is converted.
    A batch of images that are in a file is read.

    Args:
        x: Array of images.
        transform: Callable, as in `darts_tf.data.streams`, or `None`.

    Returns:
        A callable, or `transform` itself where the images are floats in
        memory.
    """
    is_stored = isinstance(x, np.memmap)
    if not is_stored and np.issubdtype(np.asarray(x).dtype, np.floating):
        return transform
    read_images = stored_images.reader(x) if is_stored else None

    def convert(batch, *seed):
        images, labels = batch
        if read_images is not None:
            images = read_images(images)
            if images.dtype == tf.float64:
                images = tf.cast(images, tf.float32)
            batch = images, labels
        if transform is not None:
            batch = transform(batch, *seed)
        images, labels = batch
        if not images.dtype.is_floating:
            images = tf.cast(images, keras.config.floatx())
        return images, labels

    return convert


def read(x, y, name, folder=None, say=None):
    """Returns images and labels as arrays, and the number of classes.

    A data set is read once, into memory; one of more than a gigabyte of images
    into a file. Its samples are then put in an order that follows from what
    they are, so that a data set that shuffles is the same data in each
    process.

    Args:
        x: Array of images, a `tf.data.Dataset` of pairs of images and labels,
            or of dictionaries with `"image"` and `"label"`, or a
            `keras.utils.PyDataset` of batches of such pairs.
        y: Labels with an array, otherwise `None`: integers, of shape
            `(samples,)` or `(samples, 1)`, or one-hot.
        name: String, the argument they came as.
        folder: As for `stored_images.ImageCollector`. Defaults to `None`.
        say: As for `stored_images.ImageCollector`. Defaults to `None`.

    Returns:
        The images, the labels as integers of shape `(samples,)`, and the
        number of columns of one-hot labels, or `None`. The images are a
        `np.memmap` if they are in a file.

    Raises:
        TypeError: If `x` is none of these.
        ValueError: If the data set is not one of labelled images, or the
            labels have another form.

    Example:

    >>> from darts_tf.tuner import labelled_images
    >>> x, one_hot = np.zeros((2, 8, 8, 1)), np.eye(3)[[2, 0]]
    >>> labelled_images.read(x, one_hot, "x")[1:]
    (array([2, 0]), 3)
    """
    if isinstance(x, tf.data.Dataset | keras.utils.PyDataset):
        if y is not None:
            raise ValueError(
                "A tf.data.Dataset or PyDataset holds the labels, too. "
                f"Received: {name} of {type(x)}, y of {type(y)}"
            )
        collector = stored_images.ImageCollector(name, folder, say)
        with contextlib.closing(collector):
            x, y = _gather(x, name, collector)
    elif not hasattr(x, "__array__") and not isinstance(x, list | tuple):
        raise TypeError(f"Expected {_EXPECTED}. Received: {name} of {type(x)}")
    if y is None:
        raise ValueError(f"Expected {_EXPECTED}. Received: y=None with {name}")
    try:
        x = np.asanyarray(x) if isinstance(x, np.memmap) else np.asarray(x)
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


def _gather(source, name, collector):
    """Returns the images and the labels of all elements of a data set."""
    of_batches = isinstance(source, keras.utils.PyDataset)
    elements = (_batches if of_batches else _elements)(source, name)
    ranks = (4,) if of_batches else (3, 4)
    labels, shapes = [], set()
    for image, label in elements:
        image, label = np.asarray(image), np.asarray(label)
        shapes.add(image.shape[-3:])
        if len(shapes) > 1 or image.ndim not in ranks:
            raise ValueError(
                f"Expected {_EXPECTED}, all of one size (height, width, "
                f"channels). Received: {name} with images of {sorted(shapes)}"
            )
        is_batch = image.ndim == 4
        collector.add(image if is_batch else image[np.newaxis])
        labels.append(label if is_batch else label[np.newaxis])
    if not labels:
        raise ValueError(f"Expected {_EXPECTED}. Received: {name} without any")
    labels = np.concatenate(labels)
    digests = collector.digests
    if len(digests) != len(labels):
        # An error of its own, where arrays are checked.
        return collector.in_order(np.arange(len(digests))), labels
    order = np.array(
        sorted(
            range(len(labels)), key=lambda k: (digests[k], labels[k].tobytes())
        )
    )
    return collector.in_order(order), labels[order]


def _elements(dataset, name):
    """Returns an iterator over the pairs of a tf.data.Dataset."""
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
    return (
        tuple(element[key] for key in keys)
        for element in dataset.as_numpy_iterator()
    )


def _batches(source, name):
    """Yields the pairs of a keras.utils.PyDataset, one after another."""
    if source.num_batches is None:
        raise ValueError(
            f"Expected {_EXPECTED}. Received: {name}, a PyDataset without end"
        )
    for index in range(source.num_batches):
        batch = source[index]
        if not isinstance(batch, tuple | list) or len(batch) != 2:
            kind = f"{len(batch)} parts" if hasattr(batch, "__len__") else "one"
            raise ValueError(
                f"Expected {_EXPECTED}. Received: {name}, whose batches are a "
                f"{type(batch).__name__} of {kind}"
            )
        yield batch
