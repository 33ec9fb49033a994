"""Networks of stages, and networks of other spaces than the paper's."""

import math

import keras
import numpy as np
import pytest

import darts_tf
from darts_tf import layers
from darts_tf.layers import operations

_SPACE = darts_tf.SearchSpace.nas_bench_201()
_STAGES = darts_tf.Stages()
# Both of its convolutions lead nowhere.
_IDLE = (
    "|nor_conv_3x3~0|+|nor_conv_1x1~0|none~1|+|skip_connect~0|none~1|none~2|"
)


def _network(text, **kwargs):
    genotype = darts_tf.Genotype.from_text(text)
    network = darts_tf.ConvNetwork(genotype, skeleton=_STAGES, **kwargs)
    network.build((None, 32, 32, 3))
    return network


def _parameters(ones, threes):
    """The closed form of the benchmark's table."""
    cells = sum(
        5 * (ones * (c * c + 2 * c) + threes * (9 * c * c + 2 * c))
        for c in (16, 32, 64)
    )
    blocks = sum(
        9 * ci * co + 2 * co + 9 * co * co + 2 * co + ci * co
        for ci, co in ((16, 32), (32, 64))
    )
    return cells + blocks + 432 + 32 + 128 + 650


@pytest.mark.parametrize(
    ("text", "parameters", "multiply_adds"),
    [
        (
            "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+"
            "|nor_conv_1x1~0|skip_connect~1|skip_connect~2|",
            129_306,
            15_647_360,
        ),
        (
            "|skip_connect~0|+|skip_connect~0|nor_conv_3x3~1|+"
            "|skip_connect~0|skip_connect~1|nor_conv_1x1~2|",
            344_346,
            47_104_640,
        ),
        (
            "|avg_pool_3x3~0|+|skip_connect~0|none~1|+"
            "|none~0|skip_connect~1|nor_conv_1x1~2|",
            101_306,
            11_715_200,
        ),
    ],
)
def test_counts_equal_the_published_ones(text, parameters, multiply_adds):
    network = _network(text)
    assert darts_tf.count_parameters(network) == parameters
    assert darts_tf.count_multiply_adds(network) == multiply_adds


def test_operations_that_lead_nowhere_count():
    assert darts_tf.count_parameters(_network(_IDLE)) == _parameters(1, 1)


def test_the_supernet_has_the_published_number_of_parameters():
    supernet = darts_tf.ConvSupernet(_SPACE)
    supernet.build((None, 32, 32, 3))
    # 1.686 M; each edge holds one 1x1 and one 3x3 convolution, not affine.
    affine = sum(5 * 6 * 2 * 2 * c for c in (16, 32, 64))
    assert (
        darts_tf.count_parameters(supernet) - 30
        == _parameters(6, 6) - affine
        == 1_686_106
    )


def test_a_published_space_of_unlike_edges_has_its_number_of_parameters():
    s, m, a = "skip_connect", "max_pool_3x3", "avg_pool_3x3"
    d3, d5, c3 = "dil_conv_3x3", "dil_conv_5x5", "sep_conv_3x3"
    space = darts_tf.SearchSpace.conv(
        edge_primitives={
            "normal": [
                [s, d3], [s, d5], [s, d5], [s, c3], [s, d3], [m, s], [s, c3],
                [s, c3], [s, d3], [s, c3], [m, s], [s, d3], [d3, d5], [d3, d5],
            ],
            "reduction": [
                [m, a], [m, d3], [m, a], [m, a], [s, d5], [m, a], [m, c3],
                [s, d3], [s, d5], [m, a], [m, a], [s, d5], [s, d5], [s, d5],
            ],
        }
    )  # fmt: skip
    supernet = darts_tf.ConvSupernet(space)
    supernet.build((None, 32, 32, 3))
    alphas = 2 * 14 * 8
    assert darts_tf.count_parameters(supernet) - alphas == 405_146


@pytest.mark.parametrize(
    "space",
    [
        _SPACE,
        # Cells of one input, joined nodes and reduction cells.
        darts_tf.SearchSpace(
            ("skip_connect", "sep_conv_3x3", "nor_conv_3x3"),
            num_nodes=2,
            num_inputs=1,
            cell_types=("normal", "reduction"),
            edges_per_node=1,
        ),
        # Two inputs in stages of which one keeps the resolution.
        darts_tf.SearchSpace(
            ("none", "skip_connect", "dil_conv_3x3"),
            num_nodes=2,
            num_inputs=2,
            cell_types=("normal",),
            edges_per_node=2,
            none_selectable=True,
            skeleton=darts_tf.Stages((1, 2, 2), (2, 1)),
        ),
    ],
    ids=["nas_bench_201", "one_input", "two_inputs"],
)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_network_computes_what_its_supernet_computes(space, seed):
    supernet = darts_tf.ConvSupernet(
        space, num_classes=3, filters=4, num_cells=3
    )
    supernet.build((None, 8, 8, 2))
    rng = np.random.default_rng(seed)
    for variable in supernet.non_trainable_variables:
        if "moving" in variable.path:
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))
    genotype = space.random_genotype(seed)
    network = darts_tf.ConvNetwork.from_supernet(
        supernet, genotype, inherit_weights=True
    )
    x = rng.normal(size=(4, 8, 8, 2)).astype("float32")
    chosen = {
        name: weights.astype("float32")
        for name, weights in _op_weights(space, genotype).items()
    }
    with supernet.alphas.replaced(chosen):
        expected = np.array(supernet(x, training=False))
    # Float32 sums of dozens of terms in another order.
    np.testing.assert_allclose(
        network(x, training=False),
        expected,
        atol=1e-5 * np.abs(expected).max(),
    )


def _op_weights(space, genotype):
    """1 for what is chosen, written down apart from the library's."""
    found = {}
    for cell_type, cell in genotype.cells.items():
        found[cell_type] = np.zeros((len(space.edges), len(space.primitives)))
        for node, edges in enumerate(cell.nodes, space.num_inputs):
            for primitive, source in map(_pair, edges):
                row = list(space.edges).index((source, node))
                column = list(space.primitives).index(primitive)
                found[cell_type][row, column] = 1
    return found


def _pair(edge):
    return edge.primitive, edge.source


def test_training_and_saving_work_where_operations_lead_nowhere(tmp_path):
    network = darts_tf.ConvNetwork(
        darts_tf.Genotype.from_text(_IDLE),
        num_classes=3,
        filters=2,
        num_cells=3,
        drop_path_rate=0.1,
        skeleton=_STAGES,
    )
    rng = np.random.default_rng(0)
    x = rng.normal(size=(8, 8, 8, 1)).astype("float32")
    network.compile(
        "sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    network.fit(x, rng.integers(0, 3, 8), batch_size=4, verbose=0)
    path = tmp_path / "network.keras"
    network.save(path)
    loaded = darts_tf.models.load_network(path)
    assert loaded.skeleton == _STAGES
    np.testing.assert_array_equal(loaded.predict(x), network.predict(x))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_cells": 4}, "multiple of the 3 stages.*num_cells=4"),
        ({"skeleton": "stages"}, "`skeleton` must be `darts_tf.Stages`"),
        ({"skeleton": {"multipliers": [0]}}, "multipliers"),
    ],
)
def test_impossible_skeletons_are_one_clear_line(arguments, message):
    genotype = _SPACE.random_genotype(0)
    with pytest.raises(ValueError, match=message) as error:
        darts_tf.ConvNetwork(genotype, **{"skeleton": _STAGES, **arguments})
    assert "\n" not in str(error.value)


def test_a_skeleton_of_stages_has_no_place_for_reduction_cells():
    with pytest.raises(ValueError, match="normal cells alone"):
        darts_tf.ConvNetwork(darts_tf.zoo.DARTS_V2, skeleton=_STAGES)
    with pytest.raises(ValueError, match="normal cells alone"):
        darts_tf.SearchSpace(
            ("none", "skip_connect"),
            2,
            2,
            ("normal", "reduction"),
            2,
            skeleton=_STAGES,
        )


def test_a_residual_block_of_stride_1_keeps_the_resolution():
    block = layers.ResidualBlock(4, strides=1)
    images = np.ones((1, 5, 5, 2), "float32")
    assert block(images).shape == (1, 5, 5, 4)
    for layer in block.convolutions:
        layer.stages[0][0].kernel.assign(0 * layer.stages[0][0].kernel)
    np.testing.assert_allclose(block(images), block.shortcut(images), rtol=1e-6)


def test_all_15625_cells_have_the_published_counts():
    # A cell's operations do not share anything, so counts add up: those of a
    # network without operations, and of each operation at each stage.
    text = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
    empty = _network(text)
    fixed = np.array(
        [
            darts_tf.count_parameters(empty),
            darts_tf.count_multiply_adds(empty),
        ]
    )
    costs = []
    for primitive in _SPACE.primitives:
        total = np.zeros(2, int)
        for size, channels in ((32, 16), (16, 32), (8, 64)):
            layer = operations.create(primitive, channels)
            layer.build((None, size, size, channels))
            parameters = darts_tf.count_parameters(layer)
            products = sum(
                math.prod(v.shape)
                for v in layer.trainable_variables
                if len(v.shape) > 1
            )
            total += 5 * np.array([parameters, size * size * products])
        costs.append(total)
    digits = np.indices((5,) * 6).reshape(6, -1).T
    counted = fixed + np.array(costs)[digits].sum(1)
    assert len(counted) == 15_625
    ones, threes = (digits == 2).sum(1), (digits == 3).sum(1)
    expected = [
        _parameters(one, three) for one, three in zip(ones, threes, strict=True)
    ]
    np.testing.assert_array_equal(counted[:, 0], expected)
    # Each stage has a quarter of the pixels and four times the products.
    one = 5 * 3 * 32 * 32 * 16 * 16
    np.testing.assert_array_equal(
        counted[:, 1], fixed[1] + one * (ones + 9 * threes)
    )
    assert fixed.tolist() == [73_306, 7_783_040]
