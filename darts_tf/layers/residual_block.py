"""The residual block between two stages of cells."""

import keras

from darts_tf.layers import convolution
from darts_tf.layers import convolution_stack
from darts_tf.layers import inputs as inputs_lib


@keras.saving.register_keras_serializable(package="darts_tf")
class ResidualBlock(keras.layers.Layer):
    """Two 3x3 convolutions beside a shortcut, which is pooled and 1x1.

    Both convolutions have a ReLU before and a batch normalisation after them;
    the stride is in the first. The shortcut is a 2x2 average pool, if the
    stride is 2, and a 1x1 convolution.

    Args:
        filters: Integer, the number of output channels.
        strides: Integer, `1` or `2`. Defaults to `2`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Tensor of shape `(batch, height, width, channels)`.

    Returns:
        Tensor of shape `(batch, ceil(height / strides),
        ceil(width / strides), filters)`.

    Example:

    >>> block = darts_tf.layers.ResidualBlock(filters=8)
    >>> block(np.zeros((1, 6, 6, 4), "float32")).shape
    TensorShape([1, 3, 3, 8])

    Reference:
        Section 2.1 of Dong and Yang, "NAS-Bench-201", arXiv:2001.00326.
    """

    def __init__(self, filters, strides=2, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.strides = strides
        self.convolutions = [
            convolution_stack.StandardConvolution(
                3, filters, stride, name=f"conv_{k}"
            )
            for k, stride in enumerate((strides, 1))
        ]
        # At an odd size the last pixel is the mean of what there is.
        self.pool = keras.layers.AveragePooling2D(
            strides,
            padding="same",
            data_format="channels_last",
            name="pool",
        )
        self.shortcut = convolution.Convolution(filters, name="shortcut")

    def build(self, input_shape):
        self.input_spec = inputs_lib.image_spec(input_shape[-1])
        self.convolutions[0].build(input_shape)
        shape = self.convolutions[0].compute_output_shape(input_shape)
        self.convolutions[1].build(shape)
        self.shortcut.build((*shape[:3], input_shape[-1]))

    def call(self, inputs, training=None):
        inputs = inputs_lib.numbers(inputs, self.compute_dtype)
        outputs = inputs
        for layer in self.convolutions:
            outputs = layer(outputs)
        shortcut = self.pool(inputs) if self.strides > 1 else inputs
        return self.shortcut(shortcut) + outputs

    def compute_output_shape(self, input_shape):
        return self.convolutions[0].compute_output_shape(input_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "strides": self.strides,
        }
