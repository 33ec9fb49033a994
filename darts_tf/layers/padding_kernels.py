"""Raw kernels for the border and the size of images."""

import tensorflow as tf


def pad(inputs, rows, columns, value=0):
    """Adds rows and columns of a value on each side of images.

    Args:
        inputs: Tensor of shape `(batch, height, width, channels)`.
        rows: Integer.
        columns: Integer.
        value: Number. Defaults to `0`.

    Returns:
        Tensor of shape `(batch, height + 2 * rows, width + 2 * columns,
        channels)`.
    """
    paddings = ((0, 0), (rows, rows), (columns, columns), (0, 0))
    return tf.pad(inputs, paddings, constant_values=value)


def padded_to_even(inputs):
    """Adds a row and a column of zeros where the images have an odd size.

    Args:
        inputs: Tensor of shape `(batch, height, width, channels)`; the graph
            need not know the sizes.

    Returns:
        Tensor of shape `(batch, 2 * ceil(height / 2), 2 * ceil(width / 2),
        channels)`.
    """
    rows, columns = odd(inputs, 1), odd(inputs, 2)
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


def odd(inputs, axis):
    """Tells whether images have an odd size.

    Args:
        inputs: Tensor of shape `(batch, height, width, channels)`.
        axis: Integer.

    Returns:
        1 if the size along the axis is odd, else 0; a scalar tensor if the
        graph does not know the size.
    """
    size = inputs.shape[axis]
    return (tf.shape(inputs)[axis] if size is None else size) % 2
