"""Cells against one small layer for each edge and operation."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import darts_tf
from darts_tf import layers
from darts_tf.layers import operations

_NAS = darts_tf.SearchSpace.nas_bench_201()
# Two inputs, edges that hold different things, one that holds nothing.
_UNLIKE = darts_tf.SearchSpace(
    ("none", "skip_connect", "max_pool_3x3", "sep_conv_3x3", "nor_conv_3x3"),
    num_nodes=2,
    num_inputs=2,
    cell_types=("normal", "reduction"),
    edges_per_node=2,
    edge_primitives={
        "reduction": [
            ("sep_conv_3x3", "nor_conv_3x3"),
            ("skip_connect", "sep_conv_3x3"),
            ("none", "max_pool_3x3"),
            ("none",),
            None,
        ]
    },
    none_selectable=True,
)


class _PlainCell(keras.layers.Layer):
    """Eq. 1 and 2, with one small layer for each operation on each edge."""

    def __init__(self, cell, space):
        super().__init__()
        self.merged, self.space = cell, space
        self.small = {}

    def call(self, inputs, op_weights):
        cell, space = self.merged, self.space
        nodes = [
            layer(tensor)
            for layer, tensor in zip(
                cell.preprocess or [keras.layers.Identity()] * len(inputs),
                inputs,
                strict=True,
            )
        ]
        for target in space.nodes:
            total = 0.0
            for source in range(target):
                row = space.edge_index(source, target)
                names = space.primitives_on(cell.cell_type, source, target)
                for name in names:
                    layer = self._layer(name, source, target, nodes[source])
                    column = space.primitives.index(name)
                    total += op_weights[row, column] * layer(nodes[source])
            nodes.append(total)
        return keras.ops.concatenate([nodes[n] for n in space.concat], -1)

    def _layer(self, name, source, target, inputs):
        """Returns a layer with the weights of one copy of the merged one."""
        without_norm = name == "avg_pool_3x3" and not self.space.normalize_pools
        strides = self.merged._strides(source)
        layer = operations.create(name, 4, strides, affine=without_norm)
        layer.build(inputs.shape)
        if name != "none":
            merged, copy = self.merged.copy_of(name, source, target)
            for mine, theirs in zip(layer.weights, merged.weights, strict=True):
                size, values = mine.shape[-1], np.array(theirs.value)
                if mine.shape != theirs.shape:
                    values = values[..., copy * size : (copy + 1) * size]
                mine.assign(values)
        return layer


@pytest.mark.parametrize(
    ("space", "cell_type", "preprocess"),
    [
        (_NAS, "normal", False),
        (_NAS, "normal", True),
        (_UNLIKE, "reduction", True),
    ],
)
def test_a_merged_cell_equals_one_layer_for_each_operation(
    float64, space, cell_type, preprocess
):
    rng = np.random.default_rng(0)
    cell = layers.ConvSearchCell(
        space.primitives,
        space.num_nodes,
        4,
        cell_type,
        num_inputs=space.num_inputs,
        output=space.output,
        edge_primitives=(space.edge_primitives or {}).get(cell_type),
        normalize_pools=space.normalize_pools,
        preprocess=preprocess,
    )
    inputs = [
        keras.ops.array(rng.normal(size=(4, 6, 6, 4)))
        for _ in range(space.num_inputs)
    ]
    op_weights = rng.dirichlet(np.ones(len(space.primitives)), len(space.edges))
    by_source = [
        np.stack(
            [op_weights[space.edge_index(*e)] for e in cell._edges_from(j)]
        )
        for j in range(space.num_inputs + space.num_nodes - 1)
    ]
    merged = cell(inputs, by_source, training=True)
    plain = _PlainCell(cell, space)(inputs, op_weights, training=True)
    # Sums of some tens of terms in another order, in float64.
    np.testing.assert_allclose(merged, plain, rtol=0, atol=1e-11)


def test_an_edge_has_weights_only_for_what_it_may_hold():
    cell = layers.ConvSearchCell(
        _UNLIKE.primitives,
        2,
        4,
        "reduction",
        edge_primitives=_UNLIKE.edge_primitives["reduction"],
    )
    assert cell.copy_of("skip_connect", 0, 2) is None
    assert cell.copy_of("sep_conv_3x3", 0, 2)[0].copies == 1
    # Of the edges from node 1, the first and none of the other holds it.
    assert cell.copy_of("skip_connect", 1, 2)[1] == 0
    assert cell.copy_of("sep_conv_3x3", 1, 3) is None


def test_a_node_to_which_nothing_leads_is_zero():
    cell = darts_tf.Genotype.from_text("|none~0|+|none~0|skip_connect~1|")
    layer = layers.ConvCell(cell.normal, 4, preprocess=False)
    assert not np.any(layer([np.ones((2, 3, 3, 4), "float32")]))
    only_none = layers.ConvSearchCell(
        ("none", "skip_connect"),
        1,
        4,
        num_inputs=1,
        edge_primitives=[("none",)],
        preprocess=False,
    )
    images = np.ones((2, 3, 3, 4), "float32")
    assert not np.any(only_none([images], [np.ones((1, 2), "float32")]))


def test_operations_that_lead_nowhere_have_weights_and_a_gradient_of_zero():
    text = "|nor_conv_3x3~0|+|skip_connect~0|none~1|"
    cell = darts_tf.Genotype.from_text(text).normal
    layer = layers.ConvCell(cell, 4, preprocess=False)
    images = np.random.default_rng(0).normal(size=(2, 3, 3, 4))
    with tf.GradientTape() as tape:
        outputs = layer([images.astype("float32")], training=True)
    gradients = tape.gradient(
        outputs, [v.value for v in layer.trainable_variables]
    )
    assert len(gradients) == 3  # of the convolution and its normalisation
    assert not any(np.any(gradient) for gradient in gradients)
    np.testing.assert_array_equal(outputs, images.astype("float32"))


def test_more_than_two_inputs_are_refused():
    with pytest.raises(ValueError, match="one or two inputs.*num_inputs=3"):
        layers.ConvSearchCell(["skip_connect"], 1, 4, num_inputs=3)
