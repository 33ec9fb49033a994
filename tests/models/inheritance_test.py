"""A derived network that starts from the weights of its supernet."""

import keras
import numpy as np
import pytest

import darts_tf

PRIMITIVES = (
    "none",
    "max_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "dil_conv_5x5",
    "conv_7x1_1x7",
    "own_conv",
)
SPACE = darts_tf.SearchSpace.conv(PRIMITIVES, num_nodes=3)


def _own_conv(filters, strides):
    return keras.Sequential(
        [
            keras.layers.Conv2D(filters, 1, strides, use_bias=False),
            keras.layers.BatchNormalization(center=False, scale=False),
        ]
    )


def _cell(*nodes):
    return darts_tf.Cell(
        tuple(tuple(darts_tf.Edge(*edge) for edge in edges) for edges in nodes),
        (2, 3, 4),
    )


GENOTYPE = darts_tf.Genotype(
    normal=_cell(
        [("sep_conv_3x3", 0), ("skip_connect", 1)],
        [("own_conv", 1), ("sep_conv_3x3", 2)],
        [("dil_conv_5x5", 0), ("conv_7x1_1x7", 3)],
    ),
    reduction=_cell(
        [("skip_connect", 0), ("sep_conv_3x3", 1)],
        [("dil_conv_5x5", 1), ("skip_connect", 2)],
        [("skip_connect", 1), ("own_conv", 0)],
    ),
)


@pytest.fixture(scope="module")
def supernet():
    """A supernet with moved statistics, whose alphas choose `GENOTYPE`."""
    darts_tf.register_operation("own_conv", _own_conv)
    supernet = darts_tf.ConvSupernet(
        SPACE, num_classes=3, filters=4, num_cells=4
    )
    supernet.build((None, 8, 8, 2))
    rng = np.random.default_rng(0)
    for variable in supernet.non_trainable_variables:
        if "moving" in variable.path:
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))
    for logits, cell in zip(
        supernet.alphas.logits, GENOTYPE.cells.values(), strict=True
    ):
        # Softmax of this is exactly 1 and 0 in float32.
        values = np.zeros(SPACE.alphas_shape)
        values[:, 0] = 200.0
        for node, edges in enumerate(cell.nodes, 2):
            for edge in edges:
                row = SPACE.edge_index(edge.source, node)
                values[row, 0] = 0.0
                values[row, PRIMITIVES.index(edge.primitive)] = 200.0
        logits.assign(values)
    return supernet


def test_the_network_computes_what_the_supernet_computes(supernet):
    network = darts_tf.ConvNetwork.from_supernet(
        supernet, GENOTYPE, inherit_weights=True
    )
    x = np.random.default_rng(1).normal(size=(4, 8, 8, 2)).astype("float32")
    expected = np.array(supernet(x, training=False))
    # Float32 sums of dozens of terms in another order.
    np.testing.assert_allclose(
        network(x, training=False),
        expected,
        atol=1e-5 * np.abs(expected).max(),
    )
    report = network.inheritance
    taken, fresh = set(report.taken), set(report.fresh)
    assert not taken & fresh
    assert len(taken | fresh) == len(network.weights) - 1  # the drop-path rate
    assert {path.rsplit("/", 1)[1] for path in fresh} == {"gamma", "beta"}
    assert not report.lost
    assert str(len(taken)) in str(report)
    fresh_network = darts_tf.ConvNetwork.from_supernet(supernet, GENOTYPE)
    assert not fresh_network.built
    assert np.any(np.array(fresh_network(x)) != np.array(network(x)))


def test_pools_lose_their_normalisation_and_the_report_says_so(supernet):
    edges = [("max_pool_3x3", 0), ("max_pool_3x3", 1)]
    genotype = darts_tf.Genotype(
        normal=_cell(edges, edges, edges), reduction=GENOTYPE.reduction
    )
    network = darts_tf.ConvNetwork.from_supernet(supernet, genotype, True)
    normal_cells = sum(p.cell_type == "normal" for p in network.plan)
    assert len(network.inheritance.lost) == 6 * normal_cells


def test_other_sizes_inherit_only_what_agrees(supernet):
    wider = darts_tf.ConvNetwork.from_supernet(
        supernet, GENOTYPE, True, filters=8
    )
    assert not [
        path
        for path in wider.inheritance.taken
        if not path.endswith(("classifier/bias",))
    ]
    deeper = darts_tf.ConvNetwork.from_supernet(
        supernet, GENOTYPE, True, num_cells=8
    )
    kernels = [p for p in deeper.inheritance.taken if p.endswith("kernel")]
    assert any("/stem/" in path for path in kernels)
    assert any("/cell_0/" in path for path in kernels)
    assert not any("/cell_5/" in path for path in kernels)


def test_a_supernet_that_is_not_built_is_refused():
    with pytest.raises(ValueError, match="built"):
        darts_tf.ConvNetwork.from_supernet(
            darts_tf.ConvSupernet(SPACE, filters=2, num_cells=3), GENOTYPE, True
        )
