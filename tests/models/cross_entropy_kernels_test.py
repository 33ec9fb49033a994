import keras
import numpy as np
import pytest
import tensorflow as tf

from darts_tf import environment
from darts_tf.models import cross_entropy_kernels
from tests.layers import both_derivatives

ROWS, CLASSES = 5, 4
TARGETS = np.array([0, 3, 1, 3, 2], "int32")


def draw_logits(dtype="float64"):
    rng = np.random.default_rng(0)
    return tf.constant(3 * rng.normal(size=(ROWS, CLASSES)), dtype)


def test_cross_entropies_and_both_derivatives_have_their_closed_forms():
    value, (first,), (second, _) = both_derivatives.derivatives(
        lambda tensors: cross_entropy_kernels.cross_entropies(
            tf.constant(TARGETS), tensors[0]
        ),
        [draw_logits()],
    )

    def closed_form(tensors):
        (z,) = tensors
        z_target = tf.reduce_sum(z * np.eye(CLASSES)[TARGETS], -1)
        return tf.math.log(tf.reduce_sum(tf.exp(z), -1)) - z_target

    expected = both_derivatives.derivatives(closed_form, [draw_logits()])
    # float64 rounding, of numbers of order ten.
    np.testing.assert_allclose(value, expected[0], rtol=0, atol=1e-13)
    np.testing.assert_allclose(first, expected[1][0], rtol=0, atol=1e-13)
    np.testing.assert_allclose(second, expected[2][0], rtol=0, atol=1e-13)
    assert np.abs(second).min() > 1e-6


def test_a_target_whose_probability_is_too_small_to_write_down():
    logits = tf.constant([[0.0, 500.0, 499.0]])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        value = cross_entropy_kernels.cross_entropies(tf.constant([0]), logits)
    expected = 500 + np.log1p(np.exp(-1.0))
    # The last digit of 500 in float32 is 3e-5.
    np.testing.assert_allclose(value, [expected], rtol=0, atol=3e-5)
    p = 1 / (1 + np.exp(-1.0))
    gradient = tape.gradient(value, logits)
    # float32 rounding of numbers up to one.
    np.testing.assert_allclose(gradient, [[-1, p, 1 - p]], rtol=0, atol=2e-7)


def test_cross_entropies_in_single_precision_are_those_of_keras():
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(64, 1000)).astype("float32")
    targets = rng.integers(1000, size=64).astype("int32")
    expected = keras.ops.sparse_categorical_crossentropy(
        targets, logits, from_logits=True
    )
    # Two roundings of numbers of order ten.
    np.testing.assert_allclose(
        cross_entropy_kernels.cross_entropies(
            tf.constant(targets), tf.constant(logits)
        ),
        expected,
        rtol=0,
        atol=2e-6,
    )


@pytest.mark.skipif(environment.has_gpu(), reason="A GPU raises no errors.")
def test_a_target_that_is_no_class_is_refused_on_a_cpu():
    with pytest.raises(tf.errors.InvalidArgumentError, match="4"):
        cross_entropy_kernels.cross_entropies(
            tf.constant([0, 4]), draw_logits()[:2]
        )


@pytest.mark.gpu
@pytest.mark.skipif(not environment.has_gpu(), reason="A CPU raises an error.")
@pytest.mark.parametrize("target", [-1, 4])
def test_a_target_that_is_no_class_costs_nan_on_a_gpu(target):
    losses = cross_entropy_kernels.cross_entropies(
        tf.constant([0, target]), draw_logits()[:2]
    )
    np.testing.assert_array_equal(np.isnan(losses), [False, True])


@pytest.mark.parametrize("rows", [1, 4, 5])
def test_halves_are_all_rows_once(rows):
    tensor = np.arange(2 * rows).reshape(rows, 2)

    @tf.function(input_signature=[tf.TensorSpec((None, 2), "int64")])
    def halves(tensor):
        return cross_entropy_kernels.halves(tensor)

    first, second = halves(tensor)
    assert len(first) == rows // 2
    np.testing.assert_array_equal(np.concatenate([first, second]), tensor)
