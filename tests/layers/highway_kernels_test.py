"""The compiled edges against Eq. 2, term by term."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from darts_tf import environment
from darts_tf.layers import highway_kernels
from darts_tf.layers import recurrence
from tests.layers import both_derivatives

EDGES, UNITS = 3, 5
PAPER = ("tanh", "relu", "sigmoid", "identity")


@keras.saving.register_keras_serializable(package="highway_kernels_test")
def bump(x):
    """An activation of a user's own."""
    return x * keras.ops.exp(-keras.ops.square(x))


@keras.saving.register_keras_serializable(package="highway_kernels_test")
def beyond_xla(x):
    """One that calls Python, which no compiler knows."""
    scale = tf.stop_gradient(tf.py_function(tf.cos, [x], x.dtype))
    return tf.tanh(x) * tf.ensure_shape(scale, x.shape)


def activations(names):
    return tuple(recurrence.activation(name) for name in names)


OWN = "highway_kernels_test>bump"
BEYOND = "highway_kernels_test>beyond_xla"


def draw_inputs(batch, candidates, dtype="float64"):
    rng = np.random.default_rng(0)
    shapes = [(batch, UNITS)] * EDGES
    shapes += [(EDGES, batch, 2 * UNITS), (EDGES, candidates)]
    return [tf.constant(rng.normal(size=s), dtype) for s in shapes]


def kernel(inputs, candidates):
    *states, product, op_weights = inputs
    gates, values = tf.split(product, 2, -1)
    return highway_kernels.mixed_highway(
        states, gates, values, op_weights, candidates
    )


def plain(inputs, candidates):
    """Eq. 2 term by term, by the highway of a derived cell."""
    *states, product, op_weights = inputs
    return tf.add_n(
        [
            op_weights[j, k] * recurrence.highway(state, product[j], candidate)
            for j, state in enumerate(states)
            for k, candidate in enumerate(candidates)
        ]
    )


def derivatives(function, inputs, candidates):
    return both_derivatives.derivatives(
        lambda tensors: function(tensors, candidates), inputs
    )


def test_the_value_is_the_sum_over_edges_and_activations():
    inputs = draw_inputs(4, len(PAPER))
    *states, product, op_weights = (np.array(tensor) for tensor in inputs)
    expected = np.zeros((4, UNITS))
    for j, state in enumerate(states):
        gate = 1 / (1 + np.exp(-product[j, :, :UNITS]))
        x = product[j, :, UNITS:]
        values = (np.tanh(x), np.maximum(x, 0), 1 / (1 + np.exp(-x)), x)
        for k, value in enumerate(values):
            expected += op_weights[j, k] * (state + gate * (value - state))
    # float64 rounding, of a sum of 12 terms of order one.
    np.testing.assert_allclose(
        kernel(inputs, activations(PAPER)), expected, rtol=0, atol=1e-13
    )


@pytest.mark.parametrize(
    ("names", "batch", "compiled"),
    [
        (PAPER, 8, True),
        ((OWN, "tanh"), 6, True),
        ((BEYOND, "relu"), 2, False),
    ],
)
def test_both_derivatives_are_those_of_the_plain_form(names, batch, compiled):
    candidates = activations(names)
    on_cpu = not environment.has_gpu()
    assert highway_kernels.compiles(candidates) == (compiled and on_cpu)
    inputs = draw_inputs(batch, len(names))
    value, first, second = derivatives(kernel, inputs, candidates)
    expected = derivatives(plain, inputs, candidates)
    # float64 rounding, of sums of up to 8 * 5 * 4 terms of order one.
    np.testing.assert_allclose(value, expected[0], rtol=0, atol=1e-12)
    for a, b in zip(first + second, expected[1] + expected[2], strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)
    assert all(np.abs(tensor).max() > 0.01 for tensor in second)


def test_single_precision_is_double_precision_rounded():
    candidates = activations(PAPER)
    single, double = (
        derivatives(kernel, draw_inputs(8, len(PAPER), dtype), candidates)
        for dtype in ("float32", "float64")
    )
    for a, b in zip(single[1] + single[2], double[1] + double[2], strict=True):
        # Half a digit of 1e-7 in each of up to 160 terms of order one.
        np.testing.assert_allclose(a, b, rtol=0, atol=2e-5)


def test_a_number_of_rows_that_the_graph_does_not_know():
    candidates = activations(PAPER)
    inputs = draw_inputs(6, len(PAPER))
    rows = tf.TensorSpec((None, UNITS), "float64")
    specs = [rows] * EDGES + [
        tf.TensorSpec((EDGES, None, 2 * UNITS), "float64"),
        tf.TensorSpec((EDGES, len(PAPER)), "float64"),
    ]

    @tf.function(input_signature=specs, autograph=False)
    def gradients(*inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            value = tf.reduce_sum(kernel(inputs, candidates) ** 2)
        return tape.gradient(value, inputs)

    with tf.GradientTape() as tape:
        tape.watch(inputs)
        value = tf.reduce_sum(plain(inputs, candidates) ** 2)
    expected = tape.gradient(value, inputs)
    for a, b in zip(gradients(*inputs), expected, strict=True):
        # float64 rounding, of sums of 6 * 5 terms of order ten.
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-11)


def test_an_activation_without_slope_still_has_a_weight():
    candidates = (tf.sign,)
    inputs = draw_inputs(4, 1)
    _, first, _ = derivatives(kernel, inputs, candidates)
    *_, product_gradient, weight_gradient = first
    assert np.all(product_gradient[..., UNITS:] == 0)
    assert np.any(product_gradient[..., :UNITS] != 0)
    assert np.all(weight_gradient != 0)
