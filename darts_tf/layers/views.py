"""What an operation sees of its inputs, and where its results are."""

import typing

from darts_tf.layers import elementwise_kernels
from darts_tf.layers import pooling_kernels
from darts_tf.layers import space_to_batch_kernels


class View(typing.NamedTuple):
    """A way to see images; operations of equal views can share it.

    Attributes:
        enter: Callable `enter(inputs, training)` that returns what is seen.
        leave: Callable from results to what they are of the images. It only
            moves pixels, so what is seen can be normalised and summed before.
        is_plain: Boolean, whether convolutions have their own strides and
            dilation in the view. If not, both are 1.
    """

    enter: typing.Callable
    leave: typing.Callable
    is_plain: bool


def _same(inputs, training=None):
    return inputs


def _rectified(inputs, training):
    return elementwise_kernels.relu(inputs, training=bool(training))


def _rectified_phases(inputs, training):
    return space_to_batch_kernels.space_to_batch(_rectified(inputs, training))


def _rectified_even_pixels(inputs, training):
    return _rectified(pooling_kernels.even_pixels(inputs), training)


PIXELS = View(_same, _same, True)
RECTIFIED = View(_rectified, _same, True)
# Where dilation 2 is an ordinary convolution.
PHASES = View(_rectified_phases, space_to_batch_kernels.batch_to_space, False)
# The same with strides of 2.
EVEN_PIXELS = View(_rectified_even_pixels, _same, False)


def total(terms):
    """Sums results of several views.

    Args:
        terms: Dictionary from a view's `leave` to a list of results.

    Returns:
        Tensor.
    """
    return elementwise_kernels.add_n(
        [
            *terms.get(_same, []),
            *(
                leave(elementwise_kernels.add_n(results))
                for leave, results in terms.items()
                if leave is not _same
            ),
        ]
    )
