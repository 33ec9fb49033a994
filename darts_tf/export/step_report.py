"""What there is to know about exported step models before they ship."""

import functools
import pathlib

import numpy as np

from darts_tf.export import networks
from darts_tf.export import report as report_lib
from darts_tf.export import step_model
from darts_tf.models import counting


def describe_step_files(network, files, tokens, num_threads=(1, 2)):
    """Measures exported language models: size, likeness, perplexity, speed.

    The network reads the text at once, the files word by word from the zero
    state, so that an error of the state would show.

    Args:
        network: The built `darts_tf.RecurrentNetwork` that was exported, which
            is compared as it is in float32.
        files: Dictionary from a name to the path of a file that
            `StepModel.open` takes.
        tokens: Integer array of shape `(time,)`, a text of two words or more.
        num_threads: Sequence of integers, threads of the runtime for which to
            time a `.tflite` file. Defaults to `(1, 2)`.

    Returns:
        A dictionary that can be written as JSON: `parameters` of the network,
        `words`, `keras_perplexity` of each word after the first, and under
        `files` for each name its `bytes`, `perplexity`, `largest_difference`
        of logits, `top_1_agreement`, the share of words after which the file
        expects the same word as the network; for `.tflite` files `latency_ms`
        of a word (as `measure_latency`), `bytes_by_content`, `ram_bytes`,
        `operators` and `profile`, too.

    Raises:
        ValueError: If there are fewer than two words, or the network is of
            another kind.

    Example:

    >>> network = darts_tf.RecurrentNetwork(
    ...     darts_tf.zoo.RECURRENT_DARTS_V2, vocabulary_size=20, units=8
    ... )
    >>> network.build((None, None))
    >>> report = darts_tf.export.describe_step_files(network, {}, np.arange(5))
    >>> report["words"], report["keras_perplexity"] > 1
    (5, True)
    """
    networks.check_recurrent_network(network)
    network = networks.in_float32(network)
    tokens = np.asarray(tokens, "int32")
    if tokens.ndim != 1 or len(tokens) < 2:
        raise ValueError(
            "`tokens` must be a text of two words or more. "
            f"Received: an array of shape {tokens.shape}"
        )
    expected = np.asarray(network(tokens[None], training=False)["logits"][0])
    report = {
        "parameters": counting.count_parameters(network, False),
        "words": len(tokens),
        "keras_perplexity": _perplexity(expected, tokens),
        "files": {},
    }
    for name, path in files.items():
        path = pathlib.Path(path)
        logits = step_model.StepModel.open(path).run(tokens[None])[0]
        agreement = logits.argmax(-1) == expected.argmax(-1)
        entry = {
            "bytes": report_lib.count_bytes(path),
            "perplexity": _perplexity(logits, tokens),
            "largest_difference": float(np.abs(logits - expected).max()),
            "top_1_agreement": float(agreement.mean()),
        }
        if path.suffix == ".tflite":
            entry["latency_ms"] = report_lib.time_calls(
                functools.partial(_one_word, path, tokens[:1]), num_threads
            )
            entry |= report_lib.describe_tflite(path)
        report["files"][name] = entry
    return report


def _one_word(path, token, num_threads):
    model = step_model.StepModel.of_tflite(path, num_threads)
    return functools.partial(model.step, token, model.first_state(1))


def _perplexity(logits, tokens):
    """Returns the exponential of the mean cross-entropy of the next words."""
    scores = logits[:-1].astype("float64")
    scores = scores - scores.max(-1, keepdims=True)
    chosen = np.take_along_axis(scores, tokens[1:, None], -1)[:, 0]
    return float(np.exp(np.mean(np.log(np.exp(scores).sum(-1)) - chosen)))
