"""The loss and its derivatives against their closed forms, in float64."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import darts_tf
from darts_tf import zoo
from darts_tf.models import language_loss

BATCH, TIME, UNITS, WORDS = 3, 4, 5, 7
COUNT = BATCH * TIME
BETA = 0.3


@pytest.fixture(scope="module")
def network():
    network = darts_tf.RecurrentNetwork(
        zoo.RECURRENT_DARTS_V2, WORDS, UNITS, dtype="float64"
    )
    network.build((None, None))
    generator = np.random.default_rng(0)
    network.embedding.assign(generator.normal(size=(WORDS, UNITS)))
    network.decoder_bias.assign(generator.normal(size=WORDS))
    return network


@pytest.fixture(scope="module")
def piece():
    generator = np.random.default_rng(1)
    outputs, raw_outputs = generator.normal(size=(2, BATCH, TIME, UNITS))
    return outputs, raw_outputs, generator.integers(WORDS, size=(BATCH, TIME))


def loss_of(network, outputs, raw_outputs, targets, **options):
    hidden = {"outputs": outputs, "raw_outputs": raw_outputs}
    return language_loss.language_losses(network, hidden, targets, **options)


def probabilities(network, outputs):
    table, bias = (
        np.array(v) for v in (network.embedding, network.decoder_bias)
    )
    scores = outputs.reshape(COUNT, UNITS) @ table.T + bias
    exponentials = np.exp(scores)
    return exponentials / exponentials.sum(1, keepdims=True)


def test_the_loss_has_its_closed_form(network, piece):
    outputs, raw_outputs, targets = piece
    cross_entropy, loss = loss_of(network, *piece, slowness_weight=BETA)
    chosen = probabilities(network, outputs)[np.arange(COUNT), targets.ravel()]
    expected = -np.log(chosen).mean()
    # float64: a few roundings.
    np.testing.assert_allclose(cross_entropy, expected, rtol=1e-13)
    changes = np.diff(raw_outputs, axis=1)
    np.testing.assert_allclose(
        loss, expected + BETA * (changes**2).mean(), rtol=1e-13
    )


def test_without_weight_the_slowness_is_left_out(network, piece):
    cross_entropy, loss = loss_of(network, *piece, slowness_weight=0.0)
    assert float(cross_entropy) == float(loss)


def test_a_single_word_of_which_no_half_has_two(network, piece):
    outputs, _, targets = (tf.constant(value[:1, :1]) for value in piece)
    with tf.GradientTape() as tape:
        tape.watch(outputs)
        loss, _ = loss_of(network, outputs, None, targets, slowness_weight=0.0)
    gradient = tape.gradient(loss, outputs)
    p = probabilities(network, piece[0])[0]
    word = int(targets[0, 0])
    # float64: a few roundings, of sums over seven words.
    np.testing.assert_allclose(loss, -np.log(p[word]), rtol=1e-13)
    expected = (p - np.eye(WORDS)[word]) @ np.array(network.embedding)
    np.testing.assert_allclose(gradient[0, 0], expected, rtol=1e-12)


def test_the_gradients_have_their_closed_forms(network, piece):
    outputs, raw_outputs, targets = (tf.constant(value) for value in piece)
    variables = [network.embedding.value, network.decoder_bias.value]
    with tf.GradientTape() as tape:
        tape.watch([outputs, raw_outputs, *variables])
        _, loss = loss_of(
            network, outputs, raw_outputs, targets, slowness_weight=BETA
        )
    gradients = tape.gradient(loss, [outputs, raw_outputs, *variables])
    flat = piece[0].reshape(COUNT, UNITS)
    of_scores = probabilities(network, piece[0])
    of_scores[np.arange(COUNT), piece[2].ravel()] -= 1
    of_scores /= COUNT
    of_outputs = of_scores @ np.array(network.embedding)
    # The difference d_t = h_t+1 - h_t falls with h_t and rises with h_t+1.
    changes = np.diff(piece[1], axis=1)
    of_raw = np.zeros_like(piece[1])
    of_raw[:, :-1] -= changes
    of_raw[:, 1:] += changes
    expected = [
        of_outputs.reshape(piece[0].shape),
        2 * BETA * of_raw / changes.size,
        of_scores.T @ flat,
        of_scores.sum(0),
    ]
    for received, closed in zip(gradients, expected, strict=True):
        # float64: sums of a few dozen terms of size 1.
        np.testing.assert_allclose(received, closed, rtol=1e-12, atol=1e-14)


def test_the_mixed_second_derivative_has_its_closed_form(network, piece):
    # d/dh of v . dL/db, with dL/db = sum_n (p_n - onehot_n) / N:
    # row n is (p_n * (v - v . p_n)) E / N.
    direction = np.random.default_rng(2).normal(size=WORDS)
    outputs = tf.constant(piece[0])

    @tf.function
    def mixed():
        bias = network.decoder_bias.value
        with tf.GradientTape() as outer:
            outer.watch(outputs)
            with tf.GradientTape() as inner:
                inner.watch(bias)
                _, loss = loss_of(network, outputs, *piece[1:])
            product = tf.reduce_sum(inner.gradient(loss, bias) * direction)
        return outer.gradient(product, outputs)

    chances = probabilities(network, piece[0])
    of_scores = chances * (direction - (chances @ direction)[:, None]) / COUNT
    expected = of_scores @ np.array(network.embedding)
    # float64: sums of a few terms of size 1.
    np.testing.assert_allclose(
        mixed(), expected.reshape(piece[0].shape), rtol=1e-12, atol=1e-14
    )


def test_it_is_in_full_precision_where_the_cell_is_not(piece):
    network = darts_tf.RecurrentNetwork(zoo.RECURRENT_DARTS_V2, WORDS, UNITS)
    rounded = [keras.ops.cast(value, "bfloat16") for value in piece[:2]]
    results = loss_of(network, *rounded, piece[2], slowness_weight=BETA)
    exact = [keras.ops.cast(value, "float32") for value in rounded]
    expected = loss_of(network, *exact, piece[2], slowness_weight=BETA)
    for received, value in zip(results, expected, strict=True):
        assert received.dtype == "float32"
        assert float(received) == float(value)
