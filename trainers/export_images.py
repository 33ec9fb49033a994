"""What `trainers.export` does with a network of images."""

import pathlib
from typing import Any

from trainers import genotypes
from trainers import images
from trainers import late

with late.imports():
    import keras
    import numpy as np

    import darts_tf
    from darts_tf.data import augmentation
    from darts_tf.data import image_classification

# Written out, as the help shows it before TensorFlow is imported.
FORMATS = (
    "saved_model",
    "float32",
    "float16",
    "dynamic_range",
    "int8",
    "onnx",
    "c_array",
)
DEFAULT_FORMATS = FORMATS[:5]  # ONNX needs packages of its own
_DATASET_FIELDS = ("dataset", "data_dir", "image_size")
_OF_TEXTS = ("test_words", "corpus")


class ImageExport:
    """A network of images, and the images to calibrate and compare on.

    Args:
        config: A `trainers.export.Config`.
        network: The `darts_tf.ConvNetwork` of `config.network`; `None` makes
            one of `config.genotype`.
        training: Dictionary, the options of the training run, empty if there
            was none.

    Raises:
        ValueError: If the data cannot be used, or not with the network.
    """

    formats = FORMATS
    default_formats = DEFAULT_FORMATS
    note = ""

    def __init__(self, config: Any, network: Any, training: dict[str, Any]):
        _check_options(config)
        chosen = _dataset_config(config, training)
        if network is None:
            # A wrong genotype shows before the data are read.
            genotype = genotypes.read(str(config.genotype), "conv")
            dataset = images.load(chosen)
            network = _untrained(config, genotype, dataset)
        else:
            dataset = images.load(chosen)
            _check_fits(network, dataset, chosen.dataset)
        self.network = network
        self._is_trained = config.network is not None
        classification = network.classification
        if classification is None:
            classification = darts_tf.Classification.of(dataset)
        pixels, self._labels = (
            part[: config.test_images] for part in dataset.test
        )
        calibration = _evenly(dataset.train[0], config.calibration_images)
        if not config.preprocessing:
            normalize = augmentation.normalize
            pixels, calibration = (
                np.asarray(
                    normalize(values, classification.mean, classification.std)
                )
                for values in (pixels, calibration)
            )
            classification = None
        self._images, self.calibration = pixels, calibration
        self._classification = classification

    def write_saved_model(self, path: pathlib.Path) -> pathlib.Path:
        """Writes the SavedModel that other formats are made from."""
        return darts_tf.export.export_saved_model(
            self.network,
            path,
            self._classification,
            preprocessing=self._classification is not None,
        )

    def describe(
        self, files: dict[str, pathlib.Path], num_threads: tuple[int, ...]
    ) -> dict[str, Any]:
        """Compares the files with Keras on the test images, and times them.

        Of random weights there is no accuracy to speak of.
        """
        return darts_tf.export.describe_files(
            self.network,
            files,
            self._images,
            self._labels if self._is_trained else None,
            self._classification,
            num_threads,
        )


def _check_options(config: Any) -> None:
    for name in _OF_TEXTS:
        if getattr(config, name) is not None:
            raise ValueError(
                f"`{name}` applies to language models only. "
                f"Received: {name}={getattr(config, name)!r}"
            )


def _dataset_config(
    config: Any, training: dict[str, Any]
) -> images.DataOptions:
    names = (*_DATASET_FIELDS, "max_samples", "test_fraction")
    chosen = {name: training.get(name) for name in names}
    if config.dataset not in (None, chosen["dataset"]):
        # They belong to the run's own data set.
        chosen["data_dir"] = chosen["test_fraction"] = None
    for name in _DATASET_FIELDS:
        if getattr(config, name) is not None:
            chosen[name] = getattr(config, name)
    if chosen["dataset"] is None:
        raise ValueError(
            "No config.json beside the network names a data set to calibrate "
            "and compare on, so --dataset must; in Python the functions of "
            "darts_tf.export write files without any dataset. "
            f"Received: network={config.network!r}, dataset=None"
        )
    return images.DataOptions(**chosen)


def _untrained(
    config: Any, genotype: Any, dataset: "image_classification.ImageDataset"
) -> Any:
    keras.utils.set_random_seed(config.seed)
    network = darts_tf.ConvNetwork(
        genotype,
        dataset.num_classes,
        config.filters,
        config.num_cells,
        stem=config.stem or "cifar",
    )
    network.build((None, *dataset.image_shape))
    return network


def _check_fits(
    network: Any, dataset: "image_classification.ImageDataset", name: str
) -> None:
    takes = darts_tf.export.input_shape(network)[1:]
    if (takes, network.num_classes) != (
        tuple(dataset.image_shape),
        dataset.num_classes,
    ):
        raise ValueError(
            f"The network takes images of {takes} and knows "
            f"{network.num_classes} classes. Received: dataset={name!r} with "
            f"images of {dataset.image_shape} and {dataset.num_classes} classes"
        )
    known = network.classification
    if known is not None and known.class_names != dataset.class_names:
        raise ValueError(
            f"The classes of the network are {known.class_names}, in this "
            f"order. Received: dataset={name!r} with {dataset.class_names}"
        )


def _evenly(pixels: Any, count: int) -> Any:
    """Returns some of the images, spread over all: they may be sorted."""
    count = min(count, len(pixels))
    return pixels[np.linspace(0, len(pixels) - 1, count).astype(int)]
