"""The convolutions that operations are made of."""

import functools
import math

import keras
import numpy as np

from darts_tf import environment
from darts_tf.layers import convolution_kernels
from darts_tf.layers import depthwise_kernels
from darts_tf.layers import input_transforms
from darts_tf.layers import inputs as inputs_lib

# With more, the products with zeros take longer than a grouped convolution.
_CHANNELS_OF_BLOCKS = 32


def fan_in_uniform(fan_in):
    """Returns the uniform initializer on +- 1 / sqrt(fan_in).

    It is what the published networks start from (PyTorch's default). Keras'
    own counts the fan-in of a grouped kernel differently.

    Args:
        fan_in: Integer, the number of inputs that each output sums over.

    Returns:
        A `keras.initializers.RandomUniform`.
    """
    limit = 1.0 / math.sqrt(fan_in)
    return keras.initializers.RandomUniform(-limit, limit)


def strided(size, strides):
    """Returns the size of an axis after a symmetrically padded stride.

    Args:
        size: Integer or `None`.
        strides: Integer.

    Returns:
        `ceil(size / strides)`, or `None`.
    """
    return None if size is None else -(-size // strides)


def split_channels(tensor, num_chunks, dtype):
    """Returns equal chunks of a tensor's last axis.

    Args:
        tensor: Tensor or Keras variable.
        num_chunks: Integer.
        dtype: Type of the result.

    Returns:
        List of tensors.
    """
    tensor = keras.ops.cast(tensor, dtype)
    return (
        keras.ops.split(tensor, num_chunks, -1) if num_chunks > 1 else [tensor]
    )


@keras.saving.register_keras_serializable(package="darts_tf")
class Convolution(keras.layers.Layer):
    """A convolution without bias, padded symmetrically, in groups.

    Several copies of a convolution side by side in the channels are one
    convolution with `groups=copies`; if they all read the same inputs, one
    with as many more filters.

    Args:
        filters: Integer, the number of output channels.
        kernel_size: Odd integer, or a tuple of 2. Defaults to `1`.
        strides: Integer, or a tuple of 2. Defaults to `1`.
        groups: Integer, divides the input channels and the filters. Defaults
            to `1`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Tensor of shape `(batch, height, width, channels)`.
        training: Boolean. Training may take another form, with a faster
            gradient; the results are equal to rounding.

    Returns:
        Tensor of shape `(batch, ceil(height / strides),
        ceil(width / strides), filters)`.

    Raises:
        ValueError: If the channels or filters cannot be put into the groups.

    Example:

    >>> layer = darts_tf.layers.Convolution(6, kernel_size=3, strides=2)
    >>> layer(np.zeros((1, 8, 8, 3), "float32")).shape
    TensorShape([1, 4, 4, 6])
    """

    def __init__(self, filters, kernel_size=1, strides=1, groups=1, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = _pair(kernel_size)
        self.strides = _pair(strides)
        self.groups = groups

    def build(self, input_shape):
        channels = input_shape[-1]
        if channels % self.groups or self.filters % self.groups:
            raise ValueError(
                "`groups` must divide the input channels and the filters. "
                f"Received: groups={self.groups}, channels={channels}, "
                f"filters={self.filters}"
            )
        self.input_spec = inputs_lib.image_spec(channels)
        shape = (*self.kernel_size, channels // self.groups, self.filters)
        self.kernel = self.add_weight(
            name="kernel",
            shape=shape,
            initializer=fan_in_uniform(math.prod(shape[:3])),
        )

    def call(self, inputs, training=None):
        inputs = inputs_lib.numbers(inputs, self.compute_dtype)
        return self.call_in_chunks(
            [inputs], input_transforms.IDENTITY, training
        )[0]

    def call_in_chunks(self, chunks, transform, training=None):
        """Convolves inputs whose groups of channels are in several tensors.

        Args:
            chunks: List of tensors, each with equally many of the groups.
            transform: `InputTransform` of the inputs, which makes no difference
                to 1x1 convolutions.
            training: Boolean, as in the call.

        Returns:
            List of tensors, the outputs' channels in as many chunks.
        """
        if training and self._is_matrix_product(chunks[0].shape):
            convolve = convolution_kernels.pointwise_convolution
            kernel = self._matrix(chunks[0])
        else:
            convolve = functools.partial(
                convolution_kernels.convolution, strides=self.strides
            )
            kernel = self.kernel
        kernels = split_channels(kernel, len(chunks), chunks[0].dtype)
        return [
            convolve(chunk, kernel)
            for chunk, kernel in zip(chunks, kernels, strict=True)
        ]

    def _is_matrix_product(self, chunk_shape):
        """Tells whether products of matrices are the fastest form."""
        if environment.has_gpu() or None in chunk_shape[1:]:
            return False
        is_pointwise = self.kernel_size == self.strides == (1, 1)
        channels = chunk_shape[-1]
        is_one_block = channels == self.kernel.shape[2]
        return is_pointwise and (
            is_one_block or channels <= _CHANNELS_OF_BLOCKS
        )

    def _matrix(self, chunk):
        """Returns the matrices of all chunks side by side.

        The groups of a chunk are blocks on the diagonal of its matrix.
        """
        kernel = keras.ops.cast(self.kernel, chunk.dtype)
        rows, columns = self.kernel.shape[2:]
        matrix = keras.ops.reshape(kernel, (rows, columns))
        blocks = chunk.shape[-1] // rows
        if blocks == 1:
            return matrix
        num_chunks = self.groups // blocks
        block = np.ones((rows, columns // self.groups))
        places = np.tile(np.kron(np.eye(blocks), block), (1, num_chunks))
        places = keras.ops.convert_to_tensor(places, chunk.dtype)
        return keras.ops.tile(matrix, (blocks, 1)) * places

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        rows, columns = self.strides
        return (
            batch,
            strided(height, rows),
            strided(width, columns),
            self.filters,
        )

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "groups": self.groups,
        }


@keras.saving.register_keras_serializable(package="darts_tf")
class DepthwiseConvolution(keras.layers.Layer):
    """Convolves each channel apart, with `copies` filters for it.

    Args:
        kernel_size: Odd integer.
        strides: Integer, `1` or `2`. Defaults to `1`.
        dilation_rate: Integer, `1` or `2`. Defaults to `1`.
        copies: Integer, how many independent copies read the inputs; they
            stand side by side in the output. Defaults to `1`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Tensor of shape `(batch, height, width, channels)`.
        training: Boolean. Training takes the form with the fastest gradient,
            inference the native operation, which exporters understand. The
            results are equal.

    Returns:
        Tensor of shape `(batch, ceil(height / strides),
        ceil(width / strides), copies * channels)`.

    Example:

    >>> layer = darts_tf.layers.DepthwiseConvolution(3, copies=4)
    >>> layer(np.zeros((1, 8, 8, 2), "float32")).shape
    TensorShape([1, 8, 8, 8])
    """

    def __init__(
        self, kernel_size, strides=1, dilation_rate=1, copies=1, **kwargs
    ):
        super().__init__(**kwargs)
        self.kernel_size = kernel_size
        self.strides = strides
        self.dilation_rate = dilation_rate
        self.copies = copies

    def build(self, input_shape):
        self.input_spec = inputs_lib.image_spec(input_shape[-1])
        size = self.kernel_size
        self.kernel = self.add_weight(
            name="kernel",
            shape=(size, size, 1, self.copies * input_shape[-1]),
            initializer=fan_in_uniform(size * size),
        )

    def call(self, inputs, training=None):
        inputs = inputs_lib.numbers(inputs, self.compute_dtype)
        return self.call_in_chunks(
            [inputs], input_transforms.IDENTITY, training
        )[0]

    def call_in_chunks(self, chunks, transform, training=None):
        """Convolves for some of the copies at a time.

        Args:
            chunks: List of tensors: what some of the copies read, side by side
                or, if they all read the same, once.
            transform: `InputTransform` of the inputs.
            training: Boolean, as in the call.

        Returns:
            List of tensors, the outputs' channels in as many chunks.
        """
        kernels = split_channels(self.kernel, len(chunks), chunks[0].dtype)
        form = (
            (self.strides, self.dilation_rate) if transform.is_plain else (1, 1)
        )
        return [
            depthwise_kernels.depthwise_convolution(
                chunk, kernel, *form, fast=bool(training)
            )
            for chunk, kernel in zip(chunks, kernels, strict=True)
        ]

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return (
            batch,
            strided(height, self.strides),
            strided(width, self.strides),
            self.copies * channels,
        )

    def get_config(self):
        return {
            **super().get_config(),
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "dilation_rate": self.dilation_rate,
            "copies": self.copies,
        }


def _pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)
