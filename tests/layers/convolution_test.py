import keras
import numpy as np
import pytest
import tensorflow as tf

from darts_tf import environment
from darts_tf.layers import convolution
from darts_tf.layers import input_transforms
from tests.layers import both_derivatives


def _loop_convolution(images, kernel, groups):
    """Convolves single pixels, one group at a time."""
    return np.concatenate(
        [
            np.einsum("bhwc,cd->bhwd", *each)
            for each in zip(
                np.split(images, groups, -1),
                np.split(kernel[0, 0], groups, -1),
                strict=True,
            )
        ],
        -1,
    )


@pytest.mark.parametrize(
    ("channels", "filters", "groups", "chunks"),
    [(6, 4, 1, 1), (6, 6, 3, 1), (8, 12, 4, 2), (8, 12, 4, 4)],
)
def test_matrix_products_equal_a_loop_and_convolutions(
    monkeypatch, channels, filters, groups, chunks
):
    monkeypatch.setattr(environment, "has_gpu", lambda: False)
    layer = convolution.Convolution(filters, groups=groups, dtype="float64")
    layer.build((2, 3, 5, channels))
    kernel = layer.kernel.value
    images = np.random.default_rng(0).normal(size=(2, 3, 5, channels))

    def derivatives(training):
        def convolve(inputs):
            tensors = tf.split(inputs[0], chunks, -1)
            outputs = layer.call_in_chunks(
                tensors, input_transforms.IDENTITY, training
            )
            return tf.concat(outputs, -1)

        inputs = [tf.constant(images), kernel]
        outputs, first, second = both_derivatives.derivatives(convolve, inputs)
        return outputs, *first, *second

    ours, others = derivatives(True), derivatives(False)
    expected = _loop_convolution(images, kernel.numpy(), groups)
    np.testing.assert_allclose(ours[0], expected, atol=1e-13)
    for mine, other in zip(ours, others, strict=True):
        # Sums of at most 30 terms in float64.
        np.testing.assert_allclose(
            mine, other, atol=1e-13 * np.abs(other).max()
        )


@pytest.mark.parametrize(
    ("options", "channels", "size", "training", "gpu", "expected"),
    [
        ({}, 64, 4, True, False, "MatMul"),
        ({"groups": 2}, 32, 4, True, False, "MatMul"),
        # With more channels the zeros between the groups take too long.
        ({"groups": 2}, 34, 4, True, False, "Conv2D"),
        # What exporters see, and what a GPU is fast at.
        ({}, 64, 4, False, False, "Conv2D"),
        ({}, 64, 4, None, False, "Conv2D"),
        ({}, 64, 4, True, True, "Conv2D"),
        ({}, 64, None, True, False, "Conv2D"),
        ({"strides": 2}, 64, 4, True, False, "Conv2D"),
        ({"kernel_size": (1, 7)}, 64, 4, True, False, "Conv2D"),
    ],
)
def test_the_form_is_the_fastest_where_it_runs(
    monkeypatch, options, channels, size, training, gpu, expected
):
    monkeypatch.setattr(environment, "has_gpu", lambda: gpu)
    layer = convolution.Convolution(channels, **options)
    layer.build((None, size, size, channels))
    images = tf.TensorSpec((None, size, size, channels))
    function = tf.function(lambda x: layer(x, training=training))
    graph = function.get_concrete_function(images).graph
    kinds = {node.type for node in graph.get_operations()}
    assert kinds & {"MatMul", "Conv2D"} == {expected}


def test_low_precision_stays_low():
    layer = convolution.Convolution(4, groups=2, dtype="mixed_bfloat16")
    outputs = layer(np.ones((1, 2, 2, 4), "float32"), training=True)
    assert keras.backend.standardize_dtype(outputs.dtype) == "bfloat16"
    kernel = layer.kernel.numpy()
    expected = kernel.sum((0, 1, 2))[None, None, None] * np.ones((1, 2, 2, 1))
    # bfloat16 has 8 bits; two products of less than 1.
    np.testing.assert_allclose(
        np.array(outputs, "float32"), expected, atol=2**-7
    )
