"""Random numbers that are a function of the seed and the step."""

import tensorflow as tf


def uniform(moment, number, shape, dtype):
    """Draws numbers from [0, 1).

    Args:
        moment: `Moment`.
        number: Integer, which of several draws of one step.
        shape: Tuple of integers.
        dtype: Type of the result.

    Returns:
        Tensor.
    """
    seed = tf.stack(
        [
            tf.constant(moment.seed * 64 + number, tf.int64),
            tf.cast(moment.step, tf.int64),
        ]
    )
    return tf.random.stateless_uniform(shape, seed, dtype=dtype)
