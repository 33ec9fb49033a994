"""What `trainers.export` does with a language model."""

import pathlib
from typing import Any

from trainers import late

with late.imports():
    import darts_tf
    from darts_tf.data import corpus
    from darts_tf.export import step_model


FORMATS = ("saved_model", "float32", "float16", "dynamic_range")
_TEST_WORDS = 256
_OF_IMAGES = ("dataset", "image_size", "test_images")


class StepExport:
    """A step of a language model, and a text to compare on.

    Args:
        config: A `trainers.export.Config`.
        network: The `darts_tf.RecurrentNetwork` of `config.network`.
        training: Dictionary, the options of the training run.

    Raises:
        ValueError: If the text has another vocabulary, or an option applies to
            images only.
    """

    formats = FORMATS
    default_formats = FORMATS
    calibration = None
    note = (
        " (int8 would round the state at each word, and in ONNX the state that "
        "is read and the one that is returned cannot bear one name)"
    )

    def __init__(self, config: Any, network: Any, training: dict[str, Any]):
        _check_options(config)
        name = config.corpus or training.get("corpus")
        if name is None:
            raise ValueError(
                "No config.json beside the network names a corpus to compare "
                "on, so --corpus must; in Python the functions of "
                "darts_tf.export write files without any corpus. "
                f"Received: network={config.network!r}, corpus=None"
            )
        # The run's folder and its rare words belong to the run's corpus.
        own = training if name == training.get("corpus") else {}
        data_dir = config.data_dir or own.get("data_dir")
        text = corpus.load(name, data_dir, own.get("min_count"))
        self._vocabulary = _vocabulary(config, network, text)
        if text.vocabulary != self._vocabulary:
            raise ValueError(
                "The text to compare on must have the vocabulary of the "
                f"network, {len(self._vocabulary)} words in their order. "
                f"Received: another one, of {text.vocabulary_size} words, in "
                f"{text.name!r}"
            )
        self._tokens = text.test[: config.test_words or _TEST_WORDS]
        self.network = network

    def write_saved_model(self, path: pathlib.Path) -> pathlib.Path:
        """Writes the SavedModel that other formats are made from."""
        return darts_tf.export.export_step_model(
            self.network, path, self._vocabulary
        )

    def describe(
        self, files: dict[str, pathlib.Path], num_threads: tuple[int, ...]
    ) -> dict[str, Any]:
        """Compares the files with Keras on the test text, and times them."""
        return darts_tf.export.describe_step_files(
            self.network, files, self._tokens, num_threads
        )


def _vocabulary(config: Any, network: Any, text: Any) -> tuple[str, ...]:
    """Returns the words of the network, or those of the text it is said of."""
    path = pathlib.Path(config.network).expanduser()
    beside = path.with_name(step_model.VOCABULARY_FILE)
    if config.corpus is not None and not beside.is_file():
        step_model.check_vocabulary(text.vocabulary, network.vocabulary_size)
        return text.vocabulary
    return step_model.read_vocabulary(path)


def _check_options(config: Any) -> None:
    given = [name for name in _OF_IMAGES if getattr(config, name) is not None]
    if not config.preprocessing:
        given.append("preprocessing")
    if given:
        raise ValueError(
            f"`{given[0]}` applies to networks of images only. "
            f"Received: {given[0]}={getattr(config, given[0])!r}"
        )
