"""Raw kernels of depthwise convolutions, with the fastest gradients.

Times are for a float32 tensor of shape `(64, 32, 32, 64)` on 2 CPU cores,
forward plus gradient.
"""

import tensorflow as tf

from darts_tf.layers import convolution_kernels
from darts_tf.layers import padding_kernels
from darts_tf.layers import pooling_kernels
from darts_tf.layers import space_to_batch_kernels


def depthwise_convolution(inputs, kernel, strides=1, dilation_rate=1, *, fast):
    """Convolves each channel apart, with symmetric padding.

    A kernel with more channels than the inputs holds several copies side by
    side; each reads all the inputs. Repeating the inputs first is faster than
    a channel multiplier (3.6 against 8.2 ms), and done as late as possible.

    Args:
        inputs: Tensor of shape `(batch, height, width, channels)`.
        kernel: Tensor of shape `(rows, columns, 1, copies * channels)`.
        strides: Integer, `1` or `2`. Defaults to `1`.
        dilation_rate: Integer, `1` or `2`. Defaults to `1`.
        fast: Boolean. `True` takes the form with the fastest gradient,
            `False` the native operation, which exporters understand.

    Returns:
        Tensor of shape `(batch, ceil(height / strides),
        ceil(width / strides), copies * channels)`.
    """
    # A variable would confuse the gradient of our own.
    kernel = tf.convert_to_tensor(kernel)
    copies = kernel.shape[-1] // inputs.shape[-1]
    if dilation_rate == 2 and strides == 2:
        # With both at 2 every tap falls on an even pixel. (The native
        # operation is wrong for this combination.)
        inputs, strides, dilation_rate = (
            pooling_kernels.even_pixels(inputs),
            1,
            1,
        )
    strides = (strides, strides)
    if not (
        fast and convolution_kernels.grouped_convolution_works(inputs.dtype)
    ):
        inputs, padding = convolution_kernels.symmetric_padding(
            inputs, kernel, strides
        )
        return tf.nn.depthwise_conv2d(
            repeat_channels(inputs, copies),
            tf.transpose(kernel, (0, 1, 3, 2)),
            (1, *strides, 1),
            padding,
            dilations=(dilation_rate, dilation_rate),
        )
    if dilation_rate == 2:
        # The gradient of the dilated kernel is slow (5x5: 25 ms). What odd
        # sizes lack is outside, so zero.
        odd = tuple(padding_kernels.odd(inputs, axis) for axis in (1, 2))
        images = space_to_batch_kernels.space_to_batch(inputs, odd)
        outputs = _same_depthwise(repeat_channels(images, copies), kernel)
        return space_to_batch_kernels.batch_to_space(outputs, odd)
    inputs, padding = convolution_kernels.symmetric_padding(
        inputs, kernel, strides
    )
    inputs = repeat_channels(inputs, copies)
    if padding == "SAME":
        return _same_depthwise(inputs, kernel)
    return _halving_depthwise(inputs, kernel)


def repeat_channels(inputs, copies):
    """Returns the inputs several times, side by side in the channels.

    Args:
        inputs: Tensor of shape `(batch, height, width, channels)`.
        copies: Integer.

    Returns:
        Tensor of shape `(batch, height, width, copies * channels)`.
    """
    return tf.tile(inputs, (1, 1, 1, copies)) if copies > 1 else inputs


def _same_depthwise(inputs, kernel):
    """Convolves each channel at stride 1, by the fastest gradient there is."""
    _, height, width, _ = inputs.shape
    # With fewer rows that gradient in two steps is the slow one.
    if tuple(kernel.shape[:2]) == (5, 5) and (height or 0) >= 6 and width:
        return _depthwise_5x5(inputs, kernel)
    return tf.nn.conv2d(inputs, kernel, 1, "SAME")


@tf.custom_gradient
def _depthwise_5x5(inputs, kernel):
    """Convolves at stride 1; the gradient for the kernel is two fast ones.

    oneDNN's fast gradient for a depthwise kernel ends at 3 columns (5x5 takes
    21 ms, 5x3 takes 3). The three middle columns are a kernel of 5x3. The two
    outer ones are the outer columns of a 5x3 kernel on every other pixel: with
    neighbouring columns seen as channels, which costs nothing, each pixel's
    neighbour is two columns away. Together 6 ms, to float32 rounding.

    Widths that are odd or below 8 get columns of zeros first: halves of less
    than 4 columns are slow again.
    """

    def gradient(upstream):
        _, height, width, channels = inputs.shape
        missing = max(8 - width, width % 2)
        images = [inputs, upstream]
        if missing:
            right = ((0, 0), (0, 0), (0, missing), (0, 0))
            images = [tf.pad(image, right) for image in images]
        middle = _kernel_gradient(*images, 3)
        halves = tf.constant((-1, height, (width + missing) // 2, 2 * channels))
        outer = _kernel_gradient(
            *(tf.reshape(image, halves) for image in images), 3
        )
        outer = tf.reduce_sum(tf.reshape(outer, (5, 3, 1, 2, channels)), 3)
        first, _, last = tf.split(outer, 3, 1)
        return (
            _input_gradient(inputs, kernel, upstream, 1, "SAME"),
            tf.concat([first, middle, last], 1),
        )

    return tf.nn.conv2d(inputs, kernel, 1, "SAME"), gradient


def _halving_depthwise(inputs, kernel):
    """Convolves each channel at stride 2, of inputs that are padded."""
    width = inputs.shape[2] or 1
    if tuple(kernel.shape[:2]) == (5, 5) and width % 2 == 0:
        return _halving_depthwise_5x5(inputs, kernel)
    return tf.nn.conv2d(inputs, kernel, 2, "VALID")


@tf.custom_gradient
def _halving_depthwise_5x5(inputs, kernel):
    """Convolves at stride 2; the gradient for the kernel is that of 3 columns.

    With neighbouring columns seen as channels, which costs nothing, the even
    and the odd columns of the kernel are two kernels of stride 1 in a row, and
    of 3 and 2 columns: the fast path again. 21 against 37 ms for 33 million
    numbers, the whole of forward and gradients.
    """

    def gradient(upstream):
        _, height, width, channels = inputs.shape
        pairs = tf.reshape(inputs, (-1, height, width // 2, 2 * channels))
        both = tf.tile(upstream, (1, 1, 1, 2))
        slopes = _kernel_gradient(pairs, both, 3, (2, 1), "VALID")
        slopes = tf.reshape(slopes, (5, 6, 1, channels))
        return (
            _input_gradient(inputs, kernel, upstream, 2, "VALID"),
            slopes[:, :5],
        )

    return tf.nn.conv2d(inputs, kernel, 2, "VALID"), gradient


def _kernel_gradient(inputs, upstream, columns, strides=(1, 1), padding="SAME"):
    """Returns the gradient for a depthwise kernel of 5 rows."""
    return tf.raw_ops.Conv2DBackpropFilter(
        input=inputs,
        filter_sizes=[5, columns, 1, inputs.shape[-1]],
        out_backprop=upstream,
        strides=[1, *strides, 1],
        padding=padding,
    )


def _input_gradient(inputs, kernel, upstream, strides, padding):
    return tf.raw_ops.Conv2DBackpropInput(
        input_sizes=tf.shape(inputs),
        filter=kernel,
        out_backprop=upstream,
        strides=[1, strides, strides, 1],
        padding=padding,
    )
