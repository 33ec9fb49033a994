"""The candidate operations that convolve."""

import keras

from darts_tf.layers import batch_norm
from darts_tf.layers import convolution
from darts_tf.layers import convolution_kernels
from darts_tf.layers import elementwise_kernels
from darts_tf.layers import input_transforms
from darts_tf.layers import inputs as inputs_lib
from darts_tf.layers import operation
from darts_tf.layers import padding_kernels


class ConvolutionStack(operation.Operation):
    """Stages of ReLU, convolutions and batch normalisation.

    The op weight is the scale of the last normalisation. Subclasses list
    their stages. Arguments and call are those of `Operation`.
    """

    def __init__(self, filters, strides=1, copies=1, affine=True, **kwargs):
        super().__init__(filters, strides, copies, affine, **kwargs)
        self.stages = self._make_stages()
        self.norms = [
            batch_norm.BatchNorm(self.affine, name=f"norm_{k}")
            for k in range(len(self.stages))
        ]

    def _make_stages(self):
        """Returns one list of convolutions for each stage."""
        raise NotImplementedError(type(self).__name__)

    def build(self, input_shape):
        self.input_spec = inputs_lib.image_spec(input_shape[-1])
        shape = input_shape
        for stage, norm in zip(self.stages, self.norms, strict=True):
            for layer in stage:
                layer.build(shape)
                shape = layer.compute_output_shape(shape)
            norm.build(shape)

    def call(self, inputs, scale=None, training=None):
        inputs = inputs_lib.numbers(inputs, self.compute_dtype)
        transform = self.input_transform(inputs.shape, training)
        chunks = [transform.forward(inputs, training)]
        (outputs,) = self.call_in_chunks(chunks, transform, scale, training)
        return transform.inverse(outputs)

    def input_transform(self, image_shape, training=None):
        return input_transforms.RELU

    def call_in_chunks(self, chunks, transform, scale=None, training=None):
        for stage, norm in zip(self.stages, self.norms, strict=True):
            if stage is not self.stages[0]:
                # Here an exporter folds it into the convolution before.
                chunks = [elementwise_kernels.relu(chunk) for chunk in chunks]
            for layer in stage:
                chunks = layer.call_in_chunks(chunks, transform, training)
            weight = scale if norm is self.norms[-1] else None
            chunks = norm.call_in_chunks(chunks, weight, training)
        return chunks

    def _pointwise(self, stage):
        return convolution.Convolution(
            self.copies * self.filters,
            groups=self.copies,
            name=f"pointwise_{stage}",
        )


class _KernelSize(ConvolutionStack):
    """A stack whose depthwise convolutions have one kernel size."""

    def __init__(
        self,
        kernel_size,
        filters,
        strides=1,
        copies=1,
        affine=True,
        **kwargs,
    ):
        self.kernel_size = kernel_size
        super().__init__(filters, strides, copies, affine, **kwargs)

    def get_config(self):
        return {**super().get_config(), "kernel_size": self.kernel_size}


@keras.saving.register_keras_serializable(package="darts_tf")
class SeparableConvolution(_KernelSize):
    """A depthwise separable convolution, applied twice.

    (ReLU, depthwise, pointwise, batch normalisation) two times; the stride is
    in the first depthwise convolution only.

    Args:
        kernel_size: Odd integer, in pixels.
        filters: Integer, the number of channels of one copy.
        strides: Integer, `1` or `2`. Defaults to `1`.
        copies: Integer, how many independent copies. Defaults to `1`.
        affine: Boolean, whether normalisation learns a scale and an offset.
            Defaults to `True`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Returns:
        Tensor of shape `(batch, ceil(height / strides),
        ceil(width / strides), copies * filters)`.

    Example:

    >>> layer = darts_tf.layers.SeparableConvolution(3, filters=4, copies=2)
    >>> layer(np.zeros((1, 8, 8, 4), "float32")).shape
    TensorShape([1, 8, 8, 8])

    Reference:
        Section 3.1 of the DARTS paper, arXiv:1806.09055.
    """

    def _make_stages(self):
        first = convolution.DepthwiseConvolution(
            self.kernel_size,
            self.strides,
            copies=self.copies,
            name="depthwise_0",
        )
        second = convolution.DepthwiseConvolution(
            self.kernel_size, name="depthwise_1"
        )
        return [[first, self._pointwise(0)], [second, self._pointwise(1)]]


@keras.saving.register_keras_serializable(package="darts_tf")
class DilatedConvolution(_KernelSize):
    """A depthwise separable convolution of dilation 2, applied once.

    Args:
        kernel_size: Odd integer, in taps; it spans `2 * kernel_size - 1`
            pixels.
        filters: Integer, the number of channels of one copy.
        strides: Integer, `1` or `2`. Defaults to `1`.
        copies: Integer, how many independent copies. Defaults to `1`.
        affine: Boolean, whether normalisation learns a scale and an offset.
            Defaults to `True`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Returns:
        Tensor of shape `(batch, ceil(height / strides),
        ceil(width / strides), copies * filters)`.

    Example:

    >>> layer = darts_tf.layers.DilatedConvolution(5, filters=4, strides=2)
    >>> layer(np.zeros((1, 8, 8, 4), "float32")).shape
    TensorShape([1, 4, 4, 4])

    Reference:
        Section 3.1 of the DARTS paper, arXiv:1806.09055.
    """

    def _make_stages(self):
        depthwise = convolution.DepthwiseConvolution(
            self.kernel_size,
            self.strides,
            dilation_rate=2,
            copies=self.copies,
            name="depthwise_0",
        )
        return [[depthwise, self._pointwise(0)]]

    def input_transform(self, image_shape, training=None):
        if not training:
            return input_transforms.RELU
        if self.strides == 2:
            return input_transforms.RELU_EVEN_PIXELS
        # Of odd sizes, space-to-batch has pixels that are not of the image.
        even = all(size and size % 2 == 0 for size in image_shape[1:3])
        if even:
            return input_transforms.RELU_SPACE_TO_BATCH
        return input_transforms.RELU


@keras.saving.register_keras_serializable(package="darts_tf")
class StandardConvolution(_KernelSize):
    """ReLU, a convolution over all channels, batch normalisation.

    Args:
        kernel_size: Odd integer, in pixels.
        filters: Integer, the number of channels of one copy.
        strides: Integer, `1` or `2`. Defaults to `1`.
        copies: Integer, how many independent copies. Defaults to `1`.
        affine: Boolean, whether normalisation learns a scale and an offset.
            Defaults to `True`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Returns:
        Tensor of shape `(batch, ceil(height / strides),
        ceil(width / strides), copies * filters)`.

    Example:

    >>> layer = darts_tf.layers.StandardConvolution(3, filters=4, copies=2)
    >>> layer(np.zeros((1, 8, 8, 4), "float32")).shape
    TensorShape([1, 8, 8, 8])

    Reference:
        Section 2.1 of Dong and Yang, "NAS-Bench-201", arXiv:2001.00326.
    """

    def _make_stages(self):
        return [
            [
                convolution.Convolution(
                    self.copies * self.filters,
                    self.kernel_size,
                    self.strides,
                    name="conv",
                )
            ]
        ]

    def input_transform(self, image_shape, training=None):
        return input_transforms.RELU_ONCE


@keras.saving.register_keras_serializable(package="darts_tf")
class Conv7x1(ConvolutionStack):
    """A 1x7 and a 7x1 convolution after one ReLU, normalised once.

    Args:
        filters: Integer, the number of channels of one copy.
        strides: Integer, `1` or `2`. Defaults to `1`.
        copies: Integer, how many independent copies. Defaults to `1`.
        affine: Boolean, whether normalisation learns a scale and an offset.
            Defaults to `True`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Returns:
        Tensor of shape `(batch, ceil(height / strides),
        ceil(width / strides), copies * filters)`.

    Example:

    >>> layer = darts_tf.layers.Conv7x1(filters=4, strides=2)
    >>> layer(np.zeros((1, 8, 8, 4), "float32")).shape
    TensorShape([1, 4, 4, 4])

    Reference:
        Real et al., arXiv:1802.01548 (AmoebaNet).
    """

    def _make_stages(self):
        filters = self.copies * self.filters
        return [
            [
                convolution.Convolution(
                    filters, (1, 7), (1, self.strides), name="conv_1x7"
                ),
                convolution.Convolution(
                    filters,
                    (7, 1),
                    (self.strides, 1),
                    groups=self.copies,
                    name="conv_7x1",
                ),
            ]
        ]


@keras.saving.register_keras_serializable(package="darts_tf")
class PointwiseConvolution(ConvolutionStack):
    """ReLU, 1x1 convolution, batch normalisation.

    It brings a cell's inputs to the cell's filters.

    Args:
        filters: Integer, the number of channels of one copy.
        strides: Integer, `1` or `2`. Defaults to `1`.
        copies: Integer, how many independent copies. Defaults to `1`.
        affine: Boolean, whether normalisation learns a scale and an offset.
            Defaults to `True`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Returns:
        Tensor of shape `(batch, ceil(height / strides),
        ceil(width / strides), copies * filters)`.

    Example:

    >>> layer = darts_tf.layers.PointwiseConvolution(filters=4)
    >>> layer(np.zeros((1, 8, 8, 12), "float32")).shape
    TensorShape([1, 8, 8, 4])
    """

    def _make_stages(self):
        return [
            [
                convolution.Convolution(
                    self.copies * self.filters,
                    strides=self.strides,
                    name="pointwise_0",
                )
            ]
        ]


@keras.saving.register_keras_serializable(package="darts_tf")
class FactorizedReduce(operation.Operation):
    """Halves the resolution without losing every other pixel.

    ReLU, then two 1x1 convolutions of stride 2 with half the filters each,
    the second on the inputs shifted by one pixel, joined and normalised.

    Args:
        filters: Even integer, the number of channels of one copy.
        strides: Integer, always `2`. Defaults to `2`.
        copies: Integer, how many independent copies. Defaults to `1`.
        affine: Boolean, whether normalisation learns a scale and an offset.
            Defaults to `True`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Returns:
        Tensor of shape `(batch, ceil(height / 2), ceil(width / 2),
        copies * filters)`.

    Raises:
        ValueError: If `filters` is odd or `strides` is not 2.

    Example:

    >>> layer = darts_tf.layers.FactorizedReduce(filters=4)
    >>> layer(np.zeros((1, 8, 8, 12), "float32")).shape
    TensorShape([1, 4, 4, 4])
    """

    def __init__(self, filters, strides=2, copies=1, affine=True, **kwargs):
        if filters % 2 or strides != 2:
            raise ValueError(
                "A factorized reduction needs an even number of filters and "
                f"strides of 2. Received: filters={filters}, strides={strides}"
            )
        super().__init__(filters, strides, copies, affine, **kwargs)
        half = copies * filters // 2
        self.even = convolution.Convolution(half, strides=2, name="even")
        self.odd = convolution.Convolution(half, strides=2, name="odd")
        self.norm = batch_norm.BatchNorm(affine, name="norm")

    def build(self, input_shape):
        self.input_spec = inputs_lib.image_spec(input_shape[-1])
        self.even.build(input_shape)
        self.odd.build(input_shape)
        self.norm.build(self.compute_output_shape(input_shape))

    def call(self, inputs, scale=None, training=None):
        inputs = inputs_lib.numbers(inputs, self.compute_dtype)
        inputs = elementwise_kernels.relu(inputs, training=bool(training))
        # Differs from the reference: an odd size is padded, not an error.
        inputs = padding_kernels.padded_to_even(inputs)
        if not training and self.copies == 1:
            return self._normalized_apart(inputs, scale)
        kernel = keras.ops.cast(self._joint_kernel(), inputs.dtype)
        outputs = convolution_kernels.halving_convolution(inputs, kernel)
        return self.norm(outputs, scale)

    def _normalized_apart(self, inputs, scale):
        """Joins what is normalised, instead of normalising what is joined.

        The normalisation is then folded into the two convolutions when the
        network is exported. (The joint kernel would be fewer operators still,
        but took 1.8 to 3.3 times as long in LiteRT.)
        """
        halves = [self.even(inputs), self.odd(inputs[:, 1:, 1:])]
        factors_and_offsets = [
            keras.ops.split(v, 2) for v in self.norm.as_linear(scale)
        ]
        return keras.ops.concatenate(
            [
                half * factor + offset
                for half, factor, offset in zip(
                    halves, *factors_and_offsets, strict=True
                )
            ],
            -1,
        )

    def _joint_kernel(self):
        """Returns both convolutions as one of 2x2 pixels, half of it zeros.

        The upper left pixel goes to the first half of each copy's filters, the
        lower right one to the second: no tensor is sliced, shifted or joined.
        """
        even, odd = (
            keras.ops.reshape(
                keras.ops.convert_to_tensor(half.kernel),
                (-1, self.copies, self.filters // 2),
            )
            for half in (self.even, self.odd)
        )
        zeros = keras.ops.zeros_like(even)
        nothing = keras.ops.concatenate([zeros, zeros], -1)
        pixels = [
            keras.ops.concatenate([even, zeros], -1),
            nothing,
            nothing,
            keras.ops.concatenate([zeros, odd], -1),
        ]
        shape = (2, 2, -1, self.copies * self.filters)
        return keras.ops.reshape(keras.ops.stack(pixels), shape)
