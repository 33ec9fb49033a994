"""Convolutions in the forms with the fastest gradients.

Times are for a float32 tensor of shape `(64, 32, 32, 64)` on 2 CPU cores,
forward plus gradient.
"""

import functools

import tensorflow as tf

from darts_tf import environment
from darts_tf.layers import kernels


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
        kernels.has_gpu()
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
    inputs, padding = _symmetric_padding(inputs, kernel, strides)
    groups = inputs.shape[-1] // kernel.shape[2]
    if groups == 1 or grouped_convolution_works(inputs.dtype):
        return tf.nn.conv2d(inputs, kernel, strides, padding)
    parts = zip(
        tf.split(inputs, groups, -1), tf.split(kernel, groups, -1), strict=True
    )
    return tf.concat(
        [tf.nn.conv2d(*part, strides, padding) for part in parts], -1
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


def depthwise_convolution(inputs, kernel, strides=1, dilation_rate=1, *, fast):
    """Convolves each channel with filters of its own, padded symmetrically.

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
        inputs, strides, dilation_rate = even_pixels(inputs), 1, 1
    strides = (strides, strides)
    if not (fast and grouped_convolution_works(inputs.dtype)):
        inputs, padding = _symmetric_padding(inputs, kernel, strides)
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
        odd = (_odd(inputs, 1), _odd(inputs, 2))
        phases = repeat_channels(to_phases(inputs, odd), copies)
        return from_phases(_same_depthwise(phases, kernel), odd)
    inputs, padding = _symmetric_padding(inputs, kernel, strides)
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


def to_phases(inputs, odd=(0, 0)):
    """Returns the images of even and odd rows and columns, four of each.

    On these a convolution of dilation 2 is an ordinary one.

    Args:
        inputs: Tensor of shape `(batch, height, width, channels)`.
        odd: Pair of the rows and columns of zeros to add, so that there is an
            even number of both. Defaults to none.

    Returns:
        Tensor of shape `(4 * batch, height / 2, width / 2, channels)`.
    """
    return tf.space_to_batch(inputs, (2, 2), [[0, size] for size in odd])


def from_phases(images, odd=(0, 0)):
    """Undoes `to_phases`.

    Args:
        images: Tensor of shape `(4 * batch, height, width, channels)`.
        odd: Pair of the rows and columns to take away. Defaults to none.

    Returns:
        Tensor of shape `(batch, 2 * height, 2 * width, channels)`.
    """
    return tf.batch_to_space(images, (2, 2), [[0, size] for size in odd])


def even_pixels(inputs):
    """Returns every other pixel of every other row.

    As a pool of one pixel: the gradient of a slice takes six times as long.

    Args:
        inputs: Tensor of shape `(batch, height, width, channels)`.

    Returns:
        Tensor of shape `(batch, ceil(height / 2), ceil(width / 2), channels)`.
    """
    return tf.nn.max_pool2d(inputs, 1, 2, "VALID")


def padded_to_even(inputs):
    """Adds a row and a column of zeros where the images have an odd size.

    Args:
        inputs: Tensor of shape `(batch, height, width, channels)`; the graph
            need not know the sizes.

    Returns:
        Tensor of shape `(batch, 2 * ceil(height / 2), 2 * ceil(width / 2),
        channels)`.
    """
    rows, columns = _odd(inputs, 1), _odd(inputs, 2)
    if None not in inputs.shape[1:3] and not rows + columns:
        return inputs
    return tf.pad(inputs, [(0, 0), (0, rows), (0, columns), (0, 0)])


def of_size(inputs, height, width):
    """Returns images whose size the graph did not know, which it now checks.

    Args:
        inputs: Tensor of shape `(batch, None, None, channels)`.
        height: Integer.
        width: Integer.

    Returns:
        The same tensor.

    Raises:
        tf.errors.InvalidArgumentError: When the graph runs, if the size is
            another one.
    """
    return tf.ensure_shape(inputs, (None, height, width, inputs.shape[-1]))


def _same_depthwise(inputs, kernel):
    """Convolves each channel at stride 1, by the fastest gradient there is."""
    _, height, width, _ = inputs.shape
    # With fewer rows the gradient in two parts is the slow one.
    if tuple(kernel.shape[:2]) == (5, 5) and (height or 0) >= 6 and width:
        return _depthwise_5x5(inputs, kernel)
    return tf.nn.conv2d(inputs, kernel, 1, "SAME")


@tf.custom_gradient
def _depthwise_5x5(inputs, kernel):
    """Convolves at stride 1; the gradient for the kernel is taken in two parts.

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


def _symmetric_padding(inputs, kernel, strides):
    """Returns the inputs and the name of the padding that is left to do."""
    if max(strides) == 1:
        return inputs, "SAME"  # symmetric, for an odd kernel
    rows, columns = kernel.shape[0] // 2, kernel.shape[1] // 2
    return (
        kernels.pad(inputs, rows, columns) if rows + columns else inputs
    ), "VALID"


def _odd(inputs, axis):
    """Returns 1 if the images have an odd size along the axis, else 0."""
    size = inputs.shape[axis]
    return (tf.shape(inputs)[axis] if size is None else size) % 2
