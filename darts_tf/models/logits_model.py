"""What all models of this library that return logits have in common."""

import warnings

import keras

from darts_tf.models import logits_loss
from darts_tf.models import saved_network


class LogitsModel(saved_network.KerasFileModel):
    """A Keras model that returns logits.

    `compile` refuses a loss or a metric that expects probabilities.
    """

    def compile(
        self,
        optimizer="rmsprop",
        loss=None,
        loss_weights=None,
        metrics=None,
        weighted_metrics=None,
        **kwargs,
    ):
        """Sets optimizer, loss and metrics, as `keras.Model.compile`."""
        num_classes = getattr(self, "num_classes", None)
        logits_loss.check_loss(loss, num_classes)
        super().compile(
            optimizer,
            loss,
            loss_weights,
            logits_loss.fitting_metrics(metrics, num_classes, loss),
            logits_loss.fitting_metrics(weighted_metrics, num_classes, loss),
            **kwargs,
        )

    def compile_from_config(self, config):
        """Compiles a loaded model, without a loss that is refused."""
        config = keras.saving.deserialize_keras_object(config)
        try:
            self.compile(**config)
        except ValueError as error:
            # What was trained is good for predictions, which need no loss.
            warnings.warn(
                "The model is loaded without its loss and metrics; call "
                f"`compile` to train it. {error}",
                stacklevel=2,
            )
            self.compile(config.get("optimizer"))
        if self.optimizer is not None and self.built:
            self.optimizer.build(self.trainable_variables)
