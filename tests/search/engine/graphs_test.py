"""Compiled derivatives are those of the plain loss, built and called once."""

import contextlib
import gc
import os
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf

from darts_tf.search import hypergradient
from darts_tf.search.engine import objective as objective_lib

RNG = np.random.default_rng(0)
A = RNG.normal(size=(4, 3))
B = RNG.normal(size=(4, 2))
W = RNG.normal(size=3)
ALPHA = RNG.normal(size=2)


def _train(weights, alphas):
    residual = tf.linalg.matvec(A, weights[0]) - tf.linalg.matvec(B, alphas[0])
    return tf.reduce_sum(residual**2) / 2, None


def _smooth_train(weights, alphas):
    hidden = tf.tanh(tf.linalg.matvec(A, weights[0]))
    return tf.reduce_sum(tf.nn.softmax(alphas[0])[0] * hidden**4), None


def _values():
    return [tf.constant(W)], [tf.constant(ALPHA)]


@pytest.mark.parametrize("traced", [True, False])
@pytest.mark.parametrize("side_by_side", [True, False])
def test_alpha_gradients_at_several_weights_are_those_at_each(
    side_by_side, traced
):
    objective = objective_lib.Objective(
        _smooth_train, traced=traced, side_by_side=side_by_side
    )
    (weights,), alphas = _values()
    points = [[weights], [2 * weights], [-3 * weights]]
    gradients = objective.evaluate(
        hypergradient.alpha_gradients, hypergradient.Points(points), alphas
    )
    assert len(gradients) == 3
    for point, (gradient,) in zip(points, gradients, strict=True):
        with tf.GradientTape() as tape:
            tape.watch(alphas)
            loss, _ = _smooth_train(point, alphas)
        (expected,) = tape.gradient(loss, alphas)
        np.testing.assert_allclose(gradient, expected, rtol=1e-12)


@pytest.mark.parametrize("side_by_side", [True, False])
def test_only_points_side_by_side_are_evaluated_at_once(side_by_side):
    if (os.cpu_count() or 1) < 2:
        pytest.skip("One core takes one operation at a time.")
    meeting = threading.Barrier(2)
    met = []

    def meet(value):
        try:
            # Of the two, each waits for the other: 60 s are for a busy
            # machine, a second is long enough where the other never comes.
            meeting.wait(60 if side_by_side else 1)
            met.append(True)
        except threading.BrokenBarrierError:
            met.append(False)
        return np.ones_like(value)

    def loss(weights, alphas):
        value, _ = _smooth_train(weights, alphas)
        # Without state, or TensorFlow would put the two in an order.
        one = tf.numpy_function(
            meet, [tf.stop_gradient(value)], "float64", stateful=False
        )
        return value * tf.ensure_shape(one, ()), None

    objective = objective_lib.Objective(loss, side_by_side=side_by_side)
    (weights,), alphas = _values()
    points = hypergradient.Points([[weights], [2 * weights]])
    objective.evaluate(hypergradient.alpha_gradients, points, alphas)
    assert met == [side_by_side, side_by_side]


def test_a_missing_gradient_is_an_error_that_names_the_variable():
    objective = objective_lib.Objective(
        lambda weights, alphas: (tf.reduce_sum(weights[0]), None),
        variables=lambda: (
            [keras.Variable(np.ones(3), name="kernel", dtype="float64")],
            [keras.Variable(np.ones(2), name="alphas_normal")],
        ),
    )
    with pytest.raises(ValueError, match="alphas_normal"):
        objective.evaluate(hypergradient.alpha_gradients, *_values())


def test_derivatives_are_traced_once():
    traces = []

    def loss(weights, alphas):
        traces.append(1)
        return _train(weights, alphas)

    train = objective_lib.Objective(loss)

    @tf.function
    def step(w, alpha):
        return hypergradient.finite_difference(train, [w], [alpha], [w])

    step(*[values[0] for values in _values()])
    assert len(traces) == 1  # for two gradients


def test_tasks_are_done_once_while_the_first_pass_runs():
    done = threading.Event()

    def wait(value):
        # Ends only because Python goes on; 60 s are for a busy machine.
        assert done.wait(60)
        return value

    def loss(weights, alphas):
        value, _ = _train(weights, alphas)
        one = tf.numpy_function(wait, [tf.ones((), "float64")], "float64")
        return value * tf.ensure_shape(one, ()), None

    tasks = []
    objective = objective_lib.Objective(loss)
    objective.evaluate.do_during_first_run([lambda: tasks.append(1), done.set])
    for _ in range(2):
        evaluation = objective.evaluate(hypergradient.gradients, *_values())
        np.testing.assert_allclose(
            evaluation.weight_gradients[0], A.T @ (A @ W - B @ ALPHA)
        )
    assert tasks == [1]


@pytest.mark.parametrize("fails", [False, True])
def test_garbage_is_not_looked_for_while_a_graph_is_built(fails):
    looks = []

    def loss(weights, alphas):
        looks.append(gc.isenabled())
        if fails:
            raise ValueError("no loss")
        return _train(weights, alphas)

    objective = objective_lib.Objective(loss)
    assert gc.isenabled()
    refused = pytest.raises(ValueError, match="no loss")
    with refused if fails else contextlib.nullcontext():
        objective.evaluate.build(hypergradient.gradients, *_values())
    assert looks == [False]
    assert gc.isenabled()


@pytest.mark.parametrize("fails", ["the pass", "a task"])
def test_what_fails_during_the_first_run_is_raised(fails):
    def loss(weights, alphas):
        value, _ = _train(weights, alphas)
        return tf.debugging.check_numerics(value, "the pass"), None

    def task():
        if fails == "a task":
            raise ValueError("a task")

    objective = objective_lib.Objective(loss)
    objective.evaluate.do_during_first_run([task])
    weights, alphas = _values()
    scale = np.nan if fails == "the pass" else 1.0
    error = (tf.errors.InvalidArgumentError, ValueError)
    with pytest.raises(error, match=fails):
        objective.evaluate(
            hypergradient.gradients, [scale * weights[0]], alphas
        )
    # Nothing of it is left for the next pass.
    again = objective.evaluate(hypergradient.gradients, weights, alphas)
    assert np.isfinite(again.loss)
