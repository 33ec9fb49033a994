"""Space-to-batch: where a convolution of dilation 2 is an ordinary one."""

import tensorflow as tf


def space_to_batch(inputs, odd=(0, 0)):
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


def batch_to_space(images, odd=(0, 0)):
    """Undoes `space_to_batch`.

    Args:
        images: Tensor of shape `(4 * batch, height, width, channels)`.
        odd: Pair of the rows and columns to take away. Defaults to none.

    Returns:
        Tensor of shape `(batch, 2 * height, 2 * width, channels)`.
    """
    return tf.batch_to_space(images, (2, 2), [[0, size] for size in odd])
