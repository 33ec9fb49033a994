"""The largest eigenvalue in the alphas, against NumPy's."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import darts_tf
from darts_tf.search import curvature
from darts_tf.search import hypergradient
from darts_tf.search.engine import objective as objective_lib


def _largest(loss, alphas, **options):
    objective = objective_lib.Objective(
        lambda w, a: (loss(a), None), traced=False
    )
    return curvature.largest_alpha_eigenvalue(
        objective, [], [tf.constant(a) for a in alphas], **options
    )


@pytest.mark.parametrize(
    "eigenvalues",
    [[5.0, 2.0, 1.0], [3.0, -4.0, 1.0], [-1.0, -2.0, -6.0], [0.0, 0.0, 0.0]],
)
def test_it_is_the_largest_also_beside_larger_negative_ones(eigenvalues):
    generator = np.random.default_rng(0)
    basis, _ = np.linalg.qr(generator.normal(size=(3, 3)))
    matrix = basis @ np.diag(eigenvalues) @ basis.T

    def loss(alphas):
        vector = tf.concat(alphas, 0)
        return tf.tensordot(vector, tf.linalg.matvec(matrix, vector), 1) / 2

    value = _largest(
        loss, [np.ones(2), np.ones(1)], iterations=200, tolerance=1e-12
    )
    # 200 products at a ratio of at most 2/3; float64.
    np.testing.assert_allclose(value, max(eigenvalues), atol=1e-9)


def test_softmax_with_cross_entropy_has_its_closed_form():
    logits = np.random.default_rng(1).normal(size=6)
    p = np.exp(logits) / np.exp(logits).sum()
    hessian = np.diag(p) - np.outer(p, p)
    value = _largest(
        lambda alphas: tf.reduce_logsumexp(alphas[0]),
        [logits],
        iterations=500,
        tolerance=1e-14,
    )
    expected = np.linalg.eigvalsh(hessian)[-1]
    np.testing.assert_allclose(value, expected, rtol=1e-8)  # float64


def test_on_a_supernet_it_is_that_of_the_whole_hessian():
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    try:
        model = darts_tf.DartsSearchModel(
            darts_tf.SearchSpace.recurrent(["none", "tanh"], num_nodes=2),
            "first_order",
            vocabulary_size=5,
            units=3,
            sequence_length=4,
        )
        model.compile(run_eagerly=True)
        model.build((2, None))
        for k, variable in enumerate(model.trainable_variables):
            variable.assign(keras.random.normal(variable.shape, seed=k))
        tokens = tf.constant([[1, 2], [3, 4]])
        batch = tokens, tokens[:, ::-1], tf.constant(True)
        loss = model.engine.loss("alphas", batch)
        weights = model.engine.weights()
        (alphas,) = [v.value + 0.0 for v in model.alphas]
        value = curvature.largest_alpha_eigenvalue(
            loss, weights, [alphas], iterations=300, tolerance=1e-13
        )

        def gradient(point):
            point = [tf.constant(point.reshape(alphas.shape))]
            result = loss.evaluate(
                hypergradient.alpha_gradients, weights, point
            )
            return np.array(result.alpha_gradients[0]).ravel()

        start, h = np.array(alphas).ravel(), 1e-5
        hessian = [
            (gradient(start + h * unit) - gradient(start - h * unit)) / (2 * h)
            for unit in np.eye(start.size)
        ]
        expected = np.linalg.eigvalsh(np.array(hessian))[-1]
        # Central differences in float64: h^2 = 1e-10 of third derivatives,
        # and rounding of 1e-16 / h.
        np.testing.assert_allclose(value, expected, rtol=1e-6)
    finally:
        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy("float32")
