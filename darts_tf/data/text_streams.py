"""Pieces of a text, in reading order, as a function of seed and step.

For backpropagation through time a text is cut into `batch_size` rows that are
read side by side, a piece of some 35 words a step. The hidden state goes on
from one piece to the next, so the order of the pieces is the text's own; only
their lengths are random. As in `streams`, nothing keeps a state: piece `s`
follows from `(seed, s)` alone, and a run goes on exactly with `start_step=s`.

An element is `(inputs, targets, is_first)`: two int32 arrays of shape
`(batch_size, time)`, the targets one word ahead, and a boolean that says
whether the pieces stand at the start of their rows. There the hidden state is
to restart.
"""

import numpy as np
import tensorflow as tf

from darts_tf.data import text_schedule


def batchify(tokens, batch_size):
    """Cuts a text into rows of equal length that are read side by side.

    Args:
        tokens: Integer array of shape `(tokens,)`, the words' ids.
        batch_size: Positive integer, number of rows.

    Returns:
        int32 array of shape `(batch_size, len(tokens) // batch_size)`. Words
        at the end that do not fill a column are left out.

    Raises:
        ValueError: If the array is not one of integers of rank 1, if
            `batch_size` is not positive, or if a row has no two words, an
            input and its target.

    Example:

    >>> from darts_tf.data import text_streams
    >>> text_streams.batchify(np.arange(11), batch_size=2)
    array([[0, 1, 2, 3, 4],
           [5, 6, 7, 8, 9]], dtype=int32)
    """
    tokens = np.asarray(tokens)
    if tokens.ndim != 1 or not np.issubdtype(tokens.dtype, np.integer):
        raise ValueError(
            "`tokens` must be an integer array of rank 1. Received: shape "
            f"{tokens.shape}, dtype {tokens.dtype}"
        )
    columns = _num_columns(len(tokens), batch_size)
    rows = tokens[: batch_size * columns].reshape(batch_size, columns)
    return rows.astype(np.int32)


def steps_per_epoch(
    num_tokens, batch_size, sequence_length=35, vary_length=True
):
    """Returns the number of pieces in one pass over a text.

    Args:
        num_tokens: Integer, length of the text.
        batch_size: Positive integer, number of rows.
        sequence_length: Positive integer, words in a piece. Defaults to `35`.
        vary_length: Boolean, whether 5 % of the pieces have half the length,
            as in `sequences`. Defaults to `True`.

    Returns:
        Integer, the same for each epoch.

    Raises:
        ValueError: If a number is out of range, or if the text is shorter
            than one batch of pieces.

    Example:

    >>> from darts_tf.data import text_streams
    >>> text_streams.steps_per_epoch(929_589, batch_size=256)
    106
    """
    columns = _num_columns(num_tokens, batch_size)
    return text_schedule.Schedule(
        columns, sequence_length, vary_length
    ).num_steps


def sequences(
    tokens,
    batch_size,
    sequence_length=35,
    seed=0,
    start_step=0,
    vary_length=True,
):
    """Makes an endless stream of pieces that can start at any step.

    Each epoch walks over the text once, from its start. A twentieth of its
    pieces (rounded) has half the length, `sequence_length // 2`; which ones
    is drawn from `(seed, epoch)`. So there are two lengths only, for which a
    model is traced, and as many steps in each epoch. The columns at the end
    that do not fill a piece, fewer than `sequence_length`, are left out.

    Args:
        tokens: Integer array of shape `(tokens,)`, the words' ids.
        batch_size: Positive integer, number of rows.
        sequence_length: Positive integer, words in a piece. Defaults to `35`.
        seed: Integer, of the lengths. Defaults to `0`.
        start_step: Non-negative integer, number of the first step to
            deliver. Defaults to `0`.
        vary_length: Boolean, whether some pieces are short. Defaults to
            `True`; then `sequence_length` is at least 2.

    Returns:
        A `tf.data.Dataset` without end of `(inputs, targets, is_first)`.

    Raises:
        ValueError: As `batchify` and `steps_per_epoch`, or if `start_step` is
            negative.

    Example:

    >>> from darts_tf.data import text_streams
    >>> stream = text_streams.sequences(np.arange(14), 2, sequence_length=3)
    >>> for inputs, targets, is_first in stream.take(3):
    ...     print(inputs[0].numpy(), targets[0].numpy(), is_first.numpy())
    [0 1 2] [1 2 3] True
    [3 4 5] [4 5 6] False
    [0 1 2] [1 2 3] True

    Reference:
        Appendix A.1.2 of the DARTS paper, arXiv:1806.09055; Merity et al.,
        arXiv:1708.02182, Section 5, on the variable length.
    """
    # Differs from the reference: the official code draws each length anew, by
    # chance, and ends an epoch with whatever is left. Its epochs have
    # different numbers of steps, and each odd length costs another graph.
    rows = batchify(tokens, batch_size)
    schedule = text_schedule.Schedule(
        rows.shape[1], sequence_length, vary_length, seed
    )
    text = _on_cpu(rows)

    def read(start, length):
        # A number if it can be one: some models must know it.
        length = length if vary_length else sequence_length
        return _piece(text, start, length)

    return _endless(schedule, start_step, [schedule.starts], read)


def paired(
    train_tokens,
    alpha_tokens,
    batch_size,
    sequence_length=35,
    seed=0,
    start_step=0,
    vary_length=True,
):
    """Makes the two streams of the bilevel search, side by side.

    An epoch is a pass over `train_tokens`, the same as in `sequences`. The
    alphas read a text of their own, with the same lengths. Where the next
    piece does not fit into the rest of it, and when an epoch begins, they
    return to its start, and their `is_first` says so. Only a text that is
    longer than an epoch goes on over as many epochs as it takes.

    Args:
        train_tokens: Integer array of shape `(tokens,)`, the text for the
            network weights.
        alpha_tokens: Integer array of shape `(tokens,)`, the text for the
            alphas.
        batch_size: Positive integer, number of rows of each text.
        sequence_length: Positive integer, words in a piece. Defaults to `35`.
        seed: Integer, of the lengths. Defaults to `0`.
        start_step: Non-negative integer, number of the first step to
            deliver. Defaults to `0`.
        vary_length: Boolean, whether some pieces are short. Defaults to
            `True`.

    Returns:
        A `tf.data.Dataset` without end of pairs of
        `(inputs, targets, is_first)`: the pieces for the network weights and
        the pieces for the alphas.

    Raises:
        ValueError: As `sequences`, for each of the two texts.

    Example:

    >>> from darts_tf.data import text_streams
    >>> stream = text_streams.paired(np.arange(9), np.arange(50, 55), 1, 2)
    >>> for (_, _, train_is_first), (inputs, _, is_first) in stream.take(5):
    ...     print(train_is_first.numpy(), inputs[0].numpy(), is_first.numpy())
    True [50 51] True
    False [52 53] False
    False [50 51] True
    False [52 53] False
    True [50 51] True

    Reference:
        Algorithm 1 and Section 3.1 of the DARTS paper: the alphas of the
        recurrent cell learn on the validation text of Penn Treebank.
    """
    train_rows, alpha_rows = (
        batchify(tokens, batch_size) for tokens in (train_tokens, alpha_tokens)
    )
    schedule = text_schedule.Schedule(
        train_rows.shape[1], sequence_length, vary_length, seed
    )
    laps = text_schedule.Laps(schedule, alpha_rows.shape[1])
    train_text, alpha_text = _on_cpu(train_rows), _on_cpu(alpha_rows)

    def read(train_start, alpha_start, length):
        length = length if vary_length else sequence_length
        return (
            _piece(train_text, train_start, length),
            _piece(alpha_text, alpha_start, length),
        )

    return _endless(schedule, start_step, [schedule.starts, laps.starts], read)


def evaluation(tokens, batch_size, sequence_length=35):
    """Makes one pass over a text in pieces of equal length.

    Args:
        tokens: Integer array of shape `(tokens,)`, the words' ids.
        batch_size: Positive integer, number of rows.
        sequence_length: Positive integer, words in a piece. The last piece
            may be shorter, so that each column counts. Defaults to `35`.

    Returns:
        A finite `tf.data.Dataset` of `(inputs, targets, is_first)`.

    Raises:
        ValueError: As `batchify`, or if `sequence_length` is not positive.

    Example:

    >>> from darts_tf.data import text_streams
    >>> for piece in text_streams.evaluation(np.arange(6), 1, 3):
    ...     print(piece[0].numpy(), piece[1].numpy(), piece[2].numpy())
    [[0 1 2]] [[1 2 3]] True
    [[3 4]] [[4 5]] False
    """
    rows = batchify(tokens, batch_size)
    text_schedule.check_positive("sequence_length", sequence_length)
    num_inputs = rows.shape[1] - 1
    text = _on_cpu(rows)

    def read(start):
        length = tf.minimum(num_inputs - start, sequence_length)
        return _piece(text, start, length)

    starts = tf.data.Dataset.range(0, num_inputs, sequence_length)
    return starts.map(read, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def _endless(schedule, start_step, starts, read):
    """Maps `read(*columns, length)` over all pieces from a step on."""
    if start_step < 0:
        raise ValueError(
            f"`start_step` must not be negative. Received: {start_step=}"
        )

    def pieces_of(epoch):
        lengths = schedule.lengths(epoch)
        columns = [function(epoch, lengths) for function in starts]
        return tf.data.Dataset.from_tensor_slices((*columns, lengths))

    first_epoch, first_piece = divmod(start_step, schedule.num_steps)
    return (
        tf.data.Dataset.range(first_epoch, tf.int64.max)
        .flat_map(pieces_of)
        .skip(first_piece)
        .map(read, tf.data.AUTOTUNE, deterministic=True)
        .apply(
            tf.data.experimental.assert_cardinality(
                tf.data.INFINITE_CARDINALITY
            )
        )
        .prefetch(tf.data.AUTOTUNE)
    )


def _piece(text, start, length):
    inputs, targets = (
        tf.slice(text, (0, first), (text.shape[0], length))
        for first in (start, start + 1)
    )
    return inputs, targets, tf.equal(start, 0)


def _on_cpu(rows):
    # Made outside of the mapped functions, a tensor is captured and not
    # copied into the graph. tf.data runs on the CPU, so it must lie there.
    with tf.device("CPU:0"):
        return tf.convert_to_tensor(rows)


def _num_columns(num_tokens, batch_size):
    text_schedule.check_positive("batch_size", batch_size)
    if num_tokens < 2 * batch_size:
        raise ValueError(
            "The text must have at least two words in each row, an input and "
            f"its target. Received: {num_tokens} words, {batch_size=}"
        )
    return num_tokens // batch_size
