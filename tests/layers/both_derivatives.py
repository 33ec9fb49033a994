"""First and second derivatives along fixed random directions."""

import numpy as np
import tensorflow as tf


def derivatives(function, inputs):
    """Returns value, gradients, and gradients of a product with the latter.

    Args:
        function: Callable from a list of tensors to a tensor.
        inputs: List of tensors of one type, of known shapes.

    Returns:
        The value; the list of its gradients along a random direction; and the
        gradients of the product of these with random tensors, the last one
        that for the direction.
    """
    rng = np.random.default_rng(1)

    def draw(tensor):
        return tf.constant(rng.normal(size=tensor.shape), tensor.dtype)

    with tf.GradientTape() as outer:
        outer.watch(inputs)
        with tf.GradientTape() as inner:
            inner.watch(inputs)
            value = function(inputs)
        upstream = draw(value)
        outer.watch(upstream)
        first = inner.gradient(value, inputs, upstream)
        product = tf.add_n([tf.reduce_sum(a * draw(a)) for a in first])
    return value, first, outer.gradient(product, [*inputs, upstream])
