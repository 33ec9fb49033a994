"""Reads image classification data sets of TensorFlow Datasets by name."""

import pathlib
import socket
import urllib.parse
import urllib.request

import numpy as np
import tensorflow as tf

from darts_tf.data import dataset_names
from darts_tf.data import image_stack
from darts_tf.data import picture_file

_OFFLINE = (
    "Without a network choose --dataset=digits, which needs no download, or "
    "the path of a folder of images."
)
_TIMEOUT = 3.0  # seconds to wait for the host of a download


def read(name, data_dir=None, image_size=None, download=True):
    """Reads a data set that is prepared in `data_dir`, or prepares it there.

    Args:
        name: String, name of the data set; `name/config` and `name:1.0.0`
            choose a configuration and a version.
        data_dir: Optional string or path, where prepared data sets lie.
            Defaults to `None`, the default of TensorFlow Datasets.
        image_size: Optional tuple `(height, width)` in pixels, to which the
            images are resized. Defaults to `None`: all have one size.
        download: Boolean, whether a data set that is not prepared is
            downloaded. Defaults to `True`.

    Returns:
        Tuple `(train, test, class_names)`, as `image_folder.read`; the images
        have the number of channels of the data set. `test` is the split of
        that name, or else `validation`.

    Raises:
        ValueError: If the name is unknown, or if the data set is not one of
            image classification.
        OSError: If the data set is not prepared and cannot be downloaded.

    Example:

    >>> from darts_tf.data import named_dataset
    >>> named_dataset.read("cifra10")
    Traceback (most recent call last):
    ...
    ValueError: `name` must be ... Close matches: ['cifar10', ...
    """
    import tensorflow_datasets as tfds

    builder, test_split = find(name, data_dir, download)
    train, test = (
        _arrays(tfds, builder, split, image_size)
        for split in ("train", test_split)
    )
    return train, test, tuple(builder.info.features["label"].names)


def find(name, data_dir=None, download=True):
    """Finds a data set that is prepared in `data_dir`, or prepares it there.

    TensorFlow Datasets is slow to import and patient with dead networks: it
    is imported in this file only, and whether a download can work is found
    out before it starts.

    Args:
        name: String, name of the data set, as for `read`.
        data_dir: Optional string or path, as for `read`.
        download: Boolean, as for `read`. Defaults to `True`.

    Returns:
        A builder of TensorFlow Datasets, and the name of the test split.

    Raises:
        ValueError: If the name is unknown, or if the data set is not one of
            image classification.
        OSError: If the data set is not prepared and cannot be downloaded.
    """
    import tensorflow_datasets as tfds

    data_dir = pathlib.Path(data_dir or tfds.core.constants.DATA_DIR)
    data_dir = data_dir.expanduser()
    prepared = _prepared(data_dir, name)
    if prepared is None:
        builder = _downloadable(tfds, data_dir, name, download)
    else:
        builder = tfds.builder_from_directory(prepared)
    _check_features(name, builder.info.features)
    if prepared is None:
        builder.download_and_prepare()
    return builder, _test_split(name, builder.info.splits)


def _prepared(data_dir, name):
    """Returns the folder of the newest prepared version, or `None`.

    The folders are `name/version` or `name/config/version`. They are looked
    at directly, because a builder made by name may ask the network.
    """
    base = data_dir / name.replace(":", "/")
    if not base.is_dir():
        return None
    found = [base, *base.glob("*"), *base.glob("*/*")]
    found = [path for path in found if (path / "dataset_info.json").is_file()]
    configs = sorted({path.parent for path in found})
    if base not in found and len(configs) > 1:
        raise ValueError(
            "`name` must choose one of the prepared configurations "
            f"{[config.name for config in configs]}. Received: {name=}"
        )
    return max(found, key=_version, default=None)


def _version(path):
    return [int(part) for part in path.name.split(".") if part.isdigit()]


def _downloadable(tfds, data_dir, name, download):
    """Returns a builder, after the checks that need no patience."""
    dataset_names.check_known(name, tfds)
    builder_class = tfds.builder_cls(dataset_names.base_of(name))
    if builder_class.MANUAL_DOWNLOAD_INSTRUCTIONS:
        raise FileNotFoundError(
            f"The data set {name!r} is not prepared in {str(data_dir)!r} and "
            "cannot be downloaded automatically: prepare it with "
            f"`tfds build {name} --data_dir={data_dir}`. {_OFFLINE}"
        )
    if not download:
        raise FileNotFoundError(
            f"The data set {name!r} is not prepared in {str(data_dir)!r}, and "
            f"download=False. {_OFFLINE}"
        )
    # Empty for builders that generate their data, or do not say from where.
    for url in list(builder_class.url_infos or ())[:1]:
        _check_reachable(name, data_dir, url)
    return tfds.builder(name, data_dir=data_dir)


def _check_reachable(name, data_dir, url):
    """Raises if the host of a download, or its proxy, does not answer."""
    scheme = urllib.parse.urlsplit(url).scheme
    target = urllib.parse.urlsplit(urllib.request.getproxies().get(scheme, url))
    port = target.port or {"http": 80, "ftp": 21}.get(target.scheme, 443)
    try:
        socket.create_connection((target.hostname, port), _TIMEOUT).close()
    except OSError as error:
        raise ConnectionError(
            f"The data set {name!r} is not prepared in {str(data_dir)!r} and "
            f"cannot be downloaded: no answer from {target.hostname} "
            f"({error}). {_OFFLINE}"
        ) from error


def _check_features(name, features):
    by_name = dict(getattr(features, "items", dict)())
    image, label = by_name.get("image"), by_name.get("label")
    if (
        image is None
        or len(image.shape or ()) != 3
        or image.dtype != np.uint8
        or not hasattr(label, "names")
    ):
        raise ValueError(
            "The data set must have the features `image`, of 8 bits and rank "
            f"3, and `label`, a class. Received: {name=} with {features}"
        )


def _test_split(name, splits):
    for split in ("test", "validation"):
        if split in splits and "train" in splits:
            return split
    raise ValueError(
        "The data set must have the splits `train` and `test` or "
        f"`validation`. Received: {name=} with {list(splits)}"
    )


def _arrays(tfds, builder, split, image_size):
    """Returns all images and labels of a split, in the order of its files."""
    labels = []

    def images():
        for example in tfds.as_numpy(_examples(tfds, builder, split)):
            labels.append(example["label"])
            image = example["image"]
            if "content" in example:
                lies = picture_file.orientation(example["content"])
                image = picture_file.turned(image, lies)
            yield image

    size = builder.info.splits[split].num_examples
    names = [f"{builder.name} {split}[{index}]" for index in range(size)]
    stacked = image_stack.stack(images(), names, image_size)
    return stacked, np.array(labels, np.int64)


def _examples(tfds, builder, split):
    """Returns a split, with the files of its images if it has files."""
    wanted = {"image": True, "label": True}
    feature = builder.info.features["image"]
    if not isinstance(feature, tfds.features.Image):
        wanted = tfds.decode.PartialDecoding(wanted)
        return builder.as_dataset(split=split, decoders=wanted)
    # TensorFlow Datasets would decode them without a look at EXIF.
    wanted = tfds.decode.PartialDecoding(
        wanted, {"image": tfds.decode.SkipDecoding()}
    )

    def decode(example):
        content = example["image"]
        return {
            **example,
            "image": feature.decode_example(content),
            "content": content,
        }

    return builder.as_dataset(split=split, decoders=wanted).map(
        decode, num_parallel_calls=tf.data.AUTOTUNE
    )
