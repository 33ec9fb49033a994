"""Raw kernels that pool images, as derivatives and exporters need them."""

import tensorflow as tf

from darts_tf.layers import padding_kernels


def max_pool(inputs, strides=1, *, training=True):
    """Takes the maximum over 3x3 windows with symmetric padding.

    The padding is explicit also where "same" would give equal results: the
    second derivative of the "same" kernel at stride 1 is wrong on a CPU inside
    a `tf.function`, and the exact hypergradient needs it. In inference the
    lowest number must not be there: as a value of the tensor it would stretch
    the scale of an int8 file over 1e38.

    Args:
        inputs: Tensor of shape `(batch, height, width, channels)`.
        strides: Integer. Defaults to `1`.
        training: Boolean; the results are equal. Defaults to `True`.

    Returns:
        Tensor of shape `(batch, ceil(height / strides),
        ceil(width / strides), channels)`.
    """
    if not training:
        return _pool_for_export(tf.nn.max_pool2d, inputs, strides)
    inputs = padding_kernels.pad(inputs, 1, 1, inputs.dtype.min)
    return tf.nn.max_pool2d(inputs, 3, strides, "VALID")


def average_pool(inputs, strides=1, *, training=True):
    """Averages over 3x3 windows, not counting the padding.

    Args:
        inputs: Tensor of shape `(batch, height, width, channels)`.
        strides: Integer. Defaults to `1`.
        training: Boolean; the results are equal. Inference has no division,
            which LiteRT does not have for integers. Defaults to `True`.

    Returns:
        Tensor of shape `(batch, ceil(height / strides),
        ceil(width / strides), channels)`.
    """
    if strides == 1:  # here "same" is symmetric, and does not count padding
        return tf.nn.avg_pool2d(inputs, 3, 1, "SAME")
    if not training:
        return _pool_for_export(tf.nn.avg_pool2d, inputs, strides)
    inside = tf.ones_like(inputs[:1, :, :, :1])
    total, count = (
        tf.nn.avg_pool2d(padding_kernels.pad(image, 1, 1), 3, strides, "VALID")
        for image in (inputs, inside)
    )
    return total / count


def even_pixels(inputs):
    """Returns every other pixel of every other row.

    As a pool of one pixel: the gradient of a slice takes six times as long.

    Args:
        inputs: Tensor of shape `(batch, height, width, channels)`.

    Returns:
        Tensor of shape `(batch, ceil(height / 2), ceil(width / 2), channels)`.
    """
    return tf.nn.max_pool2d(inputs, 1, 2, "VALID")


def _pool_for_export(pool, inputs, strides):
    """Pools by "same" at stride 1, which is symmetric, and keeps every second.

    What keeps them is a pool of one pixel: LiteRT takes half as long as for a
    slice with strides.
    """
    outputs = pool(inputs, 3, 1, "SAME")
    if strides == 1:
        return outputs
    return tf.nn.max_pool2d(outputs, 1, strides, "VALID")
