"""Cells that are computed a second time for their gradient."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import darts_tf
from darts_tf.layers import rematerialization
from darts_tf.search import hypergradient

ROWS = 6


@pytest.fixture(scope="module")
def models():
    """Makes a search twice, without and with it, in double precision."""
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield [_model(rematerialize) for rematerialize in (False, True)]
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")


def _model(rematerialize):
    keras.utils.set_random_seed(0)
    model = darts_tf.DartsSearchModel(
        darts_tf.SearchSpace.conv(["none", "skip_connect", "sep_conv_3x3"], 1),
        num_classes=3,
        filters=2,
        num_cells=3,
        rematerialize=rematerialize,
    )
    model.compile(run_eagerly=True)
    model.build((ROWS, 8, 8, 1))
    return model


def _batches():
    rng = np.random.default_rng(0)
    return [
        (
            tf.constant(rng.normal(size=(ROWS, 8, 8, 1))),
            tf.constant(rng.integers(0, 3, ROWS)),
            None,
        )
        for _ in range(2)
    ]


@pytest.mark.parametrize("method", hypergradient.METHODS)
def test_the_hypergradient_is_the_same(models, method):
    one, other = (m.hypergradient_at(*_batches(), method) for m in models)
    np.testing.assert_allclose(other[0], one[0], rtol=1e-14)
    for a, b in zip(one[1], other[1], strict=True):
        # Float64 rounding, which the finite difference magnifies by the
        # inverse of its epsilon.
        np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("micro_batch", [None, 3])
def test_a_step_is_the_same_and_moves_the_statistics_once(models, micro_batch):
    for model in models:
        model.micro_batch = micro_batch
        model.train_step(_batches())
    for a, b in zip(models[0].variables, models[1].variables, strict=True):
        np.testing.assert_allclose(
            np.array(b), np.array(a), rtol=1e-9, atol=1e-12, err_msg=a.path
        )


@keras.saving.register_keras_serializable(package="test")
class _Noise(keras.layers.Layer):
    """Multiplies by a weight and by random numbers, and counts its calls."""

    def __init__(self):
        super().__init__()
        self.generator = keras.random.SeedGenerator(3)
        self.calls = 0

    def build(self, input_shape):
        self.factor = self.add_weight(shape=(), initializer="ones")

    def call(self, inputs, training=None):
        assert training
        self.calls += 1
        noise = keras.random.uniform(inputs.shape, seed=self.generator)
        return self.factor * noise * inputs**3


def test_random_layers_draw_once_and_the_same_again():
    layer = _Noise()
    inputs = keras.ops.array([1.0, 2.0, 3.0], layer.compute_dtype)
    layer.build(inputs.shape)
    start = np.array(layer.generator.state)
    with tf.GradientTape() as outer:
        outer.watch(inputs)
        with tf.GradientTape() as inner:
            inner.watch(inputs)
            outputs = rematerialization.call(layer, inputs)
        assert layer.calls == 1
        slopes = inner.gradient(outputs, inputs)
        assert layer.calls == 2
    bends = outer.gradient(slopes, inputs)
    # Of factor * noise * x^3; float32 rounding.
    np.testing.assert_allclose(slopes, 3 * outputs / inputs, rtol=1e-6)
    np.testing.assert_allclose(bends, 6 * outputs / inputs**2, rtol=1e-6)
    np.testing.assert_array_equal(
        np.array(layer.generator.state) - start, [0, 1]
    )


def test_it_has_an_effect_on_the_graph_and_is_in_the_config(models):
    def convolutions(model):
        def loss(x):
            return tf.reduce_sum(model.supernet(x, training=True))

        def gradient(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                value = loss(x)
            return tape.gradient(value, x)

        graph = tf.function(gradient, autograph=False)
        graph = graph.get_concrete_function(_batches()[0][0]).graph
        return sum(op.type == "Conv2D" for op in graph.get_operations())

    plain, again = map(convolutions, models)
    stem = 1
    assert again == 2 * plain - stem
    config = models[1].get_config()
    assert darts_tf.DartsSearchModel.from_config(config).supernet.rematerialize
