"""Averaged SGD in `fit`: the switch to it, and evaluation with the mean."""

import contextlib

import keras
import tensorflow as tf

from darts_tf.optimizers import averaged_sgd


class SwitchToAveragedSGD(keras.callbacks.Callback):
    """Averages the weights from where SGD stops to make progress.

    At the end of an epoch `NonMonotonicTrigger` looks at the validation loss.
    Once it has triggered, the weights after each step enter a `WeightAverage`,
    and each evaluation, in `fit` or by `evaluate(callbacks=[...])`, uses the
    mean in their place. The optimizer is to be plain SGD.

    It adds `averaged` to the figures of an epoch, 1.0 if its validation loss
    is that of the mean and else 0.0, and stops at a loss that is not finite.

    Args:
        weights: List of variables to average: the built model's
            `trainable_variables`.
        patience: Positive integer, in epochs, of the trigger. Defaults to `5`.

    Raises:
        ValueError: If `patience` is not positive, or, in `fit`, if there is no
            validation loss or `steps_per_execution` is not 1.
        FloatingPointError: In `fit`, if a loss is not finite.

    Example:

    >>> network = darts_tf.RecurrentNetwork(
    ...     darts_tf.zoo.RECURRENT_DARTS_V2, vocabulary_size=20, units=8
    ... )
    >>> network.build((None, None))
    >>> callback = darts_tf.callbacks.SwitchToAveragedSGD(
    ...     network.trainable_variables
    ... )
    >>> callback.averaging
    False

    Reference:
        Algorithm 1 of arXiv:1708.02182 (Merity et al.); Appendix A.2.2 of the
        DARTS paper.
    """

    def __init__(self, weights, patience=5):
        super().__init__()
        self.trigger = averaged_sgd.NonMonotonicTrigger(patience)
        self.average = averaged_sgd.WeightAverage(weights)
        self._update = tf.function(self.average.update)
        self._evaluation = contextlib.ExitStack()

    @property
    def averaging(self):
        """Whether the mean has begun, and is what is evaluated."""
        return self.average.num_updates > 0

    @property
    def variables(self):
        """The whole state, as a list of `keras.Variable`, to be saved."""
        return [*self.average.variables, *self.trigger.variables]

    def evaluated_weights(self):
        """Replaces the weights by their mean, if averaging has begun.

        Returns:
            A context manager.
        """
        if self.averaging:
            return self.average.swapped()
        return contextlib.nullcontext()

    def on_train_begin(self, logs=None):
        """Refuses what would skip steps."""
        if self.model.steps_per_execution != 1:
            raise ValueError(
                "The mean is over all steps, so `steps_per_execution` must be "
                f"1. Received: {self.model.steps_per_execution}"
            )

    def on_train_batch_end(self, batch, logs=None):
        """Takes the weights into the mean."""
        if self.trigger.triggered:
            self._update()

    def on_test_begin(self, logs=None):
        """Replaces the weights by their mean."""
        self._evaluation.enter_context(self.evaluated_weights())

    def on_test_end(self, logs=None):
        """Puts the weights back."""
        self._evaluation.close()

    def on_epoch_end(self, epoch, logs=None):
        """Shows the validation loss to the trigger."""
        logs = {} if logs is None else logs
        if "val_loss" not in logs:
            raise ValueError(
                "The switch needs a validation loss: give `fit` the argument "
                f"`validation_data`. Received: {sorted(logs)}"
            )
        for name in ("loss", "val_loss"):
            if not abs(logs[name]) < float("inf"):
                raise FloatingPointError(
                    "The loss must stay finite; a lower learning rate may "
                    f"help. Received: {name}={logs[name]} in epoch {epoch + 1}"
                )
        logs["averaged"] = float(self.averaging)
        self.trigger.update(logs["val_loss"])
