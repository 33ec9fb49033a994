"""Loads the data set that a trainer's flags name."""

import contextlib
import difflib
import importlib
import pathlib
import sys
from typing import Any

from trainers import late

with late.imports():
    from darts_tf.data import image_classification
    from darts_tf.data import lazy_images


def check(name: str, data_dir: str | None = None) -> None:
    """Raises an error for data that are not there, before TensorFlow loads.

    Args:
        name: String, as `load` takes it in `config.dataset`.
        data_dir: Optional string, as in a config. Defaults to `None`.

    Raises:
        ValueError: If there is no such folder, and TensorFlow Datasets knows
            no data set of that name.
    """
    path = pathlib.Path(name).expanduser()
    if (path.is_absolute() or name.startswith(".")) and not path.is_dir():
        raise ValueError(
            "A folder of images must contain train/<class>/*. "
            f"Received: {name=}, which does not exist"
        )
    if name == "digits" or path.is_dir():
        return
    # It takes a second, and leads to TensorFlow only where that is used.
    tfds: Any = importlib.import_module("tensorflow_datasets")
    prepared = pathlib.Path(data_dir or tfds.core.constants.DATA_DIR)
    base = name.replace(":", "/").split("/")[0]
    known = tfds.list_builders(with_community_datasets=False)
    if (prepared.expanduser() / base).is_dir() or base in known:
        return
    close = difflib.get_close_matches(base, ["digits", *known], n=5)
    raise ValueError(
        "`dataset` must be 'digits', a data set of TensorFlow Datasets, or the "
        "path of a folder with train/<class>/* and test/<class>/*. "
        f"Close matches: {close}. Received: dataset={name!r}"
    )


def load(config: Any) -> "image_classification.ImageDataset":
    """Returns the data set of a config, checked against its sizes.

    Args:
        config: A config with the fields `dataset`, `data_dir`, `image_size`
            and `max_samples`.

    Returns:
        A `darts_tf.data.image_classification.ImageDataset`.

    Raises:
        ValueError: If the data cannot be used.
        OSError: If it is not there and cannot be fetched.
    """
    with _quietly(config.dataset):
        return image_classification.load(
            config.dataset,
            data_dir=config.data_dir,
            image_size=config.image_size,
            max_samples=config.max_samples,
        )


def find(config: Any) -> "lazy_images.LazyImages":
    """Returns the data set of a config, of which no image is read yet.

    Args:
        config: A config with the fields `dataset`, `data_dir` and
            `max_samples`.

    Returns:
        A `darts_tf.data.lazy_images.LazyImages`.

    Raises:
        ValueError: If the data cannot be used.
        OSError: If it is not there and cannot be fetched.
    """
    with _quietly(config.dataset):
        return lazy_images.load(
            config.dataset, config.data_dir, config.max_samples
        )


def describe(dataset: "image_classification.ImageDataset") -> str:
    """Returns what is in a data set, for the first lines of a run.

    Args:
        dataset: A `darts_tf.data.image_classification.ImageDataset`.

    Returns:
        String without a full stop.
    """
    size = "x".join(map(str, dataset.image_shape))
    return f"{dataset.describe()} Images of {size}"


@contextlib.contextmanager
def _quietly(name: str) -> Any:
    """Says that it may take long, for what is said while it does."""
    if name != "digits":
        print(f"Reading {name}, after a download if need be ...", flush=True)
    # TensorFlow Datasets prints while it downloads and prepares.
    with contextlib.redirect_stdout(sys.stderr):
        yield
