import math

import keras
import numpy as np
import pytest
import tensorflow as tf

import darts_tf
from darts_tf import environment
from darts_tf import layers
from darts_tf.layers import merged_edges

PRIMITIVES = (*darts_tf.SearchSpace.conv().primitives, "conv_7x1_1x7")


@pytest.mark.parametrize(
    ("dtype", "strides", "size", "tolerance"),
    [
        ("float64", 1, 8, 1e-11),
        ("float64", 1, 7, 1e-11),
        ("float64", 2, 8, 1e-11),
        ("float64", 2, 7, 1e-11),
        # The kernels that float64 does not have: sums of a thousand terms,
        # twice through normalisation, in another order.
        ("float32", 1, 8, 1e-3),
    ],
)
def test_copies_in_chunks_equal_copies_side_by_side(
    monkeypatch, dtype, strides, size, tolerance
):
    rng = np.random.default_rng(0)
    images = tf.constant(rng.normal(size=(4, size, size, 4)), dtype)
    op_weights = tf.constant(rng.uniform(size=(4, len(PRIMITIVES))), dtype)
    keras.config.set_dtype_policy(dtype)
    try:
        layer = layers.MixedOp(PRIMITIVES, 4, strides, copies=4)
        layer.build(images.shape)
    finally:
        keras.config.set_dtype_policy("float32")
    before = [v.numpy() for v in layer.non_trainable_variables]
    after = math.ceil(size / strides)
    slopes = rng.normal(size=(4, 4, after, after, 4))

    monkeypatch.setattr(environment, "has_gpu", lambda: False)

    def evaluate(num_chunks):
        numbers = math.prod(images.shape[1:]) * 4 // num_chunks
        monkeypatch.setattr(merged_edges, "_NUMBERS_OF_A_CHUNK", numbers)
        monkeypatch.setattr(merged_edges, "_CHANNELS_OF_A_CHUNK", 1)
        count = merged_edges.num_chunks(4, images.shape, training=True)
        assert count == num_chunks
        for variable, value in zip(
            layer.non_trainable_variables, before, strict=True
        ):
            variable.assign(value)
        inputs = [
            images,
            op_weights,
            *(v.value for v in layer.trainable_variables),
        ]
        with tf.GradientTape() as tape:
            tape.watch(inputs[:2])
            outputs = layer(images, op_weights, training=True)
            loss = tf.add_n(
                [
                    tf.reduce_sum(tf.constant(slope, dtype) * edge)
                    for slope, edge in zip(slopes, outputs, strict=True)
                ]
            )
        gradients = tape.gradient(loss, inputs)
        moved = [v.numpy() for v in layer.non_trainable_variables]
        return [*outputs, *gradients, *moved]

    expected = evaluate(num_chunks=1)
    for num_chunks in (2, 4):
        for a, b in zip(evaluate(num_chunks), expected, strict=True):
            largest = np.abs(b).max()
            np.testing.assert_allclose(a, b, atol=tolerance * largest)
