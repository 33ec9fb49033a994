"""Averaged SGD: when to begin to average the weights, and the average.

Averaged SGD takes the steps of plain SGD (`optimizers.SGD` with
`momentum=0`), with coupled weight decay and an unchanged learning rate. Only
what is evaluated and kept differs: the mean of all weights since the switch.
"""

import contextlib
import math

import keras
import tensorflow as tf

from darts_tf import checks

_LARGEST = 2**31 - 1

_ops = keras.ops


class WeightAverage:
    """The running mean of weights over the steps of an optimizer.

    With w_t the weights after step t, counted from the first `update`,

        mean_t = mean_(t-1) + (w_t - mean_(t-1)) / t = (w_1 + ... + w_t) / t

    Args:
        weights: List of `keras.Variable` of floating point, for example
            `model.trainable_variables`. They are not changed but by
            `swapped`.

    Raises:
        ValueError: If there are no weights, or not of floating point.

    Example:

    >>> from darts_tf.optimizers import averaged_sgd
    >>> weight = keras.Variable([1.0])
    >>> average = averaged_sgd.WeightAverage([weight])
    >>> for value in (2.0, 3.0, 7.0):
    ...     _ = weight.assign([value])
    ...     average.update()
    >>> with average.swapped():
    ...     print(weight.numpy())
    [4.]
    >>> weight.numpy()
    array([7.], dtype=float32)

    Reference:
        Polyak and Juditsky, 1992; Section 4 of arXiv:1708.02182 (Merity et
        al.), whose training the DARTS paper follows (Appendix A.2.2).
    """

    # Differs from the reference: the averaged SGD of PyTorch overwrites its
    # mean at the second step, so the first step never counts.

    def __init__(self, weights):
        self._weights = list(weights)
        dtypes = [str(weight.dtype) for weight in self._weights]
        if not dtypes or not all("float" in dtype for dtype in dtypes):
            raise ValueError(
                "`weights` must be variables of floating point, at least "
                f"one. Received: dtypes {dtypes}"
            )
        self._num_updates = keras.Variable(
            0, dtype="int64", trainable=False, name="num_updates"
        )
        self._means = [_zeros_like(weight) for weight in self._weights]

    @property
    def num_updates(self):
        """How many weights were averaged; 0 before the switch."""
        return int(_ops.convert_to_numpy(self._num_updates))

    @property
    def variables(self):
        """The whole state, as a list of `keras.Variable`, to be saved."""
        return [self._num_updates, *self._means]

    def update(self):
        """Takes the present weights into the mean, after a step."""
        self._num_updates.assign_add(1)
        for mean, weight in zip(self._means, self._weights, strict=True):
            # By differences: a sum of all weights would lose digits.
            count = _ops.cast(self._num_updates, mean.dtype)
            mean.assign_add((weight - mean) / count)

    @contextlib.contextmanager
    def swapped(self):
        """Replaces the weights by their mean, for a `with` block.

        At the end of the block, also by an exception, the weights have their
        own values again, bit for bit. Not for use inside a `tf.function`.

        Yields:
            Nothing.

        Raises:
            ValueError: If nothing was averaged yet.
        """
        if not self.num_updates:
            raise ValueError(
                "Weights are averaged after the first call of `update`. "
                f"Received: num_updates={self.num_updates}"
            )
        own = [tf.identity(weight.value) for weight in self._weights]
        try:
            for weight, mean in zip(self._weights, self._means, strict=True):
                weight.assign(mean)
            yield
        finally:
            for weight, value in zip(self._weights, own, strict=True):
                weight.assign(value)


class NonMonotonicTrigger:
    """Says when SGD has stopped to make progress.

    The switch comes with the first epoch whose validation loss is above the
    smallest of all epochs but the last `patience` before it:

        loss_t > min(loss_1, ..., loss_(t-1-patience))

    From then on the trigger stays on.

    Args:
        patience: Positive integer, in epochs. Defaults to `5`.

    Raises:
        ValueError: If `patience` is not positive.

    Example:

    >>> from darts_tf.optimizers import averaged_sgd
    >>> trigger = averaged_sgd.NonMonotonicTrigger(patience=2)
    >>> [trigger.update(loss) for loss in (5.0, 4.0, 4.5, 4.2, 4.1, 3.0)]
    [False, False, False, False, True, True]

    Reference:
        Algorithm 1 of arXiv:1708.02182 (Merity et al.).
    """

    def __init__(self, patience=5):
        patience = checks.integer(patience, "patience", 1, _LARGEST)
        self.patience = patience
        # float64, so that a resumed run compares the numbers it had.
        self._recent = keras.Variable(
            [math.inf] * patience,
            dtype="float64",
            trainable=False,
            name="recent",
        )
        self._best = keras.Variable(
            math.inf, dtype="float64", trainable=False, name="best"
        )
        self._triggered = keras.Variable(
            False, dtype="bool", trainable=False, name="triggered"
        )

    @property
    def triggered(self):
        """Whether the switch has come."""
        return bool(_ops.convert_to_numpy(self._triggered))

    @property
    def variables(self):
        """The whole state, as a list of `keras.Variable`, to be saved."""
        return [self._recent, self._best, self._triggered]

    def update(self, loss):
        """Takes the validation loss of an epoch.

        Args:
            loss: Float.

        Returns:
            Boolean, whether the weights are to be averaged from now on.

        Raises:
            ValueError: If the loss is not a number.
        """
        loss = float(loss)
        if math.isnan(loss):
            raise ValueError(f"`loss` must be a number. Received: {loss=}")
        # The losses that are missing at the beginning count as infinite.
        best = float(_ops.convert_to_numpy(self._best))
        oldest, *newer = _ops.convert_to_numpy(self._recent).tolist()
        if loss > best:
            self._triggered.assign(True)
        self._best.assign(min(best, oldest))
        self._recent.assign([*newer, loss])
        return self.triggered


def _zeros_like(weight):
    # With fewer bits than float32 the mean would soon stand still.
    dtype = keras.backend.result_type(weight.dtype, "float32")
    return keras.Variable(
        _ops.zeros(weight.shape, dtype),
        dtype=dtype,
        trainable=False,
        name="mean",
    )
