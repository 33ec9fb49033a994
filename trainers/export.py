"""Turns a trained network into a SavedModel and a `.tflite` file.

    python -m trainers.export --network=RUN/network.keras --workdir=OUT

Writes `OUT/saved_model/` and `OUT/network.tflite`, runs them and the network
itself on test images of the data set that the network was trained on, and
prints by how much their logits differ at most (`OUT/export.json`). Both take
normalised images, as the network does.
"""

import dataclasses
import json
import pathlib

import keras

import darts_tf
from darts_tf.data import augmentation
from darts_tf.data import streams
from trainers import images
from trainers import options
from trainers import workdir

_DATASET_FIELDS = ("dataset", "data_dir", "image_size", "max_samples")


@dataclasses.dataclass(frozen=True)
class Config:
    """Options of the export; each field is a flag of the same name."""

    network: str = options.option(
        "File network.keras of a training run; its config.json, beside it, "
        "names the data set."
    )
    workdir: str = options.option("New folder for the files.")
    num_images: int = options.option(
        "Test images on which to compare the files.", 64
    )
    data_dir: str | None = options.option(
        "Folder of TensorFlow Datasets; none is the training run's.", None
    )

    def __post_init__(self):
        """Fails on values that cannot work."""
        if self.num_images < 1:
            raise ValueError(
                "`num_images` must be positive. "
                f"Received: num_images={self.num_images}"
            )


def run(config):
    """Exports the network and compares the files.

    Args:
        config: A `Config`.

    Returns:
        A dictionary of the figures written to `export.json`.
    """
    path = pathlib.Path(config.network)
    training = _training_config(path, config)
    network = keras.saving.load_model(path)
    if not isinstance(network, darts_tf.ConvNetwork):
        raise ValueError(
            "`network` must be the network.keras of trainers.cnn_train. "
            f"Received: network={config.network!r}, a {type(network).__name__}"
        )
    dataset = images.load(training)
    batch = next(
        iter(
            streams.sequential(
                dataset.test,
                config.num_images,
                augmentation.evaluation_transform(dataset.mean, dataset.std),
            )
        )
    )
    folder = workdir.create(config.workdir, options.to_json(config))
    saved_model = darts_tf.export.export_saved_model(
        network, folder / "saved_model"
    )
    tflite = darts_tf.export.export_tflite(
        saved_model, folder / "network.tflite"
    )
    differences = darts_tf.export.largest_differences(
        network, batch[0], saved_model, tflite
    )
    report = {
        "images": int(batch[0].shape[0]),
        "tflite_bytes": tflite.stat().st_size,
        "largest_difference": differences,
    }
    workdir.write_json(folder / "export.json", report)
    print(f"Wrote {saved_model} and {tflite} ({tflite.stat().st_size:,} bytes)")
    print(f"Largest difference of logits on {report['images']} test images:")
    print(f"  Keras - SavedModel   {differences['saved_model']:.2e}")
    print(f"  Keras - TFLite       {differences['tflite']:.2e}")
    print(f"  SavedModel - TFLite  {differences['saved_model_tflite']:.2e}")
    return report


@dataclasses.dataclass(frozen=True)
class _DatasetConfig:
    """What `images.load` needs to know."""

    dataset: str
    data_dir: str | None
    image_size: int | None
    max_samples: int | None


def _training_config(path, config):
    beside = path.with_name(workdir.CONFIG_FILE)
    if not path.is_file() or not beside.is_file():
        raise ValueError(
            "`network` must be a file network.keras with the config.json of "
            f"its training run beside it. Received: network={str(path)!r}"
        )
    values = json.loads(beside.read_text(encoding="utf-8"))
    missing = [name for name in _DATASET_FIELDS if name not in values]
    if missing:
        raise ValueError(
            "The config.json beside the network must name the data set that "
            "it was trained on; networks of trainers.import_checkpoint are "
            "exported by `darts_tf.export` in Python. "
            f"Received: {str(beside)!r} without {missing}"
        )
    chosen = {name: values[name] for name in _DATASET_FIELDS}
    if config.data_dir is not None:
        chosen["data_dir"] = config.data_dir
    return _DatasetConfig(**chosen)


if __name__ == "__main__":
    options.main(Config, run)
