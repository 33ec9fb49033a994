"""What all models of this library that return logits have in common."""

import contextlib
import logging
import warnings

import keras

from darts_tf.models import logits_loss
from darts_tf.models import saved_network


class LogitsModel(saved_network.KerasFileModel):
    """A Keras model that returns logits.

    `compile` refuses a loss or a metric that expects probabilities; several
    models in one process bring no warning that each has graphs of its own.
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
            logits_loss.fitting_metrics(metrics, num_classes),
            logits_loss.fitting_metrics(weighted_metrics, num_classes),
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

    def make_train_function(self, force=False):
        """Makes the function that `fit` calls for each step."""
        if self.train_function is None or force:
            super().make_train_function(force)
            self.train_function = graphs_of_many_models()(self.train_function)

    def make_test_function(self, force=False):
        """Makes the function that `evaluate` calls for each batch."""
        if self.test_function is None or force:
            super().make_test_function(force)
            self.test_function = graphs_of_many_models()(self.test_function)

    def make_predict_function(self, force=False):
        """Makes the function that `predict` calls for each batch."""
        if self.predict_function is None or force:
            super().make_predict_function(force)
            self.predict_function = graphs_of_many_models()(
                self.predict_function
            )


@contextlib.contextmanager
def graphs_of_many_models():
    """Holds TensorFlow's warning of retracing back, for a `with` block.

    TensorFlow counts the graphs of a function by its code. Each model has
    graphs of its own, so the fifth one looks to it like a function that is
    traced again and again.

    Yields:
        Nothing.
    """
    logger = logging.getLogger("tensorflow")
    logger.addFilter(_is_not_about_retracing)
    try:
        yield
    finally:
        logger.removeFilter(_is_not_about_retracing)


def _is_not_about_retracing(record):
    return "triggered tf.function retracing" not in str(record.msg)
