"""Where the random layers are in a step of the search.

Random layers count their draws. Each pass of a step starts so far from the
others that the draws of a search never meet: those of the two streams, of the
replicas, and of micro-batches.
"""

import tensorflow as tf

from darts_tf.distribution import replicas
from darts_tf.models import alphas

_STREAM_DRAWS, _REPLICA_DRAWS, _MICRO_BATCH_DRAWS = 2**31, 2**26, 2**20


def is_random_state(variable):
    """Tells whether a variable is the state of a random layer.

    Args:
        variable: A Keras variable.

    Returns:
        Boolean.
    """
    return variable.path.endswith("seed_generator_state")


def is_moment(variable):
    """Tells whether a variable says where the search is.

    Args:
        variable: A Keras variable.

    Returns:
        Boolean.
    """
    return variable.path.endswith(f"/{alphas.MOMENT}")


def phase_of(stream):
    """Returns the phase that a stream of data belongs to.

    Args:
        stream: String, `"weights"` or `"alphas"`.

    Returns:
        Scalar tensor.
    """
    phases = {"weights": alphas.WEIGHT_PHASE, "alphas": alphas.ALPHA_PHASE}
    return tf.constant(phases[stream], tf.float64)


def at_moment(variables, state, step, phase):
    """Returns a state that says at which step and in which phase it is.

    Args:
        variables: List of Keras variables.
        state: List of tensors, their values.
        step: Scalar, the steps that were taken.
        phase: Scalar tensor, of `phase_of`.

    Returns:
        List of tensors.
    """
    return [
        tf.stack([tf.cast(step, value.dtype), phase, value[2]])
        if is_moment(variable)
        else value
        for variable, value in zip(variables, state, strict=True)
    ]


def at_start(stream, micro_batch):
    """Returns how far on random layers are at the start of a pass.

    Args:
        stream: String, `"weights"` or `"alphas"`.
        micro_batch: Integer, which one of the batch.

    Returns:
        Scalar tensor of int64.
    """
    offset = (
        _STREAM_DRAWS * (stream == "alphas") + _MICRO_BATCH_DRAWS * micro_batch
    )
    return of_replica() + tf.constant(offset, tf.int64)


def of_replica():
    """Returns how far this replica is on in the draws of random layers."""
    if replicas.count() == 1:
        return tf.constant(0, tf.int64)
    return tf.cast(replicas.number(), "int64") * _REPLICA_DRAWS


def advanced(variables, state, num_draws):
    """Returns a state with the random layers further on.

    Args:
        variables: List of Keras variables.
        state: List of tensors, their values.
        num_draws: Scalar tensor of int64.

    Returns:
        List of tensors.
    """
    return [
        value + tf.cast(tf.stack([0, num_draws]), value.dtype)
        if is_random_state(variable)
        else value
        for variable, value in zip(variables, state, strict=True)
    ]
