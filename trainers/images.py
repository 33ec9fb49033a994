"""Loads the data set that a trainer's flags name."""

import contextlib
import dataclasses
import importlib
import pathlib
import sys
from typing import Any

from trainers import late
from trainers import options

with late.without_package():
    from darts_tf.data import dataset_names
    from darts_tf.spaces import paper

with late.imports():
    from darts_tf.data import image_classification
    from darts_tf.data import lazy_images


@dataclasses.dataclass(frozen=True, kw_only=True)
class SourceOptions:
    """Options of everything that reads images: where from, and which."""

    data_dir: str | None = options.option(
        "Folder of TensorFlow Datasets; none is its default.", None
    )
    max_samples: int | None = options.option(
        "Number of training images to use; none uses all.", None
    )
    test_fraction: float | None = options.option(
        "Part of each class to hold out as test images, where a folder or "
        "table has none; none is 0.2.",
        None,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataOptions(SourceOptions):
    """Options of a run on images: which they are."""

    dataset: str = options.option(
        "digits, a data set of TensorFlow Datasets, or a folder or table of "
        "images.",
        "cifar10",
    )
    image_size: int | None = options.option(
        "Height and width to resize images to, in pixels; none keeps them.",
        None,
    )
    flip: bool = options.option("Flip images at random.", True)


@dataclasses.dataclass(frozen=True, kw_only=True)
class NetworkOptions:
    """Options of a network of images: its sizes."""

    filters: int = options.option("Filters of the first cells.")
    num_cells: int = options.option("Cells of the network.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class CifarOptions:
    """Options of the paper's protocol on CIFAR-10 beside its data's."""

    final_learning_rate: float = options.option("Where the cosine ends.")
    crop_padding: int = options.option(
        "Pixels of padding for the random crop.", paper.ConvSearch.crop_padding
    )
    cutout: int = options.option("Side of the square cut out, in pixels.")


def check(name: str, data_dir: str | None = None) -> None:
    """Raises an error for data that are not there, before TensorFlow loads.

    Args:
        name: String, as `load` takes it in `config.dataset`.
        data_dir: Optional string, as in a config. Defaults to `None`.

    Raises:
        ValueError: If there is no such folder or table, and TensorFlow
            Datasets knows no data set of that name.
    """
    path = pathlib.Path(name).expanduser()
    if dataset_names.is_path(name) and not path.exists():
        raise ValueError(
            f"A folder of images must contain {dataset_names.LAYOUTS}. "
            f"Received: {name=}, which does not exist"
        )
    if name == "digits" or path.exists():
        return
    # It takes a second, and leads to TensorFlow only where that is used.
    tfds: Any = importlib.import_module("tensorflow_datasets")
    prepared = pathlib.Path(data_dir or tfds.core.constants.DATA_DIR)
    folder = prepared.expanduser() / dataset_names.base_of(name)
    if not folder.is_dir():
        dataset_names.check_known(name, tfds, "dataset")


def load(config: Any) -> "image_classification.ImageDataset":
    """Returns the data set of a config, checked against its sizes.

    Args:
        config: A config with the fields `dataset`, `data_dir`, `image_size`,
            `max_samples` and `test_fraction`.

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
            test_fraction=config.test_fraction,
        )


def find(config: Any) -> "lazy_images.LazyImages":
    """Returns the data set of a config, of which no image is read yet.

    Args:
        config: A config with the fields `dataset`, `data_dir`, `max_samples`
            and `test_fraction`.

    Returns:
        A `darts_tf.data.lazy_images.LazyImages`.

    Raises:
        ValueError: If the data cannot be used.
        OSError: If it is not there and cannot be fetched.
    """
    with _quietly(config.dataset):
        return lazy_images.load(
            config.dataset,
            config.data_dir,
            config.max_samples,
            test_fraction=config.test_fraction,
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
