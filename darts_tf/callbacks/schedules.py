"""Learning-rate schedules that change between epochs."""

import math
import warnings

import keras

from darts_tf import checks

_LARGEST = 2**31 - 1


class _Schedule(keras.callbacks.Callback):
    """Sets the learning rate of each epoch, and adds it to the history."""

    def learning_rate(self, epoch):
        """Returns the learning rate of an epoch, counted from 0."""
        raise NotImplementedError(type(self).__name__)

    def on_epoch_begin(self, epoch, logs=None):
        """Sets the learning rate of the epoch."""
        self.model.optimizer.learning_rate = self.learning_rate(epoch)

    def on_epoch_end(self, epoch, logs=None):
        """Adds the learning rate to the history."""
        if logs is not None:
            logs["learning_rate"] = self.learning_rate(epoch)


class CosineDecay(_Schedule):
    """Lowers the learning rate along half a cosine, epoch by epoch.

    In epoch e of E it is

        final + (initial - final) * (1 + cos(pi * e / E)) / 2

    Args:
        initial_learning_rate: Float, of the first epoch. Defaults to `0.025`.
        final_learning_rate: Float, which the epoch after the last would have.
            Defaults to `0.001`.
        epochs: Positive integer, E. Defaults to `50`.

    Raises:
        ValueError: If `epochs` is not a positive integer.

    Example:

    >>> schedule = darts_tf.callbacks.CosineDecay(epochs=50)
    >>> round(schedule.learning_rate(25), 6)
    0.013

    Reference:
        Loshchilov and Hutter, arXiv:1608.03983; Appendix A.1.1 of the DARTS
        paper.
    """

    def __init__(
        self,
        initial_learning_rate=0.025,
        final_learning_rate=0.001,
        epochs=50,
    ):
        super().__init__()
        self.initial_learning_rate = initial_learning_rate
        self.final_learning_rate = final_learning_rate
        self.epochs = checks.integer(epochs, "epochs", 1, _LARGEST)

    def learning_rate(self, epoch):
        """Returns the learning rate of an epoch.

        Args:
            epoch: Integer, counted from 0.

        Returns:
            Float.
        """
        span = self.initial_learning_rate - self.final_learning_rate
        angle = math.pi * epoch / self.epochs
        return self.final_learning_rate + span * (1 + math.cos(angle)) / 2


class DefaultDecay(CosineDecay):
    """The schedule that `fit` adds by itself, which gives way to any other.

    Once the learning rate is not what this schedule has left it at, it leaves
    it alone, with a warning: someone else has changed it.

    Args:
        **kwargs: Keyword arguments of `CosineDecay`.
    """

    def on_train_begin(self, logs=None):
        """Takes the learning rate as it is."""
        self._left_at, self._acts = None, True

    def on_epoch_begin(self, epoch, logs=None):
        """Sets the learning rate, unless someone else does."""
        rate = _current(self.model.optimizer)
        if self._acts and self._left_at not in (None, rate):
            self._acts = False
            warnings.warn(
                "The schedule that `fit` adds by default leaves the learning "
                f"rate alone from epoch {epoch + 1} on, because it was changed "
                f"to {rate:.6g}. Call `compile` to have no such schedule.",
                stacklevel=2,
            )
        if self._acts:
            super().on_epoch_begin(epoch, logs)
            self._left_at = _current(self.model.optimizer)

    def on_epoch_end(self, epoch, logs=None):
        """Adds the learning rate to the history."""
        super().on_epoch_end(epoch, logs)
        if logs is not None and not self._acts:
            logs["learning_rate"] = _current(self.model.optimizer)


def unless_given(schedules, callbacks):
    """Returns the default schedules, or none if a user has chosen another.

    Args:
        schedules: List of callbacks, the defaults.
        callbacks: List of callbacks, the user's.

    Returns:
        List of callbacks.
    """
    others = (
        _Schedule,
        keras.callbacks.LearningRateScheduler,
        keras.callbacks.ReduceLROnPlateau,
    )
    if any(isinstance(callback, others) for callback in callbacks):
        return []
    return schedules


def _current(optimizer):
    return float(keras.ops.convert_to_numpy(optimizer.learning_rate))


class ExponentialDecay(_Schedule):
    """Multiplies the learning rate by a factor after each epoch.

    Args:
        initial_learning_rate: Float, of the first epoch. Defaults to `0.1`.
        factor: Float. Defaults to `0.97`.

    Example:

    >>> schedule = darts_tf.callbacks.ExponentialDecay(0.1, 0.97)
    >>> round(schedule.learning_rate(2), 6)
    0.09409

    Reference:
        Appendix A.2.2 of the DARTS paper, for ImageNet.
    """

    def __init__(self, initial_learning_rate=0.1, factor=0.97):
        super().__init__()
        self.initial_learning_rate = initial_learning_rate
        self.factor = factor

    def learning_rate(self, epoch):
        """Returns the learning rate of an epoch.

        Args:
            epoch: Integer, counted from 0.

        Returns:
            Float.
        """
        return self.initial_learning_rate * self.factor**epoch
