"""Arrays of word ids as the data of a search: a text for each stream."""

import numpy as np
import tensorflow as tf

from darts_tf import checks
from darts_tf.data import text_streams
from darts_tf.layers import inputs

_DEFAULT_BATCH_SIZE = 256  # the paper's
_EVALUATION_BATCH_SIZE = 10  # the official code's
_LARGEST = 2**31 - 1


class TokenArrays:
    """Two texts, as arrays of the ids of their words.

    Args:
        train_tokens: Integer array of shape `(tokens,)`.
        alpha_tokens: Integer array of shape `(tokens,)`.
        batch_size: Optional integer, the rows in which each text is read.
        sequence_length: Integer, the words in a piece.

    Raises:
        ValueError: If one is not such an array, or is too short.
    """

    def __init__(self, train_tokens, alpha_tokens, batch_size, sequence_length):
        if alpha_tokens is None:
            raise ValueError(
                "The alphas learn from a text of their own: `alpha_data`, an "
                "array of ids as `x` is. Received: alpha_data=None"
            )
        self._batch_size = (
            _DEFAULT_BATCH_SIZE
            if batch_size is None
            else checks.integer(batch_size, "batch_size", 1, _LARGEST)
        )
        self._sequence_length = sequence_length
        self._texts = [_ids(train_tokens), _ids(alpha_tokens)]
        # Says now what is too short.
        text_streams.paired(*self._texts, self._batch_size, sequence_length)

    @property
    def input_shape(self):
        """The shape of a batch of inputs, of any length."""
        return (self._batch_size, None)

    def check_for(self, supernet, loss):
        """Raises an error if an id is not a word of the supernet."""
        for tokens in self._texts:
            inputs.check_vocabulary(tokens, supernet.vocabulary_size)

    def steps_per_epoch(self, requested):
        """Returns the number of steps in one pass over the weights' text.

        Args:
            requested: Optional integer, the user's choice.

        Returns:
            Integer.
        """
        if requested is not None:
            return requested
        return text_streams.steps_per_epoch(
            len(self._texts[0]), self._batch_size, self._sequence_length
        )

    def dataset(self, seed, start_step):
        """Returns the endless data set of pairs of pieces.

        Args:
            seed: Integer, of the lengths.
            start_step: Integer, the step at which to go on.

        Returns:
            A `tf.data.Dataset` of pairs.
        """
        return text_streams.paired(
            *self._texts,
            self._batch_size,
            self._sequence_length,
            seed=seed,
            start_step=start_step,
        )


def evaluation(tokens, sequence_length, vocabulary_size=None):
    """Returns one pass over a text, in as many rows as the official code.

    Args:
        tokens: Integer array of shape `(tokens,)`.
        sequence_length: Integer, the words in a piece.
        vocabulary_size: Optional integer. Defaults to `None`, the ids are
            not looked at.

    Returns:
        A `tf.data.Dataset` of `(inputs, targets, is_first)`.

    Raises:
        ValueError: If `tokens` is no such array, or too short, or an id is
            out of range.
    """
    tokens = _ids(tokens)
    pieces = text_streams.evaluation(
        tokens, _EVALUATION_BATCH_SIZE, sequence_length
    )
    if vocabulary_size is not None:
        inputs.check_vocabulary(tokens, vocabulary_size)
    return pieces


def check_streams(element_spec):
    """Raises an error if a data set of pairs has no pieces of texts.

    Args:
        element_spec: What the data set delivers.

    Raises:
        ValueError: If an element is not a pair of
            `(inputs, targets, is_first)` with equal, known batch sizes.
    """
    sizes = {
        spec[0].shape[0] if _is_piece(spec) else None for spec in element_spec
    }
    if len(sizes) != 1 or None in sizes:
        raise ValueError(
            "Expected pieces of texts, (inputs, targets, is_first), integer "
            "tensors of shape (batch_size, None) and a boolean, with one "
            "known batch size, as `darts_tf.data.text_streams` makes them. "
            f"Received: elements of {element_spec}"
        )


def _is_piece(spec):
    if not isinstance(spec, tuple) or len(spec) != 3:
        return False
    if not all(isinstance(one, tf.TensorSpec) for one in spec):
        return False
    *texts, is_first = spec
    return (
        all(text.dtype.is_integer and text.shape.rank == 2 for text in texts)
        and is_first.dtype.is_bool
        and is_first.shape.rank == 0
    )


def _ids(tokens):
    tokens = np.asarray(tokens)
    if tokens.ndim != 1 or not np.issubdtype(tokens.dtype, np.integer):
        raise ValueError(
            "A text must be an integer array of rank 1, or a "
            "tf.data.Dataset. Received: shape "
            f"{tokens.shape}, dtype {tokens.dtype}"
        )
    return tokens
