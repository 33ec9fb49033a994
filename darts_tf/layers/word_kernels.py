"""How words are looked up by their ids."""

import contextlib

import tensorflow as tf

from darts_tf import environment

# One entry for each block in which graphs are traced for XLA.
_FOR_XLA = []


@contextlib.contextmanager
def traced_for_xla():
    """Says, for a `with` block, that XLA compiles the graphs traced in it.

    There is no other sign of it while a graph is traced.

    Yields:
        Nothing.
    """
    _FOR_XLA.append(True)
    try:
        yield
    finally:
        _FOR_XLA.pop()


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
        Tensor of shape `(*ids.shape, features)`; on a GPU, and in
        `traced_for_xla`, NaN for an id that is not that of a row.

    Raises:
        tf.errors.InvalidArgumentError: On a CPU without XLA, if an id is not
            that of a row; it names the id and the number of rows.
    """
    found = tf.gather(table, ids)
    if not (environment.has_gpu() or _FOR_XLA):
        return found
    # A GPU gathers zeros there, and XLA the nearest row.
    is_row = (ids >= 0) & (ids < tf.shape(table, ids.dtype)[0])
    nan = tf.constant(float("nan"), found.dtype)
    return tf.where(is_row[..., None], found, nan)
