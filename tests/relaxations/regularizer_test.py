"""Closed forms of terms on the alphas' loss."""

import numpy as np
import tensorflow as tf

from darts_tf import relaxations


def test_the_gradient_of_beta_decay_is_the_op_weights(float64):
    rng = np.random.default_rng(0)
    alphas = tf.constant(rng.normal(size=(5, 4)))
    masked = tf.where(np.arange(4) < 3, alphas, -np.inf)
    decay = relaxations.BetaDecay(50.0)
    for logits in (alphas, masked):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            penalty = decay.penalty(
                {"normal": logits, "reduction": logits}, 0.25
            )
        exponentials = np.exp(logits)
        op_weights = exponentials / exponentials.sum(1, keepdims=True)
        np.testing.assert_allclose(
            tape.gradient(penalty, logits),
            2 * 50.0 * 0.25 * op_weights / 5,  # two cell types, five edges
            rtol=1e-12,
        )


def test_beta_decay_alone_makes_op_weights_equal(float64):
    rng = np.random.default_rng(0)
    alphas = tf.Variable(rng.normal(size=(5, 4)))
    decay = relaxations.BetaDecay(10.0)
    for _ in range(300):
        with tf.GradientTape() as tape:
            penalty = decay.penalty({"normal": alphas}, 1.0)
        alphas.assign_sub(tape.gradient(penalty, alphas))
    np.testing.assert_allclose(tf.nn.softmax(alphas), 0.25, atol=1e-3)
