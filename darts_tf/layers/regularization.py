"""Layers that only act in training."""

import keras


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
        self.generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape):
        """Has nothing to build."""

    def call(self, inputs, rate, training=None):
        if not training:
            return inputs
        keep = 1.0 - keras.ops.cast(rate, "float32")
        shape = keras.ops.shape(inputs)[:1] + (1,) * (len(inputs.shape) - 1)
        draw = keras.random.uniform(shape, dtype="float32", seed=self.generator)
        # floor(keep + u) is 1 with probability `keep`, as u is below 1.
        mask = keras.ops.floor(keep + draw) / keep
        return inputs * keras.ops.cast(mask, inputs.dtype)

    def compute_output_shape(self, input_shape, rate_shape=None):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "seed": self.seed}
