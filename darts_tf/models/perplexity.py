"""How many words a language model hesitates between, on average."""

import keras


@keras.saving.register_keras_serializable(package="darts_tf")
class Perplexity(keras.metrics.Mean):
    """The exponential of the mean cross-entropy of a word.

    `update_state` takes the mean cross-entropy of a batch, in nats, and as
    `sample_weight` the number of its words.

    Args:
        name: String. Defaults to `"mean"`.
        dtype: Type to compute in. Defaults to `None`, that of Keras.

    Example:

    >>> metric = darts_tf.models.Perplexity()
    >>> metric.update_state(np.log(10.0), 35)
    >>> metric.update_state(np.log(1000.0), 35)
    >>> round(float(metric.result()), 3)
    100.0
    """

    def result(self):
        return keras.ops.exp(super().result())
