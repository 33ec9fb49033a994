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
        """Makes the function that `fit` calls for each step."""
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

    def _around(self, function):
        function = environment.without_retracing_warning()(function)
        if self.jit_compile:
            function = word_kernels.traced_for_xla()(function)
        return function
