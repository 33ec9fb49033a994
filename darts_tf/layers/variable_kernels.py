"""What variables hold, as tensors, and gradients for idle ones."""

import tensorflow as tf


def values(variables):
    """Returns what variables hold now, also if they change later.

    Args:
        variables: List of Keras variables, whose `value` is not yet read.

    Returns:
        List of tensors.
    """
    return [tf.convert_to_tensor(variable.value) for variable in variables]


def with_zero_gradients(tensor, variables):
    """Returns a tensor as it is, with gradients of 0 for some variables.

    An optimizer warns about variables that have no gradient.

    Args:
        tensor: Tensor.
        variables: List of Keras variables on which nothing depends.

    Returns:
        The tensor.
    """
    if not variables:
        return tensor

    @tf.custom_gradient
    def same(tensor, *values):
        def gradient(upstream):
            return upstream, *(tf.zeros_like(value) for value in values)

        return tf.identity(tensor), gradient

    return same(tensor, *values(variables))
