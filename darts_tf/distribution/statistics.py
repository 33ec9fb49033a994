"""What the replicas of a distribution strategy do together.

Each has its share of the rows of a batch. The last batch of a data set may be a
partial one: then replicas have unequal numbers of rows, and some have none.
"""

import contextlib
import threading

import tensorflow as tf

from darts_tf.distribution import replicas

# Each replica is a thread of its own.
_thread = threading.local()


def moments(inputs, dtype):
    """Returns the statistics of each channel over the batch, of all replicas.

    The replicas tell one another theirs, once, and each joins them all. To add
    up sums and squares would be simpler, but the variance, then a difference,
    would lose digits.

    Args:
        inputs: Tensor of shape `(..., channels)`.
        dtype: Type to compute in.

    Returns:
        The mean and variance, of shape `(channels,)`, and the count, a scalar.

    Example:

    >>> mean, variance, count = darts_tf.distribution.moments(
    ...     np.array([[1.0], [3.0]]), "float32"
    ... )
    >>> float(mean[0]), float(variance[0]), float(count)
    (2.0, 1.0, 2.0)
    """
    inputs = tf.cast(inputs, dtype)
    count = tf.cast(tf.size(inputs) / inputs.shape[-1], dtype)
    if getattr(_thread, "is_empty", None) is not None:
        count = tf.where(_thread.is_empty, tf.zeros_like(count), count)
    axes = list(range(inputs.shape.rank - 1))
    mean = tf.reduce_mean(inputs, axes)
    # tf.nn.moments holds the mean constant here: that leaves the gradient as
    # it is, but not the second derivative.
    variance = tf.reduce_mean(tf.square(inputs - mean), axes)
    if replicas.count() == 1:
        return mean, variance, count
    # Nothing has no statistics: NaN, also times a count of 0.
    mean, variance = (
        tf.where(count > 0, value, tf.zeros_like(value))
        for value in (mean, variance)
    )
    context = tf.distribute.get_replica_context()
    own = tf.stack([mean, variance, count + 0 * mean])
    place = tf.one_hot(
        context.replica_id_in_sync_group, replicas.count(), dtype=dtype
    )
    # The gradient of this sum is one over the replicas, too.
    every = context.all_reduce(
        tf.distribute.ReduceOp.SUM, place[:, None, None] * own
    )
    means, variances, counts = tf.unstack(every, axis=1)
    count = tf.reduce_sum(counts[:, 0])
    part = counts / count
    mean = tf.reduce_sum(part * means, 0)
    deviations = tf.square(means - mean)
    return mean, tf.reduce_sum(part * (variances + deviations), 0), count


@contextlib.contextmanager
def with_a_row(inputs):
    """Gives a batch without rows one of zeros, which counts for nothing.

    The convolutions of oneDNN fail on no rows. In the `with` block `moments`
    leaves the row out. Nothing is done where there are rows for certain: in a
    graph of one replica, or of batches of one size.

    Args:
        inputs: Tensor of shape `(rows, ...)`.

    Yields:
        The inputs, with at least one row, and a callable that takes the row
        from what was made of them.
    """
    num_rows = inputs.shape[0]
    if num_rows or (num_rows is None and replicas.count() == 1):
        yield inputs, lambda outputs: outputs
        return
    num_rows = tf.shape(inputs)[0]
    _thread.is_empty = num_rows == 0
    missing = tf.cast(_thread.is_empty, num_rows.dtype)
    rest = [(0, 0)] * (inputs.shape.rank - 1)
    padded = tf.pad(inputs, [(0, missing), *rest])
    padded.set_shape((None, *inputs.shape[1:]))
    try:
        yield padded, lambda outputs: outputs[:num_rows]
    finally:
        _thread.is_empty = None


def weighted_by_rows(loss, num_rows):
    """Lets the gradient of a mean over rows count by how many rows there are.

    Keras divides the mean over a replica's own rows by the number of replicas
    and adds up, which is the mean over all rows if the replicas have equally
    many. The value stays, since Keras' metrics weigh it by the rows.

    Args:
        loss: Scalar tensor, the mean over this replica's rows, divided by the
            number of replicas.
        num_rows: Integer or scalar tensor, those of this replica.

    Returns:
        The loss, with its gradient times `num_rows * replicas / all rows`:
        exactly 1 if all replicas have equally many, 0 for one without rows.
    """
    num_replicas = replicas.count()
    if num_replicas == 1 or isinstance(num_rows, int):
        return loss
    own = tf.cast(num_rows, loss.dtype)
    context = tf.distribute.get_replica_context()
    rows = context.all_reduce(tf.distribute.ReduceOp.SUM, own)
    factor = own * num_replicas / rows

    @tf.custom_gradient
    def weigh(loss):
        return tf.identity(loss), lambda upstream: upstream * factor

    return weigh(loss)


def mean(values):
    """Returns the mean; 0 of no values, which a replica may have.

    Args:
        values: Tensor.

    Returns:
        Scalar tensor.

    Example:

    >>> float(darts_tf.distribution.mean(keras.ops.array([1.0, 3.0])))
    2.0
    """
    average = tf.reduce_mean(values)
    if replicas.count() == 1:
        return average
    # The gradient of what is not chosen is zero: it has no values.
    return tf.where(tf.size(values) > 0, average, tf.zeros_like(average))
