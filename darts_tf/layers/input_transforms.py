"""The first step of operations, which those of one node can share."""

import typing

from darts_tf.layers import elementwise_kernels
from darts_tf.layers import pooling_kernels
from darts_tf.layers import space_to_batch_kernels


class InputTransform(typing.NamedTuple):
    """The first step of an operation; operations of equal ones can share it.

    Attributes:
        forward: Callable `forward(images, training)` that returns what the
            operation goes on with.
        inverse: Callable from results to images. It only moves pixels, so that
            results can be normalised and summed before it.
        is_plain: Boolean, whether convolutions then have their own strides and
            dilation. If not, both are 1.
        repeats: Boolean, whether an operation of several copies wants its
            inputs once for each, side by side in the channels.
    """

    forward: typing.Callable
    inverse: typing.Callable
    is_plain: bool
    repeats: bool = True


def _same(images, training=None):
    return images


def _relu(images, training):
    return elementwise_kernels.relu(images, training=bool(training))


def _relu_space_to_batch(images, training):
    return space_to_batch_kernels.space_to_batch(_relu(images, training))


def _relu_even_pixels(images, training):
    return _relu(pooling_kernels.even_pixels(images), training)


IDENTITY = InputTransform(_same, _same, True, repeats=False)
RELU = InputTransform(_relu, _same, True)
# For what convolves all channels: its copies are more filters on one input.
RELU_ONCE = InputTransform(_relu, _same, True, repeats=False)
# Dilation 2 is then an ordinary convolution.
RELU_SPACE_TO_BATCH = InputTransform(
    _relu_space_to_batch, space_to_batch_kernels.batch_to_space, False
)
# The same with strides of 2.
RELU_EVEN_PIXELS = InputTransform(_relu_even_pixels, _same, False)
