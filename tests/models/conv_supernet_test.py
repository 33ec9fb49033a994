import keras
import numpy as np
import pytest
import tensorflow as tf

import darts_tf
from reference import plain_supernet


@pytest.fixture(scope="module")
def pair():
    """A supernet and the plain one, in double precision, of equal weights."""
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    try:
        # Cells of both types, before and after cells of both types.
        supernet = darts_tf.ConvSupernet(
            darts_tf.SearchSpace.conv(num_nodes=3), 5, filters=4, num_cells=4
        )
        supernet.build((None, 8, 8, 3))
        for logits in supernet.alphas.logits:  # far from the uniform start
            logits.assign(keras.random.normal(logits.shape, seed=1))
        plain = plain_supernet.PlainSupernet(supernet)
        plain(np.zeros((1, 8, 8, 3)))
        plain.take_weights(supernet)
    finally:
        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy("float32")
    return supernet, plain


def _loss_and_gradients(model, variables, x, y):
    with tf.GradientTape() as tape:
        logits = model(x, training=True)
        loss = tf.reduce_mean(
            tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits)
        )
    return logits, tape.gradient(loss, [v.value for v in variables])


def test_parameters_at_the_setting_of_the_paper():
    supernet = darts_tf.ConvSupernet()
    supernet.build((None, 32, 32, 3))
    total = darts_tf.count_parameters(supernet)
    alphas = sum(np.prod(v.shape) for v in supernet.alphas.logits)
    assert total - alphas == 1_930_618
    assert alphas == 2 * 14 * 8


def test_merged_form_equals_one_layer_for_each_edge_and_operation(pair):
    supernet, plain = pair
    assert darts_tf.count_parameters(plain) == darts_tf.count_parameters(
        supernet
    )
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(8, 8, 8, 3)), rng.integers(0, 5, 8)
    logits, gradients = _loss_and_gradients(
        supernet, supernet.alphas.logits, x, y
    )
    expected, expected_gradients = _loss_and_gradients(
        plain, plain.alphas.logits, x, y
    )
    # Float64, in which no rounding flips a ReLU or the choice of a pool; a
    # dozen normalisations each multiply the rounding by up to 1 / deviation.
    np.testing.assert_allclose(logits, expected, rtol=1e-9, atol=1e-10)
    for mine, theirs in zip(gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(
            mine, theirs, atol=1e-9 * np.abs(theirs).max()
        )


def test_merged_form_equals_the_plain_form_in_inference(pair):
    supernet, plain = pair
    rng = np.random.default_rng(0)
    for moving in (
        *supernet.non_trainable_variables,
        *plain.non_trainable_variables,
    ):
        moving.assign(np.ones(moving.shape))
    x = rng.normal(size=(4, 8, 8, 3))
    np.testing.assert_allclose(
        supernet(x, training=False), plain(x, training=False), rtol=1e-10
    )


def test_float32_equals_float64_to_rounding(pair):
    exact, _ = pair
    supernet = darts_tf.ConvSupernet.from_config(
        {**exact.get_config(), "dtype": "float32"}
    )
    supernet.build((None, 8, 8, 3))
    supernet.set_weights([np.array(v) for v in exact.get_weights()])
    x = np.random.default_rng(0).normal(size=(8, 8, 8, 3))
    expected = np.array(exact(x, training=True))
    logits = supernet(x.astype("float32"), training=True)
    assert logits.dtype == tf.float32
    # Normalising 2x2 images of a batch of 8 divides by small deviations, and
    # a rounding that flips a ReLU shows as 1e-4 of the largest value.
    np.testing.assert_allclose(
        logits, expected, atol=1e-3 * np.abs(expected).max()
    )


def test_alphas_and_network_weights_are_all_trainable_variables_once():
    supernet = darts_tf.ConvSupernet(filters=2, num_cells=3)
    supernet.build((None, 8, 8, 1))
    alphas = {id(v) for v in supernet.alphas.logits}
    weights = {id(v) for v in supernet.network_weights}
    assert not alphas & weights
    assert alphas | weights == {id(v) for v in supernet.trainable_variables}
    assert [v.name for v in supernet.alphas.logits] == [
        "alphas_normal",
        "alphas_reduction",
    ]


def test_initial_alphas_are_small_and_follow_the_seed():
    first, second, third = (
        np.concatenate(darts_tf.ConvSupernet(seed=s).alphas.logits)
        for s in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, second)
    assert np.any(first != third)
    # 224 draws of N(0, 0.001): four standard errors of the deviation.
    assert abs(first.std() / 1e-3 - 1) < 4 / np.sqrt(2 * 224)
    assert np.any(first[:14] != first[14:])


def test_a_space_without_reduction_cells_keeps_the_resolution():
    space = darts_tf.SearchSpace(
        primitives=("none", "skip_connect", "max_pool_3x3"),
        num_nodes=2,
        num_inputs=2,
        cell_types=("normal",),
        edges_per_node=2,
    )
    supernet = darts_tf.ConvSupernet(space, filters=2, num_cells=4)
    assert supernet(np.zeros((1, 4, 4, 1), "float32")).shape == (1, 10)
    assert supernet.halvings == 0


def test_a_supernet_can_have_the_stem_of_imagenet():
    space = darts_tf.SearchSpace.conv(["none", "skip_connect"], 1)
    supernet = darts_tf.ConvSupernet(
        space, filters=2, num_cells=3, stem="imagenet"
    )
    assert supernet(np.zeros((1, 32, 32, 3), "float32")).shape == (1, 10)
    assert supernet.halvings == 5
    assert supernet.stem.filters == (1, 2, 2)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((None, 8, 8), "height, width, channels"),
        ((None, 3, 8, 1), "at least 4 pixels"),
    ],
)
def test_images_that_do_not_fit_are_refused(shape, message):
    with pytest.raises(ValueError, match=message):
        darts_tf.ConvSupernet(filters=2, num_cells=3).build(shape)


def test_a_space_of_three_inputs_is_refused():
    space = darts_tf.SearchSpace(("skip_connect",), 2, 3, ("normal",), 2)
    with pytest.raises(ValueError, match="one or two inputs"):
        darts_tf.ConvSupernet(space)


@pytest.mark.parametrize(
    "options",
    [
        {"filters": 0},
        {"num_cells": True},
        {"num_cells": 2},
        {"num_classes": 2.5},
        {"space": darts_tf.SearchSpace.recurrent()},
        {"space": darts_tf.SearchSpace.conv(["none", "sep_conv"])},
    ],
)
def test_bad_options_are_refused(options):
    with pytest.raises(ValueError, match="Received"):
        darts_tf.ConvSupernet(**options)


def test_the_default_sizes_are_those_of_the_paper():
    supernet = darts_tf.ConvSupernet()
    sizes = supernet.filters, supernet.num_cells, supernet.stem_multiplier
    assert sizes == (16, 8, 3)
