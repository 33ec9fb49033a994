"""Where in a text each step of an epoch reads, and how far."""

import operator

import numpy as np
import tensorflow as tf

_ONE_IN_SO_MANY_IS_SHORT = 20  # 5 % of the pieces


class Schedule:
    """The lengths of the pieces of each epoch.

    As many pieces as fit into a row of the text, a twentieth of them
    (rounded) of half the length. Their number is the same in each epoch;
    their order is drawn from `(seed, epoch)`.

    Args:
        num_columns: Integer, words in a row of the text.
        sequence_length: Positive integer, words in a piece.
        vary_length: Boolean, whether there are short pieces.
        seed: Integer. Defaults to `0`.

    Raises:
        ValueError: If not one piece fits, or if a piece cannot be halved.

    Example:

    >>> from darts_tf.data import text_schedule
    >>> schedule = text_schedule.Schedule(100, 10, vary_length=True)
    >>> schedule.num_steps, schedule.span
    (10, 95)
    >>> sorted(schedule.lengths(epoch=0).numpy().tolist())[:3]
    [5, 10, 10]
    """

    def __init__(self, num_columns, sequence_length, vary_length, seed=0):
        check_positive("sequence_length", sequence_length)
        if vary_length and sequence_length < 2:
            raise ValueError(
                "`sequence_length` must be at least 2 to be halved, or "
                f"`vary_length` False. Received: {sequence_length=}"
            )
        _check_fits(num_columns, sequence_length)
        self.sequence_length = sequence_length
        self.vary_length = vary_length
        # With short pieces at least as many fit as without.
        self.num_steps = (num_columns - 1) // sequence_length
        while self._span(self.num_steps + 1) <= num_columns - 1:
            self.num_steps += 1
        self.span = self._span(self.num_steps)  # columns read in an epoch
        words = np.random.SeedSequence(operator.index(seed) % 2**64)
        self._key = words.generate_state(2).view(np.int32)

    def lengths(self, epoch):
        """Returns the lengths of all pieces of an epoch, in order.

        Args:
            epoch: Integer or scalar int64 tensor.

        Returns:
            int64 tensor of shape `(num_steps,)`.
        """
        num_short = self._num_short(self.num_steps)
        lengths = np.full(self.num_steps, self.sequence_length)
        lengths[:num_short] = self.sequence_length // 2
        return tf.random.experimental.stateless_shuffle(
            tf.constant(lengths, "int64"),
            tf.random.fold_in(self._key, epoch),
            alg="philox",
        )

    def starts(self, epoch, lengths):
        """Returns the columns at which the pieces of an epoch begin.

        Args:
            epoch: Integer or scalar int64 tensor. Each begins at column 0.
            lengths: int64 tensor of shape `(num_steps,)`, of that epoch.

        Returns:
            int64 tensor of shape `(num_steps,)`.
        """
        return tf.cumsum(lengths, exclusive=True)

    def _num_short(self, num_steps):
        if not self.vary_length:
            return 0
        half = _ONE_IN_SO_MANY_IS_SHORT // 2
        return (num_steps + half) // _ONE_IN_SO_MANY_IS_SHORT

    def _span(self, num_steps):
        """Returns the sum of the lengths of so many pieces."""
        num_short = self._num_short(num_steps)
        num_long = num_steps - num_short
        return num_long * self.sequence_length + num_short * (
            self.sequence_length // 2
        )


class Laps:
    """A walk over another text with the same lengths, lap after lap.

    A piece that does not fit into the rest of the text begins a new lap, and
    so does an epoch. Only a text that is longer than an epoch goes on over as
    many epochs as it takes.

    Args:
        schedule: A `Schedule`.
        num_columns: Integer, words in a row of the other text.

    Raises:
        ValueError: If not one piece fits.

    Example:

    >>> from darts_tf.data import text_schedule
    >>> schedule = text_schedule.Schedule(21, 5, vary_length=False)
    >>> laps = text_schedule.Laps(schedule, num_columns=12)
    >>> laps.starts(0, schedule.lengths(0)).numpy()
    array([0, 5, 0, 5])
    """

    def __init__(self, schedule, num_columns):
        _check_fits(num_columns, schedule.sequence_length)
        self._span = schedule.span
        self._size = num_columns - 1
        # Another epoch follows if it can begin with a whole piece. So a lap
        # ends in the last of its epochs, and where the others begin is known.
        last_start = self._size - schedule.sequence_length
        self._epochs_per_lap = last_start // self._span + 1

    def starts(self, epoch, lengths):
        """Returns the columns at which the pieces of an epoch begin.

        Args:
            epoch: Integer or scalar int64 tensor.
            lengths: int64 tensor of shape `(num_steps,)`, of that epoch.

        Returns:
            int64 tensor of shape `(num_steps,)`.
        """

        def end_of_next(end, length):
            start = tf.where(end + length <= self._size, end, 0)
            return start + length

        first = tf.cast(epoch, "int64") % self._epochs_per_lap * self._span
        return tf.scan(end_of_next, lengths, first) - lengths


def check_positive(name, value):
    """Raises an error if a number is not positive.

    Args:
        name: String, for the message.
        value: Integer.

    Raises:
        ValueError: If `value` is below 1.

    Example:

    >>> from darts_tf.data import text_schedule
    >>> text_schedule.check_positive("batch_size", 0)
    Traceback (most recent call last):
    ...
    ValueError: `batch_size` must be positive. Received: batch_size=0
    """
    if value < 1:
        raise ValueError(f"`{name}` must be positive. Received: {name}={value}")


def _check_fits(num_columns, sequence_length):
    if num_columns <= sequence_length:
        raise ValueError(
            "The text must have at least one batch of pieces, that is "
            "`batch_size * (sequence_length + 1)` words. Received: "
            f"{num_columns} words in a row, {sequence_length=}"
        )
