"""Layers that only act in training."""

import keras

from darts_tf import checks
from darts_tf.layers import inputs as inputs_lib


@keras.saving.register_keras_serializable(package="darts_tf")
class DropPath(keras.layers.Layer):
    """Drops whole samples of a path, and scales up those that stay.

    Each sample is zeroed with probability `rate` and otherwise divided by
    `1 - rate`, which leaves the expected value unchanged.

    Args:
        seed: Optional integer. Defaults to `None`, a seed that
            `keras.utils.set_random_seed` determines.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Tensor whose first axis is the batch.
        rate: Scalar in [0, 1), a tensor if it changes during training.
        training: Boolean. In inference the inputs pass unchanged.

    Returns:
        Tensor of the shape of `inputs`.

    Example:

    >>> layer = darts_tf.layers.DropPath(seed=0)
    >>> samples = np.ones((1000, 2), "float32")
    >>> outputs = layer(samples, rate=0.2, training=True)
    >>> np.unique(outputs).tolist()
    [0.0, 1.25]

    Reference:
        Larsson et al., arXiv:1605.07648; Appendix A.2.1 of the DARTS paper.
    """

    def __init__(self, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed
        self.input_spec = keras.InputSpec(min_ndim=1)
        self.generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape):
        """Has nothing to build."""

    def call(self, inputs, rate, training=None):
        inputs = inputs_lib.numbers(inputs, self.compute_dtype)
        if not training:
            return inputs
        keep = 1.0 - keras.ops.cast(rate, "float32")
        shape = keras.ops.shape(inputs)[:1] + (1,) * (len(inputs.shape) - 1)
        draw = keras.random.uniform(shape, dtype="float32", seed=self.generator)
        # floor(keep + u) is 1 with probability `keep`, as u is below 1.
        mask = keras.ops.floor(keep + draw) / keep
        return inputs * keras.ops.cast(mask, inputs.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "seed": self.seed}


@keras.saving.register_keras_serializable(package="darts_tf")
class LockedDropout(keras.layers.Layer):
    """Drops the same features at every time step of a sequence.

    Each sequence has one mask, a new one for each call; what stays is divided
    by `1 - rate`. Noise that changed from step to step would be averaged out
    by the state of a recurrent network.

    Args:
        rate: Float in [0, 1), the probability of losing a feature.
        seed: Optional integer. Defaults to `None`, a seed that
            `keras.utils.set_random_seed` determines.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Tensor of shape `(batch, time, features)`.
        training: Boolean. In inference the inputs pass unchanged.

    Returns:
        Tensor of the shape of `inputs`.

    Raises:
        ValueError: If the rate is out of range.

    Example:

    >>> layer = darts_tf.layers.LockedDropout(0.5, seed=0)
    >>> outputs = layer(np.ones((8, 35, 100), "float32"), training=True)
    >>> bool(np.all(outputs[:, 0] == outputs[:, 34]))
    True

    Reference:
        Gal and Ghahramani, arXiv:1512.05287; Appendix A.1.2 of the DARTS
        paper.
    """

    def __init__(self, rate, seed=None, **kwargs):
        super().__init__(**kwargs)
        check_rates(rate=rate)
        self.rate = rate
        self.seed = seed
        self.input_spec = inputs_lib.sequence_spec()
        self.generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape):
        """Has nothing to build."""

    def call(self, inputs, training=None):
        inputs = inputs_lib.numbers(inputs, self.compute_dtype)
        if not training or not self.rate:
            return inputs
        return keras.random.dropout(
            inputs, self.rate, (None, 1, None), self.generator
        )

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


@keras.saving.register_keras_serializable(package="darts_tf")
class EmbeddingDropout(keras.layers.Layer):
    """Drops whole words: rows of an embedding table.

    A dropped word is zero wherever it occurs in the batch; the others are
    divided by `1 - rate`.

    Args:
        rate: Float in [0, 1), the probability of losing a word.
        seed: Optional integer. Defaults to `None`, a seed that
            `keras.utils.set_random_seed` determines.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Tensor of shape `(vocabulary_size, embedding_dim)`, the table.
        training: Boolean. In inference the table passes unchanged.

    Returns:
        Tensor of the shape of `inputs`.

    Raises:
        ValueError: If the rate is out of range.

    Example:

    >>> layer = darts_tf.layers.EmbeddingDropout(0.5, seed=0)
    >>> table = layer(np.ones((1000, 4), "float32"), training=True)
    >>> np.unique(np.sum(table, axis=1)).tolist()
    [0.0, 8.0]

    Reference:
        Gal and Ghahramani, arXiv:1512.05287, Section 4.2; Appendix A.1.2 of
        the DARTS paper.
    """

    def __init__(self, rate, seed=None, **kwargs):
        super().__init__(**kwargs)
        check_rates(rate=rate)
        self.rate = rate
        self.seed = seed
        self.input_spec = keras.InputSpec(ndim=2)
        self.generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape):
        """Has nothing to build."""

    def call(self, inputs, training=None):
        inputs = inputs_lib.numbers(inputs, self.compute_dtype)
        if not training or not self.rate:
            return inputs
        return keras.random.dropout(
            inputs, self.rate, (None, 1), self.generator
        )

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


def check_rates(**rates):
    """Raises an error for a rate that is no number in [0, 1).

    Args:
        **rates: The rates by name.

    Raises:
        ValueError: If a rate is not a number in [0, 1).
    """
    for name, rate in rates.items():
        checks.fraction(rate, name)
