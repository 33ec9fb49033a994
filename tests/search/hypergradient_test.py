"""The hypergradient against closed forms; its differences converge."""

import numpy as np
import pytest
import tensorflow as tf

from darts_tf.search import hypergradient
from darts_tf.search.engine import objective as objective_lib

# L_train = |A w - B alpha|^2 / 2 and L_val = |w - c|^2 / 2 + d.alpha:
# everything about them is known in closed form.
RNG = np.random.default_rng(0)
A = RNG.normal(size=(4, 3))
B = RNG.normal(size=(4, 2))
C = RNG.normal(size=3)
D = RNG.normal(size=2)
W = RNG.normal(size=3)
ALPHA = RNG.normal(size=2)
XI = 0.1


def _train(weights, alphas):
    residual = tf.linalg.matvec(A, weights[0]) - tf.linalg.matvec(B, alphas[0])
    return tf.reduce_sum(residual**2) / 2, None


def _validation(weights, alphas):
    loss = tf.reduce_sum((weights[0] - C) ** 2) / 2
    return loss + tf.reduce_sum(D * alphas[0]), None


def _losses(traced=True):
    return [
        objective_lib.Objective(loss, traced=traced)
        for loss in (_train, _validation)
    ]


def _values():
    return [tf.constant(W)], [tf.constant(ALPHA)]


def _closed_form(xi):
    virtual = W - xi * A.T @ (A @ W - B @ ALPHA)
    # grad_alpha grad_w L_train = -B^T A, so minus xi times it is added.
    return D + xi * B.T @ A @ (virtual - C)


def _unrolled(epsilon=None, traced=True, xi=XI):
    return hypergradient.unrolled_hypergradient(
        *_losses(traced), *_values(), xi, hypergradient.sgd_step, epsilon
    )


@pytest.mark.parametrize("traced", [True, False])
@pytest.mark.parametrize("epsilon", [0.01, None])
def test_unrolled_hypergradient_of_a_quadratic(epsilon, traced):
    loss, (gradient,), _ = _unrolled(epsilon, traced)
    virtual = W - XI * A.T @ (A @ W - B @ ALPHA)
    np.testing.assert_allclose(
        loss, np.sum((virtual - C) ** 2) / 2 + D @ ALPHA, rtol=1e-12
    )
    # A central difference is exact on a quadratic: float64 rounding, times
    # 1 / epsilon.
    np.testing.assert_allclose(gradient, _closed_form(XI), rtol=1e-10)


def test_first_order_hypergradient_of_a_quadratic():
    loss, (gradient,), _ = hypergradient.first_order_hypergradient(
        _losses()[1], *_values()
    )
    np.testing.assert_allclose(gradient, D, rtol=1e-12)
    assert np.any(np.abs(_closed_form(XI) - D) > 0.01)


def test_xi_of_zero_is_the_first_order():
    _, (gradient,), _ = _unrolled(xi=0.0)
    np.testing.assert_allclose(gradient, D, rtol=1e-12)


def test_xi_changes_the_result():
    results = [_unrolled(xi=xi)[1][0] for xi in (0.1, 0.2)]
    for xi, result in zip((0.1, 0.2), results, strict=True):
        np.testing.assert_allclose(result, _closed_form(xi), rtol=1e-12)


def _smooth_train(weights, alphas):
    hidden = tf.tanh(tf.linalg.matvec(A, weights[0]))
    return tf.reduce_sum(tf.nn.softmax(alphas[0])[0] * hidden**4), None


@pytest.mark.parametrize("traced", [True, False])
def test_finite_difference_converges_to_the_exact_product(traced):
    train = objective_lib.Objective(_smooth_train, traced=traced)
    vector = [tf.constant(RNG.normal(size=3))]
    (exact,) = train.evaluate(hypergradient.mixed_product, *_values(), vector)
    errors = []
    for epsilon in (0.1, 0.01, 0.001):
        (approximate,) = hypergradient.finite_difference(
            train, *_values(), vector, epsilon
        )
        errors.append(np.linalg.norm(approximate - exact))
    # A central difference errs by the square of epsilon: 100 for 10, less a
    # little for the higher terms at the largest epsilon.
    assert 90 < errors[0] / errors[1] < 110
    assert 90 < errors[1] / errors[2] < 110


def test_a_zero_vector_has_a_zero_product():
    (product,) = hypergradient.finite_difference(
        _losses()[0], *_values(), [tf.zeros(3, tf.float64)]
    )
    np.testing.assert_array_equal(product, np.zeros(2))
