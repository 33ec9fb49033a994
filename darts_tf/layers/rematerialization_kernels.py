"""The raw kernel of gradient checkpointing: a second computation."""

import tensorflow as tf


def recomputed(function, inputs):
    """Calls a function, and once more when its gradient is taken.

    `tf.recompute_grad`, which Keras has, cannot be differentiated again, as
    the exact hypergradient needs, and gives zeros for missing gradients.

    Args:
        function: Callable from tensors to a tuple of tensors, of which only the
            first has a gradient.
        inputs: List of tensors.

    Returns:
        The tuple.
    """
    num_inputs = len(inputs)

    def gradients(*inputs_and_upstream):
        inputs = inputs_and_upstream[:num_inputs]
        upstream = inputs_and_upstream[num_inputs]
        # Otherwise the graph optimiser would find what was computed the first
        # time to be the same, and keep it.
        with tf.control_dependencies([upstream]):
            inputs = [tf.identity(tensor) for tensor in inputs]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(inputs)
            outputs, *_ = function(*inputs)
        return tape.gradient(outputs, inputs, upstream)

    @tf.custom_gradient
    def evaluate(*inputs):
        def gradient(upstream, *_):
            return gradients(*inputs, upstream)

        return function(*inputs), gradient

    return evaluate(*inputs)
