"""Turns a network into files that run without this library, and checks them.

    python -m trainers.export --network=RUN/network.keras --workdir=OUT
    python -m trainers.export --network=RUN/network.keras \
        --formats=saved_model,float32,float16,dynamic_range,int8,onnx \
        --workdir=OUT
    python -m trainers.export --genotype=DARTS_V2 --dataset=cifar10 \
        --workdir=OUT

`--network` is what `trainers.cnn_train` wrote; the `config.json` beside it
names the data set. `--genotype` makes a network of random weights, to learn
what a cell costs before it is trained.

The files take raw uint8 pixels and return probabilities, with the names of the
classes, the genotype and the config inside (`--nopreprocessing`: normalised
images and logits). Each is run on the test images and compared with Keras:
largest difference, top-1 agreement, accuracy. It is timed on one image, and
its operators are counted and timed. `OUT/export.json` has it all. Expected: a
minute for a small network; float16 and float32 agree with Keras to rounding,
int8 loses about 0.1 % of accuracy (docs/results.md).
"""

import dataclasses
import importlib.util
import json
import pathlib
import tempfile
from typing import Any

import keras
import numpy as np

import darts_tf
from darts_tf.data import augmentation
from darts_tf.data import image_classification
from trainers import device
from trainers import genotypes
from trainers import images
from trainers import options
from trainers import workdir

FORMATS = ("saved_model", *darts_tf.export.PRECISIONS, "onnx")
_DATASET_FIELDS = ("dataset", "data_dir", "image_size", "max_samples")
_GENOTYPE_FIELDS = ("stem", "filters", "num_cells")


@dataclasses.dataclass(frozen=True)
class Config:
    """Options of the export; each field is a flag of the same name."""

    workdir: str = options.option("New folder for the files.")
    network: str | None = options.option(
        "File network.keras of a training run; its config.json, beside it, "
        "names the data set.",
        None,
    )
    genotype: str | None = options.option(
        f"Instead, for a network of random weights: {genotypes.HELP}", None
    )
    formats: str = options.option(
        f"Which of {', '.join(FORMATS)}, separated by commas.",
        "saved_model,float32,float16,dynamic_range,int8",
    )
    preprocessing: bool = options.option(
        "Take raw uint8 pixels and return probabilities; otherwise normalised "
        "images and logits.",
        True,
    )
    dataset: str | None = options.option(
        "digits, a data set of TensorFlow Datasets, or a folder of images; "
        "none is the training run's.",
        None,
    )
    data_dir: str | None = options.option(
        "Folder of TensorFlow Datasets; none is the training run's.", None
    )
    image_size: int | None = options.option(
        "Height and width to resize images to; none is the training run's.",
        None,
    )
    stem: str | None = options.option(
        "cifar or imagenet, with --genotype; none is cifar.", None
    )
    filters: int | None = options.option(
        "Filters of the first cells, with --genotype; none is the paper's "
        "number for the stem.",
        None,
    )
    num_cells: int | None = options.option(
        "Cells of the network, with --genotype; none is the paper's number.",
        None,
    )
    seed: int = options.option("Seeds the weights of --genotype.", 0)
    calibration_images: int = options.option(
        "Training images on which int8 measures its ranges.", 128
    )
    test_images: int | None = options.option(
        "Test images on which to compare the files; none uses all.", None
    )
    num_threads: str = options.option(
        "For how many threads to time each file, separated by commas.", "1,2"
    )

    def __post_init__(self):
        """Fails on values that cannot work."""
        if (self.network is None) == (self.genotype is None):
            raise ValueError(
                "Expected either --network or --genotype. Received: "
                f"network={self.network!r}, genotype={self.genotype!r}"
            )
        if self.genotype is not None and self.dataset is None:
            raise ValueError(
                "--genotype needs a --dataset, for the size of the images and "
                "the classes. Received: dataset=None"
            )
        for name in _GENOTYPE_FIELDS:
            if self.genotype is None and getattr(self, name) is not None:
                raise ValueError(
                    f"`{name}` applies to --genotype only. "
                    f"Received: {name}={getattr(self, name)!r}"
                )
        for name in ("calibration_images", "test_images"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(
                    f"`{name}` must be positive. Received: {name}={value}"
                )
        _check_formats(self.formats)
        threads_of(self.num_threads)


def _check_formats(formats: str) -> None:
    names = formats.split(",")
    if not set(names) <= set(FORMATS) or len(set(names)) < len(names):
        raise ValueError(
            f"`formats` must be some of {', '.join(FORMATS)}, separated by "
            f"commas. Received: formats={formats!r}"
        )
    missing = [
        package
        for package in ("tf2onnx", "onnxruntime")
        if "onnx" in names and importlib.util.find_spec(package) is None
    ]
    if missing:
        raise ValueError(
            "The format onnx needs `pip install 'darts-tf[onnx]'`. "
            f"Received: no package {missing[0]}"
        )


def threads_of(text: str) -> tuple[int, ...]:
    """Reads numbers of threads.

    Args:
        text: String, positive integers separated by commas.

    Returns:
        Tuple of integers.

    Raises:
        ValueError: If it is something else.

    Example:

    >>> from trainers import export
    >>> export.threads_of("1,2")
    (1, 2)
    """
    numbers = text.split(",")
    if not all(number.isdecimal() and int(number) for number in numbers):
        raise ValueError(
            "`num_threads` must be positive integers, separated by commas. "
            f"Received: num_threads={text!r}"
        )
    return tuple(map(int, numbers))


def run(config: Config) -> dict[str, Any]:
    """Exports the network and compares the files.

    Args:
        config: A `Config`.

    Returns:
        A dictionary of what is written to `export.json`.
    """
    network, dataset = _network_and_dataset(config)
    folder = workdir.create(config.workdir, options.to_json(config))
    classification = darts_tf.export.Classification(
        dataset.mean, dataset.std, dataset.class_names
    )
    test_images, labels = (part[: config.test_images] for part in dataset.test)
    calibration = _evenly(dataset.train[0], config.calibration_images)
    if not config.preprocessing:
        normalize = augmentation.normalize
        test_images, calibration = (
            np.asarray(normalize(pixels, dataset.mean, dataset.std))
            for pixels in (test_images, calibration)
        )
        classification = None
    files = _write(config, network, classification, calibration, folder)
    report = {
        **darts_tf.export.describe_files(
            network,
            files,
            test_images,
            labels,
            classification,
            threads_of(config.num_threads),
        ),
        "device": device.description(),
        "versions": device.versions("ai-edge-litert"),
    }
    workdir.write_json(folder / "export.json", report)
    _print(report, folder)
    return report


def _evenly(pixels: Any, count: int) -> Any:
    """Returns some of the images, spread over all: they may be sorted."""
    count = min(count, len(pixels))
    return pixels[np.linspace(0, len(pixels) - 1, count).astype(int)]


def _write(
    config: Config,
    network: Any,
    classification: Any,
    calibration: Any,
    folder: pathlib.Path,
) -> dict[str, pathlib.Path]:
    """Writes each format, and returns their paths."""
    export = darts_tf.export
    formats = config.formats.split(",")
    files = {}
    with tempfile.TemporaryDirectory() as scratch:
        wanted = "saved_model" in formats
        place = (folder if wanted else pathlib.Path(scratch)) / "saved_model"
        saved_model = export.export_saved_model(network, place, classification)
        for name in formats:
            print(f"Writing {name} ...", flush=True)
            if name == "saved_model":
                files[name] = saved_model
            elif name == "onnx":
                path = folder / "network.onnx"
                files[name] = export.export_onnx(saved_model, path)
            else:
                files[name] = export.export_tflite(
                    saved_model,
                    folder / f"network_{name}.tflite",
                    name,
                    calibration if name == "int8" else None,
                )
    return files


def _print(report: dict[str, Any], folder: pathlib.Path) -> None:
    print(
        f"{report['parameters']:,} parameters, {report['multiply_adds']:,} "
        f"multiply-adds. On {report['images']:,} test images the accuracy of "
        f"Keras is {report['keras_accuracy']:.4f}; on {report['device']}:"
    )
    threads = sorted(
        {
            number
            for entry in report["files"].values()
            for number in entry.get("latency_ms", ())
        },
        key=int,
    )
    heads = [
        f"{'file':14}{'bytes':>12}{'accuracy':>10}{'agreement':>11}"
        f"{'difference':>12}"
    ]
    heads += [f"{f'ms, {number} thread(s)':>20}" for number in threads]
    print("".join(heads))
    for name, entry in report["files"].items():
        row = (
            f"{name:14}{entry['bytes']:12,}{entry['accuracy']:10.4f}"
            f"{entry['top_1_agreement']:11.4f}"
            f"{entry['largest_difference']:12.1e}"
        )
        for number in threads:
            times = entry.get("latency_ms", {}).get(number)
            text = (
                f"{times['median']:.2f} ({times['lower']:.2f}-"
                f"{times['upper']:.2f})"
                if times
                else ""
            )
            row += f"{text:>20}"
        print(row)
    for name, entry in report["files"].items():
        slowest = ", ".join(
            f"{row['operator']} {row['share']:.0%} ({row['count']})"
            for row in entry.get("profile", ())[:4]
        )
        if slowest:
            print(f"{name}: {slowest}")
    print(f"Files and export.json are in {folder}.")


@dataclasses.dataclass(frozen=True)
class _DatasetConfig:
    """What `images.load` needs to know."""

    dataset: str
    data_dir: str | None
    image_size: int | None
    max_samples: int | None


def _network_and_dataset(
    config: Config,
) -> tuple[Any, image_classification.ImageDataset]:
    """Returns the network, and the data set that it was or will be trained on.

    Raises:
        ValueError: If they cannot be loaded, or do not belong together.
    """
    chosen = _training_config(config) if config.network else {}
    for name in _DATASET_FIELDS[:3]:
        if getattr(config, name) is not None:
            chosen[name] = getattr(config, name)
    chosen = {name: chosen.get(name) for name in _DATASET_FIELDS}
    if config.network is None:
        # A wrong genotype shows before the data are read.
        genotype = genotypes.read(str(config.genotype), "conv")
        dataset = images.load(_DatasetConfig(**chosen))
        keras.utils.set_random_seed(config.seed)
        network = darts_tf.ConvNetwork(
            genotype,
            dataset.num_classes,
            config.filters,
            config.num_cells,
            stem=config.stem or "cifar",
        )
        network.build((None, *dataset.image_shape))
        return network, dataset
    network = keras.saving.load_model(config.network)
    if not isinstance(network, darts_tf.ConvNetwork):
        raise ValueError(
            "`network` must be the network.keras of trainers.cnn_train. "
            f"Received: network={config.network!r}, a {type(network).__name__}"
        )
    dataset = images.load(_DatasetConfig(**chosen))
    takes = darts_tf.export.input_shape(network)[1:]
    if (takes, network.num_classes) != (
        tuple(dataset.image_shape),
        dataset.num_classes,
    ):
        raise ValueError(
            f"The network takes images of {takes} and knows "
            f"{network.num_classes} classes. Received: dataset="
            f"{chosen['dataset']!r} with images of {dataset.image_shape} and "
            f"{dataset.num_classes} classes"
        )
    return network, dataset


def _training_config(config: Config) -> dict[str, Any]:
    path = pathlib.Path(str(config.network))
    beside = path.with_name(workdir.CONFIG_FILE)
    if not path.is_file() or not beside.is_file():
        raise ValueError(
            "`network` must be a file network.keras with the config.json of "
            f"its training run beside it. Received: network={str(path)!r}"
        )
    values = json.loads(beside.read_text(encoding="utf-8"))
    return {name: values[name] for name in _DATASET_FIELDS}


if __name__ == "__main__":
    options.main(Config, run)
