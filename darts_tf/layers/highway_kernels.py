"""The mixed highway of the recurrent search, a kernel for each edge.

A step of the recurrent search has 36 edges of a dozen small operations and
twice as many in its gradient. One by one they are half of its time: each
writes a tensor that the next one, or the gradient, has to read again. XLA joins
those of an edge into one kernel, and those of its gradient, too. One edge is
what fits a core's cache, and all edges of a search are of one shape, so that
there is one kernel to compile and not one for each node. A pass of 300 units
and 64 rows of 35 words, both gradients, on 2 CPU cores: 0.82 against 1.03 s.
"""

import functools
import math

import tensorflow as tf

from darts_tf import environment
from darts_tf.layers import elementwise_kernels

# Rows whose sums do not wait for one another.
_LANES = 8


def mixed_highway(states, gates, inputs, op_weights, candidates):
    """Weights all activations on all edges that enter a node: Eq. 2.

    The sum over edges j and activations k of `w_jk * (s_j + c_j * (f_k(g_j) -
    s_j))`, with what does not depend on k taken out of the sum.

    Args:
        states: List of tensors of shape `(batch, units)`, one for each edge.
        gates: Tensor of shape `(edges, batch, units)`, before the sigmoid.
        inputs: Tensor of shape `(edges, batch, units)`, of the activations.
        op_weights: Tensor of shape `(edges, len(candidates))`.
        candidates: Tuple of callables, the activations.

    Returns:
        Tensor of shape `(batch, units)`.
    """
    if not compiles(candidates):
        moved = _moved(candidates, tf.stack(states), gates, inputs, op_weights)
        return tf.reduce_sum(moved, 0)
    edge = _compiled_edge(candidates)
    edges = (states, *map(tf.unstack, (gates, inputs, op_weights)))
    return elementwise_kernels.add_n(
        [edge(*tensors) for tensors in zip(*edges, strict=True)]
    )


@functools.cache
def compiles(candidates):
    """Tells whether an edge is one kernel on this machine.

    On a GPU small kernels are slow, and some installations lack a library that
    XLA needs there. XLA may not support a custom activation anywhere.

    Args:
        candidates: Tuple of callables, the activations.

    Returns:
        `True` if XLA compiles the gradient of an edge, `False` if all edges of
        a node should go through each operation together.
    """
    if environment.has_gpu():
        return False
    with tf.init_scope():
        state = tf.zeros((1, 1))
        op_weights = tf.zeros((len(candidates),))
        gradients = _kernel(functools.partial(_gradients, candidates))
        try:
            gradients(state, state, state, op_weights, state)
        except tf.errors.OpError:
            return False
    return True


@functools.cache
def _compiled_edge(candidates):
    """Returns `_moved` for one edge as a kernel with kernels for gradients."""
    moved = _kernel(functools.partial(_moved, candidates))
    gradients = _kernel(functools.partial(_gradients, candidates))

    @_kernel
    def second_gradients(inputs, upstream):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = _gradients(candidates, *inputs)
        return tape.gradient(outputs, inputs, upstream)

    @tf.custom_gradient
    def differentiable_gradients(*inputs):
        def gradient(*upstream):
            return second_gradients(inputs, upstream)

        return gradients(*inputs), gradient

    # What a gradient needs it computes again from the inputs: it is less work
    # than to keep and to fetch it.
    @tf.custom_gradient
    def edge(*inputs):
        def gradient(upstream):
            # In the gradient of a loop these are tensors of the loop; its own
            # gradient needs those that it fetches.
            own = [tf.identity(tensor) for tensor in inputs]
            return differentiable_gradients(*own, upstream)

        return moved(*inputs), gradient

    return edge


def _kernel(function):
    return tf.function(function, autograph=False, jit_compile=True)


def _moved(candidates, states, gates, inputs, op_weights):
    """Returns the sum over the activations, edge by edge."""
    mixed = _mixed([candidate(inputs) for candidate in candidates], op_weights)
    kept = _mixed([states], tf.reduce_sum(op_weights, -1, keepdims=True))
    return kept + tf.sigmoid(gates) * (mixed - kept)


def _mixed(tensors, op_weights):
    weights = op_weights[..., None, None]
    return elementwise_kernels.add_n(
        [weights[..., k, :, :] * tensor for k, tensor in enumerate(tensors)]
    )


def _gradients(candidates, state, gate, inputs, op_weights, upstream):
    """Returns the gradients of `_moved` for one edge.

    With `m = sum_k w_k f_k(g)` and `W = sum_k w_k` an edge is
    `W s + c (m - W s)`, so that all of them are multiples of `u c`, what the
    gate lets through of the upstream gradient u, and of `u (1 - c)`.
    """
    opened = tf.sigmoid(gate)
    through = upstream * opened
    blocked = upstream - through
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        activated = [candidate(inputs) for candidate in candidates]
    weight = tf.reduce_sum(op_weights)
    difference = _mixed(activated, op_weights) - weight * state
    for_gate = through * (1 - opened) * difference
    for_inputs = tape.gradient(
        activated,
        inputs,
        [through * each for each in tf.unstack(op_weights)],
        unconnected_gradients="zero",
    )
    for_all = _total(blocked * state)
    for_each = [_total(through * values) for values in activated]
    return (
        weight * blocked,
        for_gate,
        for_inputs,
        tf.stack(for_each) + for_all,
    )


def _total(values):
    """Adds up a matrix.

    XLA would add number to number, each sum waiting for the one before it: with
    some rows of sums side by side the gradient of an edge takes 0.11 against
    0.18 ms.
    """
    rows = tf.split(values, math.gcd(values.shape[0] or 1, _LANES))
    return tf.reduce_sum(tf.reduce_sum(elementwise_kernels.add_n(rows), 0))
