"""How words are looked up by their ids."""

import tensorflow as tf

from darts_tf import environment


def known_value(tensor):
    """Returns what a tensor holds, where that is known before a run.

    Args:
        tensor: Tensor.

    Returns:
        Array; `None` for a tensor of a graph that is no constant.
    """
    return tf.get_static_value(tensor)


def rows(table, ids):
    """Returns rows of a table, and never another row than was asked for.

    `keras.ops.take` counts a negative id from the end.

    Args:
        table: Tensor of shape `(rows, features)`.
        ids: Integer tensor.

    Returns:
        Tensor of shape `(*ids.shape, features)`; on a GPU, NaN for an id that
        is not that of a row.

    Raises:
        tf.errors.InvalidArgumentError: On a CPU, if an id is not that of a
            row; it names the id and the number of rows.
    """
    found = tf.gather(table, ids)
    if not environment.has_gpu():
        return found
    # There, TensorFlow gathers zeros.
    is_row = (ids >= 0) & (ids < tf.shape(table, ids.dtype)[0])
    nan = tf.constant(float("nan"), found.dtype)
    return tf.where(is_row[..., None], found, nan)
