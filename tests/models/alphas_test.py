"""The softmax over the primitives that an edge has."""

import numpy as np
import pytest
import tensorflow as tf

import darts_tf

PRIMITIVES = ("none", "skip_connect", "sep_conv_3x3")
# Edges 0-2, 1-2, 0-3, 1-3, 2-3.
SUBSETS = [
    ["sep_conv_3x3"],
    ["skip_connect", "none"],
    None,
    ["skip_connect", "sep_conv_3x3"],
    ["skip_connect"],
]
CONV = darts_tf.SearchSpace.conv(
    PRIMITIVES, 2, edge_primitives={"normal": SUBSETS}
)
RECURRENT = darts_tf.SearchSpace.recurrent(
    ("none", "tanh", "relu"),
    2,
    edge_primitives={"recurrent": [["tanh"], ["relu", "none"], None]},
)


@pytest.mark.parametrize("space", [CONV, RECURRENT], ids=["conv", "recurrent"])
def test_softmax_is_over_what_the_edge_has(space):
    alphas = darts_tf.models.Alphas(space)
    rng = np.random.default_rng(0)
    for name, logits in zip(space.cell_types, alphas.logits, strict=True):
        values = rng.normal(size=space.alphas_shape)
        logits.assign(values)
        exponentials = np.exp(values) * space.mask(name)
        expected = exponentials / exponentials.sum(1, keepdims=True)
        op_weights = np.array(alphas.op_weights()[name])
        np.testing.assert_allclose(op_weights, expected, rtol=1e-5)  # float32
        assert not op_weights[~space.mask(name)].any()


def _gradients(model, inputs):
    with tf.GradientTape() as tape:
        outputs = model(inputs)
        outputs = outputs["logits"] if isinstance(outputs, dict) else outputs
        loss = tf.reduce_mean(tf.square(outputs))
    values = [v.value for v in model.alphas.logits]
    return [np.array(g) for g in tape.gradient(loss, values)]


@pytest.mark.parametrize(
    ("supernet", "inputs"),
    [
        (
            darts_tf.ConvSupernet(CONV, filters=2, num_cells=3),
            np.random.default_rng(0).normal(size=(2, 8, 8, 1)),
        ),
        (
            darts_tf.RecurrentSupernet(RECURRENT, 11, 4),
            np.arange(6).reshape(2, 3),
        ),
    ],
    ids=["conv", "recurrent"],
)
def test_what_an_edge_lacks_has_no_effect_and_no_gradient(supernet, inputs):
    inputs = inputs.astype("int32" if inputs.ndim == 2 else "float32")
    before = supernet(inputs)
    for name, gradient in zip(
        supernet.space.cell_types, _gradients(supernet, inputs), strict=True
    ):
        mask = supernet.space.mask(name)
        assert not gradient[~mask].any()
        # A single primitive has the weight 1, whatever its logit.
        assert gradient[mask & (mask.sum(1, keepdims=True) > 1)].all()
    for name, logits in zip(
        supernet.space.cell_types, supernet.alphas.logits, strict=True
    ):
        excluded = 100.0 * ~supernet.space.mask(name)
        logits.assign(np.array(logits) + excluded)
    tf.nest.map_structure(
        np.testing.assert_array_equal, supernet(inputs), before
    )


def test_operations_that_an_edge_lacks_are_not_mixed_in():
    supernet = darts_tf.ConvSupernet(CONV, filters=2, num_cells=3)
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 1)).astype("float32")
    before = np.array(supernet(x))
    # Cell 0 is the normal one; of the edges from node 1 to nodes 2 and 3 only
    # the second holds the convolution, which has one copy.
    mixed = supernet.cells[0].mixed_ops[1]
    convolution = mixed.operations[PRIMITIVES.index("sep_conv_3x3")]
    assert mixed.edges_with("sep_conv_3x3") == (1,)
    assert convolution.copies == 1
    kernel = convolution.stages[1][1].kernel
    kernel.assign(np.array(kernel) + 1.0)
    assert np.any(np.array(supernet(x)) != before)


def test_a_search_finds_a_cell_of_the_restricted_space():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(16, 8, 8, 1)), rng.integers(0, 10, 16)
    model = darts_tf.DartsSearchModel(
        CONV, "first_order", filters=2, num_cells=3
    )
    before = [np.array(v) for v in model.alphas]
    model.fit(x, y, batch_size=8, epochs=1, verbose=0)
    CONV.validate(model.genotype())
    assert any(
        np.any(np.array(v) != b)
        for v, b in zip(model.alphas, before, strict=True)
    )


def test_a_space_with_one_source_has_one_group_of_op_weights():
    space = darts_tf.SearchSpace(
        ("none", "skip_connect"),
        num_nodes=1,
        num_inputs=1,
        cell_types=("normal",),
        edges_per_node=1,
    )
    alphas = darts_tf.models.Alphas(space)
    (rows,) = alphas.op_weights_by_source()["normal"]
    np.testing.assert_array_equal(rows, alphas.op_weights()["normal"])
