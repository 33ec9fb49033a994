"""What all models of this library do around the graphs that Keras traces."""

import keras

from darts_tf import environment
from darts_tf.layers import word_kernels


class TracedModel(keras.Model):
    """A model whose graphs are traced quietly, and know what compiles them.

    Several models in one process bring no warning that each has graphs of its
    own. While graphs for XLA are traced, an id that is no word becomes NaN.

    Args:
        *args: Arguments of `keras.Model`.
        **kwargs: Keyword arguments of `keras.Model`.
    """

    def make_train_function(self, force=False):
        """Makes the function that `fit` calls for each step.

        Raises:
            ValueError: If XLA should compile it, and a layer has a loop whose
                gradient XLA does not compile.
        """
        if self.jit_compile:
            self._check_training_under_xla()
        if self.train_function is None or force:
            super().make_train_function(force)
            self.train_function = self._around(self.train_function)

    def make_test_function(self, force=False):
        """Makes the function that `evaluate` calls for each batch."""
        if self.test_function is None or force:
            super().make_test_function(force)
            self.test_function = self._around(self.test_function)

    def make_predict_function(self, force=False):
        """Makes the function that `predict` calls for each batch."""
        if self.predict_function is None or force:
            super().make_predict_function(force)
            self.predict_function = self._around(self.predict_function)

    def _check_training_under_xla(self):
        if self.distribute_strategy.num_replicas_in_sync > 1:
            return  # the loop is unrolled
        for layer in self._flatten_layers():
            if not getattr(layer, "_trains_under_xla", True):
                raise ValueError(
                    "XLA compiles no gradient of the loop over the words of a "
                    "text, whose lists have no fixed size: leave `jit_compile` "
                    "out of `compile`. It applies to `evaluate` and `predict` "
                    "only. Received: "
                    f"jit_compile={self.jit_compile} with the layer "
                    f"{layer.name!r}, a {type(layer).__name__}"
                )

    def _around(self, function):
        function = environment.without_retracing_warning()(function)
        if self.jit_compile:
            function = word_kernels.traced_for_xla()(function)
        return function
