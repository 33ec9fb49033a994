"""Raw kernels that take numbers one by one: ReLU, and the sum of tensors."""

import functools

import tensorflow as tf


def relu(inputs, *, training=True):
    """Sets what is negative to zero.

    Args:
        inputs: Tensor of shape `(batch, height, width, channels)`.
        training: Boolean; the results are equal. Inference has a pool of one
            pixel in front: LiteRT has a fast integer kernel for a pool that
            ends in a ReLU, and a slow one for a ReLU on its own, as it remains
            where the inputs are also used as they are. Defaults to `True`.

    Returns:
        Tensor of the same shape.
    """
    if not training:
        inputs = tf.nn.max_pool2d(inputs, 1, 1, "VALID")
    return tf.nn.relu(inputs)


def add_n(tensors, *, training=True):
    """Adds tensors of one shape, always in the same order.

    The graph optimiser turns a chain of binary sums into one of many terms,
    too, but in an order that changes from graph to graph, and with it the last
    bit of the result: a resumed run would no longer equal an unbroken one.

    Args:
        tensors: Non-empty list of tensors.
        training: Boolean. `False` adds two at a time: LiteRT has no integer
            kernel for the sum of many terms, and its XNNPACK delegate none at
            all. Defaults to `True`.

    Returns:
        Tensor.
    """
    if not training:
        return functools.reduce(tf.add, tensors)
    return tf.add_n(tensors) if len(tensors) > 1 else tensors[0]
