"""Learning-rate schedules that change between epochs."""

import math

import keras


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
        epochs: Integer, E. Defaults to `50`.

    Example:

    >>> schedule = darts_tf.search.CosineDecay(epochs=50)
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
        self.epochs = epochs

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


class ExponentialDecay(_Schedule):
    """Multiplies the learning rate by a factor after each epoch.

    Args:
        initial_learning_rate: Float, of the first epoch. Defaults to `0.1`.
        factor: Float. Defaults to `0.97`.

    Example:

    >>> schedule = darts_tf.search.ExponentialDecay(0.1, 0.97)
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
