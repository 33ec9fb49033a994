import keras
import numpy as np
import pytest
import tensorflow as tf

from darts_tf import layers
from darts_tf.layers import batch_norm
from darts_tf.layers import operations


def test_batch_norm_equals_moments_and_moves_the_unbiased_variance():
    rng = np.random.default_rng(0)
    images = rng.normal(2.0, 3.0, size=(4, 5, 5, 2)).astype("float32")
    layer = layers.BatchNorm(affine=False)
    outputs = layer(images, training=True)
    mean, variance = images.mean((0, 1, 2)), images.var((0, 1, 2))
    np.testing.assert_allclose(
        outputs,
        (images - mean) / np.sqrt(variance + 1e-5),
        atol=1e-5,  # float32, values of size 3
    )
    np.testing.assert_allclose(layer.moving_mean, 0.1 * mean, rtol=1e-5)
    unbiased = variance * 100 / 99
    np.testing.assert_allclose(
        layer.moving_variance, 0.9 + 0.1 * unbiased, rtol=1e-5
    )
    np.testing.assert_allclose(
        layer(images, training=False),
        (images - 0.1 * mean) / np.sqrt(0.9 + 0.1 * unbiased + 1e-5),
        atol=1e-5,
    )


def test_scale_of_an_affine_norm_is_refused():
    layer = batch_norm.BatchNorm()
    with pytest.raises(ValueError, match="affine=True"):
        layer(np.ones((1, 2, 2, 1)), np.ones(1, "float32"))


@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize("primitive", ["avg_pool_3x3", "max_pool_3x3"])
def test_copies_without_weights_are_one_operation(primitive, copies):
    images = np.ones((2, 8, 8, 4), "float32")
    layer = operations.create(primitive, 4, 2, copies, affine=False)
    assert layer.shared
    assert layer(images).shape == (2, 4, 4, 4)
    assert not layer.trainable_variables


_WITHOUT_WEIGHTS = {"none", "skip_connect", "avg_pool_3x3", "max_pool_3x3"}


@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize(
    "primitive", sorted(operations._PUBLISHED - _WITHOUT_WEIGHTS)
)
def test_copies_are_independent_operations(primitive, copies):
    rng = np.random.default_rng(0)
    images = rng.normal(size=(2, 8, 8, 4)).astype("float32")
    layer = operations.create(primitive, 4, 2, copies, affine=False)
    scale = np.repeat(rng.normal(size=copies), 4).astype("float32")
    outputs = np.array(layer(images, scale, training=True))
    single = operations.create(primitive, 4, 2, affine=False)
    single.build(images.shape)
    for copy in range(copies):
        for mine, theirs in zip(
            single.trainable_variables, layer.trainable_variables, strict=True
        ):
            part = mine.shape[-1]
            mine.assign(theirs[..., copy * part : (copy + 1) * part])
        channels = slice(4 * copy, 4 * copy + 4)
        expected = scale[4 * copy] * np.array(single(images, training=True))
        np.testing.assert_allclose(outputs[..., channels], expected, atol=2e-5)


@pytest.mark.parametrize("size", [6, 7])
def test_factorized_reduce_reads_even_and_odd_pixels(size):
    images = np.random.default_rng(0).normal(size=(2, size, size, 3))
    layer = layers.FactorizedReduce(4, copies=2)
    layer.build(images.shape)
    even, odd = (np.array(c.kernel)[0, 0] for c in (layer.even, layer.odd))
    missing = ((0, 0), (0, size % 2), (0, size % 2), (0, 0))
    positive = np.pad(np.maximum(images, 0), missing)
    first, second = positive[:, ::2, ::2] @ even, positive[:, 1::2, 1::2] @ odd
    joined = np.concatenate(  # of each copy, the two halves side by side
        [first[..., :2], second[..., :2], first[..., 2:], second[..., 2:]], -1
    )
    np.testing.assert_allclose(
        layer(images.astype("float32"), training=False),
        joined / np.sqrt(1 + 1e-5),
        atol=1e-5,  # float32, three products of size 1
    )


def test_separable_convolution_has_the_parameters_of_the_paper():
    layer = layers.SeparableConvolution(3, 16, affine=False)
    layer.build((None, 8, 8, 16))
    assert layer.count_params() - 4 * 16 == 2 * (9 * 16 + 16 * 16)


def test_an_unknown_primitive_is_refused_with_the_nearest_name():
    with pytest.raises(ValueError, match="Did you mean 'sep_conv_3x3'"):
        operations.create("sep_conv3x3", 4)


@pytest.mark.parametrize("name", ["no name", "sep_conv_3x3", 3])
def test_bad_names_are_not_registered(name):
    with pytest.raises(ValueError, match="name="):
        operations.register_operation(name, None)


def test_a_registered_operation_is_mixed_with_the_published_ones():
    operations.register_operation(
        "plain_conv_1x1",
        lambda filters, strides: keras.layers.Conv2D(
            filters, 1, strides, use_bias=False
        ),
    )
    images = np.random.default_rng(0).normal(size=(2, 4, 4, 3))
    mixed = layers.MixedOp(["plain_conv_1x1", "skip_connect"], 3, copies=2)
    op_weights = np.array([[0.25, 0.75], [0.5, 0.5]], "float32")
    outputs = mixed(images.astype("float32"), op_weights)
    for copy, output in enumerate(outputs):
        kernel = np.array(mixed.operations[0].layers[copy].kernel)[0, 0]
        a, b = op_weights[copy]
        expected = a * (images @ kernel) + b * images
        np.testing.assert_allclose(output, expected, atol=1e-5)


def test_a_registered_operation_of_the_wrong_shape_is_refused():
    operations.register_operation(
        "no_stride", lambda filters, strides: keras.layers.Conv2D(filters, 1)
    )
    layer = layers.MixedOp(["no_stride"], 3, strides=2)
    with pytest.raises(
        ValueError, match=r"must return the shape.*\(2, 4, 4, 3"
    ):
        layer.build((2, 8, 8, 3))


def test_a_mixed_op_of_nothing_is_refused():
    with pytest.raises(ValueError, match="besides 'none'"):
        layers.MixedOp(["none"], 4)


def test_drop_path_keeps_the_expected_value():
    layer = layers.DropPath(seed=0)
    outputs = np.array(
        layer(np.ones((20_000, 3), "float32"), rate=0.3, training=True)
    )
    assert np.all(outputs == outputs[:, :1])  # whole samples
    kept = outputs[:, 0] > 0
    np.testing.assert_allclose(outputs[kept], 1 / 0.7, rtol=1e-6)
    # 4 standard deviations of a mean of 20,000 Bernoulli(0.7) draws.
    assert abs(kept.mean() - 0.7) < 4 * np.sqrt(0.21 / 20_000)


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("size", [8, 7])
def test_factorized_reduction_for_export_normalises_as_after_joining(
    affine, size
):
    rng = np.random.default_rng(0)
    images = rng.normal(size=(2, size, size, 3)).astype("float32")
    layer = layers.FactorizedReduce(4, affine=affine)
    layer.build(images.shape)
    for variable in layer.variables:
        variable.assign(rng.uniform(0.5, 2, variable.shape))
    scale = None if affine else tf.constant([0.1, 0.2, 0.3, 0.4])
    active = np.maximum(images, 0)
    shifted = np.pad(active, ((0, 0), (0, 1), (0, 1), (0, 0)))[:, 1:, 1:]
    joined = np.concatenate(
        [
            half[:, : size + size % 2 : 2, : size + size % 2 : 2]
            @ np.array(convolution.kernel)[0, 0]
            for half, convolution in (
                (active, layer.even),
                (shifted, layer.odd),
            )
        ],
        -1,
    )
    expected = layer.norm(joined, scale, training=False)
    np.testing.assert_allclose(
        layer(images, scale, training=False),
        expected,
        atol=1e-5,  # sums of three products of size 1 in float32
    )
