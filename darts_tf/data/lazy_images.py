"""Image data sets that do not fit into memory, read while they are used.

The streams are those of `streams`: a batch follows from the seed and the
number of its step alone. An image is handed to the transform as its file's
bytes, or as pixels where the data set lies in memory anyway; the transforms
of `imagenet_augmentation` take either.
"""

import dataclasses
import os
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from darts_tf.data import dataset_summary
from darts_tf.data import image_classification
from darts_tf.data import image_folder
from darts_tf.data import named_dataset
from darts_tf.data import picture_file
from darts_tf.data import streams

# Encoded images that are held to be drawn from: about 0.5 GB of ImageNet.
_SHUFFLE_BUFFER = 4096
_OPEN_FILES = 16


@dataclasses.dataclass(frozen=True, eq=False)
class LazyImages:
    """A data set of labelled images that is read while it is used.

    Args:
        name: String, what `load` was asked for.
        class_names: Tuple of strings; the label is the position in it.
        num_train: Integer, the number of training images.
        num_test: Integer, the number of test images.
        train: Callable `train(batch_size, seed, start_step=0,
            transform=None)`, an endless stream of shuffled batches, as
            `streams.batches`.
        test: Callable `test(batch_size, transform=None)`, one pass over the
            test images, as `streams.sequential`.
        class_counts: Dictionary from the name of each class to its training
            and test images, or `None`, which records do not say. Defaults to
            `None`.
        passed_over: Dictionary from a reason to the paths in a folder of
            images that are not read for it. Defaults to none.
        test_fraction: Float, the share of each class that was held out for
            the test images, or `None` if the data have such images. Defaults
            to `None`.

    Example:

    >>> images = LazyImages("flowers", ("daisy", "tulip"), 20, 10, None, None)
    >>> images.num_classes
    2
    """

    name: str
    class_names: tuple
    num_train: int
    num_test: int
    train: Callable
    test: Callable
    class_counts: dict | None = None
    passed_over: dict = dataclasses.field(default_factory=dict)
    test_fraction: float | None = None

    @property
    def num_classes(self):
        """Number of classes."""
        return len(self.class_names)

    def describe(self):
        """Returns a line of what is in it, and what was passed over."""
        return dataset_summary.describe(
            self.name,
            self.num_train,
            self.num_test,
            self.class_names,
            self.class_counts,
            self.passed_over,
            self.test_fraction,
        )


def load(
    name, data_dir=None, max_samples=None, download=True, test_fraction=None
):
    """Finds an image data set, without reading its images.

    Args:
        name: String or path: `"digits"`, a folder with `train/<class>/*` and
            `val/<class>/*` (or `test`), such as ImageNet's, another folder or
            a table of images, as for `image_classification.load`, or the name
            of an image classification set of TensorFlow Datasets, such as
            `"imagenet2012"`.
        data_dir: Optional string or path, where TensorFlow Datasets keeps its
            prepared data sets. Defaults to `None`, its own default.
        max_samples: Optional positive integer, limit on the training images
            of a folder or of `"digits"`, with the classes in proportion.
            Defaults to `None`, all.
        download: Boolean, whether a data set of TensorFlow Datasets that is
            not prepared in `data_dir` is downloaded. Defaults to `True`.
        test_fraction: Optional float, as for `image_classification.load`.
            Defaults to `None`.

    Returns:
        A `LazyImages`.

    Raises:
        ValueError: If the name is unknown, an option does not apply, or the
            data do not have the form that is expected.
        OSError: If the data set is not there and cannot be downloaded.

    Example:

    >>> from darts_tf.data import lazy_images
    >>> digits = lazy_images.load("digits")
    >>> digits.num_train, digits.num_test, digits.num_classes
    (1437, 360, 10)
    >>> x, y = next(iter(digits.train(batch_size=4, seed=0)))
    >>> x.shape, y.shape
    (TensorShape([4, 8, 8, 1]), TensorShape([4]))
    """
    name = os.fspath(name)
    folder = image_classification.find_folder(name)
    image_classification.check_options(name, folder, data_dir, test_fraction)
    if name == "digits":
        digits = image_classification.load(name, data_dir, None, max_samples)
        return _in_memory(name, digits.train, digits.test, digits.class_names)
    if folder is None:
        return _records(name, data_dir, max_samples, download)
    image_classification.check_max_samples(max_samples)
    files = image_folder.list_files(folder, max_samples, test_fraction)
    # As objects, because a fixed width would be that of the longest path.
    train, test = (
        (np.array(paths, dtype=object), labels)
        for paths, labels in (files.train, files.test)
    )
    return _in_memory(
        name,
        train,
        test,
        files.class_names,
        _read_files,
        passed_over=files.passed_over,
        test_fraction=files.test_fraction,
    )


def _in_memory(name, train, test, class_names, read=None, **facts):
    """Makes the data set of arrays: of pixels, or of paths with `read`."""

    def train_stream(batch_size, seed, start_step=0, transform=None):
        return streams.batches(
            train,
            batch_size,
            seed,
            start_step,
            transform=_after(read, transform),
        )

    def test_stream(batch_size, transform=None):
        return streams.sequential(test, batch_size, _after(read, transform))

    return LazyImages(
        name,
        class_names,
        len(train[1]),
        len(test[1]),
        train_stream,
        test_stream,
        image_classification.count_classes(train[1], test[1], class_names),
        **facts,
    )


def _after(read, transform):
    """Returns a transform that first reads the files."""
    if read is None:
        return transform

    def both(batch, *seed):
        batch = read(batch)
        return batch if transform is None else transform(batch, *seed)

    return both


def _read_files(batch):
    paths, labels = batch
    contents = tf.map_fn(tf.io.read_file, paths)
    # Stateful by default: otherwise the check is left out as of no effect.
    checked = tf.numpy_function(_check_files, [contents, paths], tf.bool)
    with tf.control_dependencies([checked]):
        return tf.identity(contents), labels


def _check_files(contents, paths):
    """Raises an error with the path of a file that cannot be decoded."""
    for content, path in zip(contents, paths, strict=True):
        picture_file.check_whole(content, os.fsdecode(path))
    return True


def _records(name, data_dir, max_samples, download):
    """Makes the data set of the record files of TensorFlow Datasets."""
    if max_samples is not None:
        raise ValueError(
            "`max_samples` applies to folders and digits; records are read in "
            "their order, so make an epoch shorter instead. "
            f"Received: {name=}, {max_samples=}"
        )
    builder, test_split = named_dataset.find(name, data_dir, download)
    info = builder.info
    parse = _parser(info.features)
    train, test = (info.splits[split] for split in ("train", test_split))
    for split in (train, test):
        if not all(".tfrecord" in str(path) for path in split.filepaths):
            raise ValueError(
                "A data set must be prepared as TFRecord files, the default "
                f"of TensorFlow Datasets. Received: {name=} with "
                f"{str(split.filepaths[0])!r}"
            )

    def train_stream(batch_size, seed, start_step=0, transform=None):
        steps = streams.steps_per_epoch(train.num_examples, batch_size)
        records = _shuffled_records(_paths(train), batch_size, seed, steps)
        return streams.epochs(
            records, steps, seed, start_step, _after(parse, transform)
        )

    def test_stream(batch_size, transform=None):
        return (
            tf.data.TFRecordDataset(_paths(test))
            .batch(batch_size)
            .map(_after(parse, transform), tf.data.AUTOTUNE, deterministic=True)
            .prefetch(tf.data.AUTOTUNE)
        )

    return LazyImages(
        name,
        tuple(info.features["label"].names),
        train.num_examples,
        test.num_examples,
        train_stream,
        test_stream,
    )


def _paths(split):
    return [str(path) for path in split.filepaths]


def _shuffled_records(paths, batch_size, seed, steps):
    """Returns a function from an epoch to its batches of records.

    Each epoch reads the files in an order of its own, some at a time, and
    draws from a buffer.
    """

    def records_of(epoch, order_key):
        files = tf.random.experimental.stateless_shuffle(
            tf.constant(paths), tf.random.fold_in(order_key, epoch)
        )
        return (
            tf.data.Dataset.from_tensor_slices(files)
            .interleave(
                tf.data.TFRecordDataset,
                cycle_length=_OPEN_FILES,
                num_parallel_calls=tf.data.AUTOTUNE,
                deterministic=True,
            )
            .shuffle(_SHUFFLE_BUFFER, seed, reshuffle_each_iteration=False)
            .batch(batch_size, drop_remainder=True)
            .take(steps)
        )

    return records_of


def _parser(features):
    """Returns a function from a batch of records to encoded images, labels."""
    import tensorflow_datasets as tfds

    skip = {"image": tfds.decode.SkipDecoding()}

    def parse_one(record):
        example = features.deserialize_example(record, decoders=skip)
        return example["image"], tf.cast(example["label"], tf.int64)

    def parse(records):
        return tf.map_fn(
            parse_one,
            records,
            fn_output_signature=(
                tf.TensorSpec((), tf.string),
                tf.TensorSpec((), tf.int64),
            ),
        )

    return parse
