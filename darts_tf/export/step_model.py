"""A language model as a function of one word and a state."""

import dataclasses
import pathlib
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from ai_edge_litert import interpreter as litert

from darts_tf.export import assets
from darts_tf.export import networks
from darts_tf.export import saved_model as saved_model_lib
from darts_tf.files import atomic_file
from darts_tf.layers import inputs
from darts_tf.models import saved_network

VOCABULARY_FILE = "vocabulary.txt"


@dataclasses.dataclass(frozen=True)
class StepModel:
    """Reads a text word by word, with the network or an exported file.

    Args:
        step: Callable `step(token, state)` of an int32 array of shape
            `(batch,)` and a float32 array of shape `(batch, units)`, which
            returns the logits, of shape `(batch, vocabulary_size)`, and the
            new state, and raises a `ValueError` for an id that is no word.
        units: Integer, the width of the state.

    Example:

    >>> network = darts_tf.RecurrentNetwork(
    ...     darts_tf.zoo.RECURRENT_DARTS_V2, vocabulary_size=20, units=8
    ... )
    >>> model = darts_tf.export.StepModel.of_network(network)
    >>> logits, state = model.step(np.array([3], "int32"), model.first_state(1))
    >>> logits.shape, state.shape
    ((1, 20), (1, 8))
    """

    step: Callable
    units: int

    @classmethod
    def of_network(cls, network):
        """Returns the steps of a `darts_tf.RecurrentNetwork`, in float32."""
        networks.check_recurrent_network(network)
        network = networks.in_float32(network)
        function = tf.function(
            _serving(network), input_signature=_signature(network)
        )
        step = _step_of(function, network.vocabulary_size)
        return cls(step, network.units)

    @classmethod
    def of_saved_model(cls, path):
        """Returns the steps of a folder that `export_step_model` wrote."""
        networks.check_file(path, "the folder of a SavedModel")
        loaded = tf.saved_model.load(str(path))
        signature = loaded.signatures["serving_default"]
        names = signature.structured_input_signature[1]
        _check_names(names, path)

        def serve(token, state):
            return loaded.serve(token, state)  # keeps its variables alive

        num_words = signature.structured_outputs["logits"].shape[-1]
        return cls(_step_of(serve, num_words), int(names["state"].shape[-1]))

    @classmethod
    def of_tflite(cls, path, num_threads=None):
        """Returns the steps of a `.tflite` file made from such a folder."""
        networks.check_file(path, "a .tflite file")
        interpreter = litert.Interpreter(str(path), num_threads=num_threads)
        runner = interpreter.get_signature_runner()
        details = runner.get_input_details()
        _check_names(details, path)

        num_words = int(runner.get_output_details()["logits"]["shape"][-1])

        def step(token, state):
            inputs.check_vocabulary(token, num_words)
            results = runner(token=token, state=state)
            return results["logits"], results["state"]

        return cls(step, int(details["state"]["shape"][-1]))

    @classmethod
    def open(cls, path):
        """Returns the steps of a file, by its suffix.

        Args:
            path: String or path: a file `.keras` or `.tflite`, or the folder
                of a SavedModel.

        Returns:
            A `StepModel`.

        Raises:
            ValueError: If it is not one of them, or not a language model.
        """
        path = pathlib.Path(path)
        if path.suffix == ".keras" and path.is_file():
            return cls.of_network(saved_network.load_network(path))
        if path.suffix == ".tflite" and path.is_file():
            return cls.of_tflite(path)
        if (path / "saved_model.pb").is_file():
            return cls.of_saved_model(path)
        raise ValueError(
            "A step model is read from a file .keras or .tflite or from the "
            f"folder of a SavedModel. Received: path={str(path)!r}"
        )

    def first_state(self, batch_size):
        """Returns the state before a text, zeros."""
        return np.zeros((batch_size, self.units), "float32")

    def run(self, tokens):
        """Reads whole texts, a word at a time.

        Args:
            tokens: Integer array of shape `(batch, time)`.

        Returns:
            The logits after each word, of shape `(batch, time,
            vocabulary_size)`.
        """
        tokens = np.asarray(tokens, "int32")
        state = self.first_state(len(tokens))
        logits = []
        for token in tokens.T:
            scores, state = self.step(token, state)
            logits.append(scores)
        return np.stack(logits, axis=1)


def export_step_model(network, path, vocabulary=None):
    """Writes one step of a language model as a SavedModel.

    The endpoint `serve`, and the signature `serving_default`, take a batch of
    any size: `token`, int32 of shape `(batch,)`, and `state`, float32 of shape
    `(batch, units)`, zeros before the first word. They return `logits`, of
    shape `(batch, vocabulary_size)`, and the new `state`. There is no loop in
    it, and it computes in float32, also if the network was trained in mixed
    precision. `export_tflite` makes a `.tflite` file of the folder, with the
    same names. Genotype, config and vocabulary are in it; `read_assets` reads
    them.

    Args:
        network: A `darts_tf.RecurrentNetwork`.
        path: String or path, a folder that does not exist yet.
        vocabulary: Optional sequence of strings, the words by their ids,
            stored as `vocabulary.txt`, a word a line. Defaults to `None`.

    Returns:
        The folder as a `pathlib.Path`.

    Raises:
        FileExistsError: If there is something at the path.
        ValueError: If the network is of another kind, or has not as many words
            as the vocabulary.

    Example:

    >>> import tempfile
    >>> network = darts_tf.RecurrentNetwork(
    ...     darts_tf.zoo.RECURRENT_DARTS_V2, vocabulary_size=20, units=8
    ... )
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = darts_tf.export.export_step_model(network, folder.name + "/net")
    >>> darts_tf.export.StepModel.of_saved_model(path).units
    8
    >>> folder.cleanup()
    """
    networks.check_recurrent_network(network)
    if vocabulary is not None:
        check_vocabulary(vocabulary, network.vocabulary_size)
    if not network.built:
        network.build((None, None))
    network = networks.in_float32(network)
    texts = assets.describe(network, {})
    if vocabulary is not None:
        texts[VOCABULARY_FILE] = _lines(vocabulary)
    endpoints = {"serve": (_serving(network), _signature(network))}
    return saved_model_lib.write(path, endpoints, texts)


def write_vocabulary(path, vocabulary):
    """Writes words to a file, one a line.

    Args:
        path: String or path, the file.
        vocabulary: Sequence of strings without white space.
    """
    atomic_file.write_text(path, _lines(vocabulary))


def read_vocabulary(path):
    """Reads the words that `write_vocabulary` wrote.

    Args:
        path: String or path: the vocabulary itself, or a network or an
            exported file, with the vocabulary inside or beside it.

    Returns:
        Tuple of strings; the id of a word is its position.

    Raises:
        ValueError: If there is no vocabulary.
    """
    path = pathlib.Path(path)
    beside = path.with_name(VOCABULARY_FILE)
    if path.is_dir() or path.suffix == ".tflite":
        inside = assets.read_assets(path).get(VOCABULARY_FILE)
        if inside is not None:
            return tuple(inside.splitlines())
    if not beside.is_file():
        raise ValueError(
            f"A language model needs its {VOCABULARY_FILE}, inside an exported "
            f"file or beside the network. Received: {str(beside)!r}, which "
            "does not exist"
        )
    return tuple(beside.read_text(encoding="utf-8").splitlines())


def check_vocabulary(vocabulary, vocabulary_size):
    """Raises an error if the words are not as many as the logits.

    Args:
        vocabulary: Sequence of strings.
        vocabulary_size: Integer.

    Raises:
        ValueError: If the numbers differ.
    """
    if len(vocabulary) != vocabulary_size:
        raise ValueError(
            "The vocabulary must have a word for each logit, "
            f"{vocabulary_size}. Received: {len(vocabulary)} words"
        )


def _lines(vocabulary):
    return "".join(f"{word}\n" for word in vocabulary)


def _serving(network):
    def serve(token, state):
        results = network(token[:, None], state=state, training=False)
        return {"logits": results["logits"][:, 0], "state": results["state"]}

    return serve


def _signature(network):
    return [
        tf.TensorSpec((None,), tf.int32, name="token"),
        tf.TensorSpec((None, network.units), tf.float32, name="state"),
    ]


def _step_of(function, num_words):
    def step(token, state):
        inputs.check_vocabulary(token, num_words)
        results = function(token, state)
        return results["logits"].numpy(), results["state"].numpy()

    return step


def _check_names(names, path):
    if set(names) != {"token", "state"}:
        raise ValueError(
            "A step model has the inputs `token` and `state`. "
            f"Received: {str(path)!r} with {sorted(names)}"
        )
