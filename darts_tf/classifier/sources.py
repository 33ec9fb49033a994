"""Labelled images, however a user has them: files, arrays, data sets."""

import collections.abc
import dataclasses
import os
import pathlib

import keras
import numpy as np

from darts_tf.classifier import pictures
from darts_tf.data import dataset_summary
from darts_tf.data import image_classification
from darts_tf.data import image_folder
from darts_tf.data import splitting
from darts_tf.tuner import configuration
from darts_tf.tuner import labelled_images

# Of each class: to test, to validate, and for either half of the search.
_LEAST_OF_A_CLASS = 4


@dataclasses.dataclass(frozen=True, eq=False)
class Source:
    """Labelled images that are not read yet, or lie in memory.

    Args:
        name: String.
        labels: int64 array, of the images that are not for the test.
        test_labels: int64 array.
        class_names: Tuple of strings.
        size: Integer, the smaller side of a typical image.
        channels: Integer.
        is_grey: Boolean, whether the images have no colours.
        read: Callable `read(image_size)` that returns two uint8 arrays, of the
            images and of the test images.
        seconds_per_image: Float, what reading one takes.
        items: What the images are called in a list: a pair of lists of paths
            or of positions.
        description: String of one line.
        fingerprint: What tells arrays from others; `None` of files, whose
            paths do. Defaults to `None`.
    """

    name: str
    labels: np.ndarray
    test_labels: np.ndarray
    class_names: tuple
    size: int
    channels: int
    is_grey: bool
    read: collections.abc.Callable
    seconds_per_image: float
    items: tuple
    description: str
    fingerprint: str | None = None


def is_named(x):
    """Returns whether images are given by the name of where they are.

    Args:
        x: What `fit` got.
    """
    return isinstance(x, str | os.PathLike)


def of_name(
    name,
    test_fraction=None,
    data_dir=None,
    max_samples=None,
    image_size=None,
):
    """Finds the images of a folder, a table or a known data set.

    Args:
        name: String or path, as `darts_tf.data.image_classification.load`
            takes it.
        test_fraction: As there. Defaults to `None`.
        data_dir: As there. Defaults to `None`.
        max_samples: As there. Defaults to `None`.
        image_size: As there, for a data set with a name. Defaults to `None`.

    Returns:
        A `Source`.

    Raises:
        ValueError: If it is none, or a class has too few images.
        OSError: If it is not there.
    """
    name = os.fspath(name)
    folder = image_classification.find_folder(name)
    image_classification.check_options(name, folder, data_dir, test_fraction)
    if folder is None:
        dataset = image_classification.load(
            name, data_dir, image_size, max_samples
        )
        return of_arrays(
            *dataset.train,
            test_data=dataset.test,
            class_names=dataset.class_names,
            name=name,
        )
    image_classification.check_max_samples(max_samples)
    files = image_folder.list_files(folder, max_samples, test_fraction)
    _check_classes(files.train[1], files.test[1], files.class_names)
    # Before any long work, also those of the test.
    seen = pictures.sizes_of([*files.train[0], *files.test[0]])
    sample, seconds = pictures.sample(files.train[0])
    counts = image_classification.count_classes(
        files.train[1], files.test[1], files.class_names
    )
    return Source(
        name,
        files.train[1],
        files.test[1],
        files.class_names,
        size=int(np.median([min(size) for size in seen])),
        channels=3,
        is_grey=pictures.are_grey(sample),
        read=lambda size: tuple(
            images for images, _ in image_folder.read_files(files, (size, size))
        ),
        seconds_per_image=seconds,
        items=tuple(
            [_below(path, folder) for path in paths]
            for paths in (files.train[0], files.test[0])
        ),
        description=dataset_summary.describe(
            name,
            len(files.train[1]),
            len(files.test[1]),
            files.class_names,
            counts,
            files.passed_over,
            files.test_fraction,
        ),
    )


def of_arrays(
    x,
    y=None,
    test_data=None,
    test_fraction=None,
    class_names=None,
    name="arrays",
):
    """Takes images and labels in memory, or a data set of them.

    Args:
        x: Array of images, a finite `tf.data.Dataset` of images and labels, or
            a `keras.utils.PyDataset` of batches of them. Pixels are from 0 to
            255, or floats from 0 to 1.
        y: Labels with an array: integers, one-hot, or names. Defaults to
            `None`.
        test_data: Optional pair of such arrays, or such a data set. Defaults
            to `None`: a part of the others.
        test_fraction: Optional float in (0, 1), the share of each class that
            is that part. Defaults to `None`, 0.2.
        class_names: Optional sequence of strings. Defaults to `None`: what the
            data set says, the names in `y`, or the numbers.
        name: String. Defaults to `"arrays"`.

    Returns:
        A `Source`.

    Raises:
        TypeError: If it is something else.
        ValueError: If they are not labelled images.
    """
    known = class_names or getattr(x, "class_names", None)
    x, y, columns, names = _labelled(x, y, "x")
    if test_data is None:
        fraction = test_fraction or image_folder.TEST_FRACTION
        y, known = _numbered(y, known or names, columns, ())
        _check_counts(y, (), known)
        rest, held_out = splitting.hold_out(y, fraction)
        test_x, test_y = x[held_out], y[held_out]
        items = (rest.tolist(), held_out.tolist())
        x, y = x[rest], y[rest]
    else:
        if test_fraction is not None:
            raise ValueError(
                "`test_fraction` applies where there are no test images. "
                f"Received: {test_fraction=}, and `test_data`"
            )
        pair = (
            test_data
            if isinstance(test_data, tuple | list)
            else (
                test_data,
                None,
            )
        )
        test_x, test_y, *_ = _labelled(*pair, "test_data")
        y, known = _numbered(y, known or names, columns, test_y)
        test_y, _ = _numbered(test_y, known, columns, ())
        items = tuple(list(range(len(labels))) for labels in (y, test_y))
    for images, labels in ((x, y), (test_x, test_y)):
        image_classification.check_images(images, labels, len(known))
    _check_classes(y, test_y, known)
    x, test_x = pictures.pixels(x), pictures.pixels(test_x)
    if x.shape[-1] != test_x.shape[-1] or x.shape[-1] not in (1, 3):
        raise ValueError(
            "Images must have 1 channel or 3, those of the test as the others. "
            f"Received: {x.shape[-1]} and {test_x.shape[-1]}"
        )

    def read(size):
        return tuple(pictures.resized(images, size) for images in (x, test_x))

    return Source(
        name,
        y,
        test_y,
        known,
        size=min(x.shape[1:3]),
        channels=x.shape[-1],
        is_grey=pictures.are_grey(x),
        read=read,
        seconds_per_image=0.0,
        items=items,
        description=f"{name}: {len(y):,} training and {len(test_y):,} test "
        f"images in {len(known)} classes.",
        fingerprint=configuration.fingerprint((x, test_x)),
    )


def labelled(x, y, class_names):
    """Returns images and labels of which the classes are known.

    Args:
        x: As for `of_arrays`.
        y: As for `of_arrays`.
        class_names: Tuple of strings.

    Returns:
        An array of images and an int64 array of labels.

    Raises:
        TypeError: If it is something else.
        ValueError: If they are not labelled images of these classes.
    """
    x, y, _, names = _labelled(x, y, "x")
    if names is not None:
        unknown = sorted(set(names) - set(class_names))
        if unknown:
            raise ValueError(
                f"The classes are {class_names}. Received: {unknown[0]!r}"
            )
        y = np.array([class_names.index(name) for name in names])[y]
    image_classification.check_images(x, y, len(class_names))
    return x, y.astype("int64")


def _labelled(x, y, name):
    """Returns images, labels, columns of one-hot ones, and names in them."""
    if isinstance(x, keras.utils.PyDataset):
        x, y = _read_pydataset(x, y, name)
    if y is not None and np.asarray(y).dtype.kind in "USO":
        names, y = np.unique(np.asarray(y).astype(str), return_inverse=True)
        x, y, columns = labelled_images.read(x, y.ravel(), name)
        return x, y, columns, tuple(names.tolist())
    return *labelled_images.read(x, y, name), None


def _read_pydataset(dataset, y, name):
    if y is not None or not dataset.num_batches:
        raise ValueError(
            "A keras.utils.PyDataset has the labels itself, and an end. "
            f"Received: {name} of {type(dataset)}, y of {type(y)}, "
            f"num_batches={dataset.num_batches}"
        )
    batches = [dataset[index] for index in range(dataset.num_batches)]
    if not all(
        isinstance(batch, tuple) and len(batch) == 2 for batch in batches
    ):
        raise ValueError(
            "Batches of images and labels are expected. "
            f"Received: {name}, of batches of {type(batches[0])}"
        )
    return tuple(
        np.concatenate([np.asarray(part) for part in parts])
        for parts in zip(*batches, strict=True)
    )


def _numbered(labels, names, columns, others):
    """Returns labels as integers, and the names of all classes."""
    if names is None:
        most = columns or 1 + max(
            int(np.max(part)) for part in (labels, others) if len(part)
        )
        names = [str(number) for number in range(max(most, 1))]
    return np.asarray(labels).astype("int64"), tuple(map(str, names))


def _check_classes(labels, test_labels, class_names):
    """Raises an error unless each class has images for each part."""
    _check_counts(labels, test_labels, class_names)
    counts = np.bincount(labels, minlength=len(class_names))
    least = int(counts.argmin())
    # Those for the test are held out already.
    if counts[least] < _LEAST_OF_A_CLASS - 1:
        raise ValueError(
            f"Each class must have at least {_LEAST_OF_A_CLASS} images: to "
            "test, to validate, and for either half of the search. Received: "
            f"{counts[least]} of class {class_names[least]!r} beside the test"
        )


def _check_counts(labels, test_labels, class_names):
    if len(class_names) < 2:
        raise ValueError(
            f"At least two classes are expected. Received: {list(class_names)}"
        )
    counts = np.bincount(labels, minlength=len(class_names))
    if len(counts) > len(class_names):
        raise ValueError(
            f"Labels must be in [0, {len(class_names)}). "
            f"Received: {len(counts) - 1}"
        )
    if not counts.min():
        missing = class_names[int(counts.argmin())]
        raise ValueError(
            "Each class must have images to train on. "
            f"Received: none of class {missing!r}"
        )


def _below(path, folder):
    try:
        return pathlib.Path(path).relative_to(folder).as_posix()
    except ValueError:  # a table lists files anywhere
        return str(path)
