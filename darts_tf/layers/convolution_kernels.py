"""Raw kernels of convolutions, in the forms with the fastest gradients.

Those of single channels are in `depthwise_kernels.py`. Times are for a float32
tensor of shape `(64, 32, 32, 64)` on 2 CPU cores, forward plus gradient.
"""

import functools

import tensorflow as tf

from darts_tf import environment
from darts_tf.layers import padding_kernels


@functools.cache
def grouped_convolution_works(dtype):
    """Tells whether a grouped convolution is the fast path on this machine.

    On a CPU with oneDNN a depthwise convolution written as a grouped one is
    the faster form, most of all its gradients (5x5: 12 against 15 ms). Without
    oneDNN, in float64, or in bfloat16 without AVX-512, its gradient does not
    exist, and on a GPU the native kernel wins.

    Args:
        dtype: `tf.DType` of the tensors.

    Returns:
        `True` if `tf.nn.conv2d` should be given the groups.
    """
    # The trial below prints a line of TensorFlow's where it fails, so that
    # what is known is asked first.
    if (
        environment.has_gpu()
        or environment.onednn_is_on() is False
        or dtype == tf.float64
        or (dtype == tf.bfloat16 and environment.has_avx512() is False)
    ):
        return False
    with tf.init_scope():
        image = tf.ones((1, 2, 2, 2), dtype)
        try:
            tf.raw_ops.Conv2DBackpropFilter(
                input=image,
                filter_sizes=(1, 1, 1, 2),
                out_backprop=image,
                strides=[1, 1, 1, 1],
                padding="VALID",
            )
        except (tf.errors.UnimplementedError, tf.errors.InvalidArgumentError):
            return False
    return True


def convolution(inputs, kernel, strides=(1, 1)):
    """Convolves with symmetric padding, in as many groups as the kernel says.

    TensorFlow pads "same" with stride 2 on one side only; the published
    networks pad both. Strides need an explicit padding, which is done apart:
    the padding of the convolution itself falls off oneDNN's fast path.

    Args:
        inputs: Tensor of shape `(batch, height, width, channels)`.
        kernel: Tensor of shape `(rows, columns, channels / groups, filters)`
            with odd `rows` and `columns`.
        strides: Tuple of 2 integers. Defaults to `(1, 1)`.

    Returns:
        Tensor of shape `(batch, ceil(height / strides[0]),
        ceil(width / strides[1]), filters)`.
    """
    inputs, padding = symmetric_padding(inputs, kernel, strides)
    groups = inputs.shape[-1] // kernel.shape[2]
    if groups == 1 or grouped_convolution_works(inputs.dtype):
        return tf.nn.conv2d(inputs, kernel, strides, padding)
    by_group = zip(
        tf.split(inputs, groups, -1), tf.split(kernel, groups, -1), strict=True
    )
    return tf.concat(
        [tf.nn.conv2d(*group, strides, padding) for group in by_group], -1
    )


def pointwise_convolution(inputs, matrix):
    """Convolves single pixels: a matrix product over all of them.

    On a CPU it takes two thirds of the time of the convolution that it equals,
    for which oneDNN puts the kernel into another order, and back its gradient.

    Args:
        inputs: Tensor of shape `(batch, height, width, channels)`, of which
            only the batch may be unknown.
        matrix: Tensor of shape `(channels, filters)`.

    Returns:
        Tensor of shape `(batch, height, width, filters)`.
    """
    _, height, width, channels = inputs.shape
    outputs = tf.matmul(tf.reshape(inputs, (-1, channels)), matrix)
    return tf.reshape(outputs, (-1, height, width, matrix.shape[-1]))


def halving_convolution(inputs, kernel):
    """Convolves blocks of pixels that do not overlap, without padding.

    Two 1x1 convolutions of stride 2, the second on the inputs shifted by one
    pixel, are one of these with half of the kernel zero. It has four times the
    products, but no slices, whose gradients are slow: 10 against 40 ms with 64
    channels on either side.

    Args:
        inputs: Tensor of shape `(batch, height, width, channels)`.
        kernel: Tensor of shape `(2, 2, channels, filters)`.

    Returns:
        Tensor of shape `(batch, height / 2, width / 2, filters)`.
    """
    return tf.nn.conv2d(inputs, kernel, 2, "VALID")


def symmetric_padding(inputs, kernel, strides):
    """Pads for an odd kernel, unless the convolution itself will.

    Args:
        inputs: Tensor of shape `(batch, height, width, channels)`.
        kernel: Tensor of shape `(rows, columns, ...)`, both odd.
        strides: Tuple of 2 integers.

    Returns:
        The inputs, padded or not, and the name of the padding that is left to
        the convolution.
    """
    if max(strides) == 1:
        return inputs, "SAME"  # symmetric, for an odd kernel
    rows, columns = kernel.shape[0] // 2, kernel.shape[1] // 2
    return (
        padding_kernels.pad(inputs, rows, columns) if rows + columns else inputs
    ), "VALID"
