"""The first convolutions of a network."""

import keras

from darts_tf.layers import batch_norm
from darts_tf.layers import convolution
from darts_tf.layers import elementwise_kernels
from darts_tf.layers import inputs as inputs_lib


@keras.saving.register_keras_serializable(package="darts_tf")
class ConvStem(keras.layers.Layer):
    """3x3 convolutions with batch normalisation, with ReLU between them.

    One convolution of stride 1 is the stem for CIFAR-10, three of stride 2
    are the one for ImageNet.

    Args:
        filters: Sequence of integers, the filters of each convolution.
        strides: Integer, `1` or `2`, of each convolution. Defaults to `1`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Tensor of shape `(batch, height, width, channels)`.

    Returns:
        A pair of tensors, what the first cell sees as the outputs of the two
        cells before it: those of the last but one convolution and of the last;
        twice the same if there is one convolution.

    Example:

    >>> stem = darts_tf.layers.ConvStem([24, 48, 48], strides=2)
    >>> before, outputs = stem(np.zeros((1, 224, 224, 3), "float32"))
    >>> before.shape, outputs.shape
    (TensorShape([1, 56, 56, 48]), TensorShape([1, 28, 28, 48]))

    Reference:
        Sections 3.2 and 3.3 of the DARTS paper, arXiv:1806.09055.
    """

    def __init__(self, filters, strides=1, **kwargs):
        super().__init__(**kwargs)
        self.filters = tuple(filters)
        self.strides = strides
        self.convolutions = [
            convolution.Convolution(size, 3, strides, name=f"conv_{k}")
            for k, size in enumerate(self.filters)
        ]
        self.norms = [
            batch_norm.BatchNorm(name=f"norm_{k}")
            for k in range(len(self.filters))
        ]

    def build(self, input_shape):
        self.input_spec = inputs_lib.image_spec(input_shape[-1])
        shape = input_shape
        for layer, norm in zip(self.convolutions, self.norms, strict=True):
            layer.build(shape)
            shape = layer.compute_output_shape(shape)
            norm.build(shape)

    def call(self, inputs, training=None):
        outputs = []
        for layer, norm in zip(self.convolutions, self.norms, strict=True):
            if outputs:
                # What is returned, too, no exporter can fold a ReLU into.
                alone = layer is self.convolutions[-1] and not training
                inputs = elementwise_kernels.relu(
                    outputs[-1], training=not alone
                )
            outputs.append(norm(layer(inputs)))
        return outputs[-2:] if len(outputs) > 1 else outputs * 2

    def compute_output_shape(self, input_shape):
        shapes = []
        for layer in self.convolutions:
            input_shape = layer.compute_output_shape(input_shape)
            shapes.append(input_shape)
        return shapes[-2:] if len(shapes) > 1 else shapes * 2

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "strides": self.strides,
        }
