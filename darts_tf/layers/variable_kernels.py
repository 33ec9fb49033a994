"""What variables hold, as tensors."""

import tensorflow as tf


def values(variables):
    """Returns what variables hold now, also if they change later.

    Args:
        variables: List of Keras variables, whose `value` is not yet read.

    Returns:
        List of tensors.
    """
    return [tf.convert_to_tensor(variable.value) for variable in variables]
