"""Turns a trained network into a SavedModel and a `.tflite` file.

    python -m trainers.export --network=RUN/network.keras --workdir=OUT

Writes `OUT/saved_model/` and `OUT/network.tflite`, runs them and the network
itself on test data of the data set that the network was trained on, and prints
by how much their logits differ at most (`OUT/export.json`). The files of a
network of `trainers.cnn_train` take normalised images, as the network does;
those of `trainers.ptb_train` are one step of the language model, a word and a
state, with `OUT/vocabulary.txt` beside them.
"""

import dataclasses
import json
import pathlib

import darts_tf
from darts_tf.data import augmentation
from darts_tf.data import corpus
from darts_tf.data import streams
from darts_tf.export import step_model
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
        "Test images, or words of the test text, on which to compare the "
        "files.",
        64,
    )
    data_dir: str | None = options.option(
        "Folder of the data set; none is the training run's.", None
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
    values = _training_values(path, config)
    network = darts_tf.models.load_network(path)
    if isinstance(network, darts_tf.RecurrentNetwork):
        samples, report = _export_step(config, path, values, network)
    elif isinstance(network, darts_tf.ConvNetwork):
        samples, report = _export_images(config, values, network)
    else:
        raise ValueError(
            "`network` must be the network.keras of trainers.cnn_train or "
            f"trainers.ptb_train. Received: network={config.network!r}, a "
            f"{type(network).__name__}"
        )
    folder = pathlib.Path(config.workdir).expanduser()
    workdir.write_json(folder / "export.json", report)
    size, differences = report["tflite_bytes"], report["largest_difference"]
    print(
        f"Wrote {folder}/saved_model and {folder}/network.tflite "
        f"({size:,} bytes)"
    )
    print(f"Largest difference of logits on {samples}:")
    print(f"  Keras - SavedModel   {differences['saved_model']:.2e}")
    print(f"  Keras - TFLite       {differences['tflite']:.2e}")
    print(f"  SavedModel - TFLite  {differences['saved_model_tflite']:.2e}")
    return report


def _export_images(config, values, network):
    """Exports an image network and compares the files on test images."""
    dataset = images.load(
        _DatasetConfig(**{name: values[name] for name in _DATASET_FIELDS})
    )
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
    count = int(batch[0].shape[0])
    return f"{count} test images", {
        "images": count,
        "tflite_bytes": tflite.stat().st_size,
        "largest_difference": darts_tf.export.largest_differences(
            network, batch[0], saved_model, tflite
        ),
    }


def _export_step(config, path, values, network):
    """Exports a step of a language model and compares it on a test text."""
    text = corpus.load(values["corpus"], values["data_dir"])
    vocabulary = step_model.read_vocabulary(path)
    if text.vocabulary != vocabulary:
        raise ValueError(
            "The text to compare on must have the vocabulary of the network, "
            f"{len(vocabulary)} words in their order. Received: another one, "
            f"of {text.vocabulary_size} words, in {text.name!r}"
        )
    tokens = text.test[None, : config.num_images]
    folder = workdir.create(config.workdir, options.to_json(config))
    saved_model = step_model.export_step_model(
        network, folder / "saved_model", vocabulary
    )
    tflite = darts_tf.export.export_tflite(
        saved_model, folder / "network.tflite"
    )
    step_model.write_vocabulary(folder / step_model.VOCABULARY_FILE, vocabulary)
    count = int(tokens.size)
    return f"{count} words of the test text", {
        "words": count,
        "tflite_bytes": tflite.stat().st_size,
        "largest_difference": step_model.largest_step_differences(
            network, tokens, saved_model, tflite
        ),
    }


@dataclasses.dataclass(frozen=True)
class _DatasetConfig:
    """What `images.load` needs to know."""

    dataset: str
    data_dir: str | None
    image_size: int | None
    max_samples: int | None


def _training_values(path, config):
    """Returns the options of the training run, with its data where it is."""
    beside = path.with_name(workdir.CONFIG_FILE)
    if not path.is_file() or not beside.is_file():
        raise ValueError(
            "`network` must be a file network.keras with the config.json of "
            f"its training run beside it. Received: network={str(path)!r}"
        )
    values = json.loads(beside.read_text(encoding="utf-8"))
    if config.data_dir is not None:
        values["data_dir"] = config.data_dir
    return values


if __name__ == "__main__":
    options.main(Config, run)
