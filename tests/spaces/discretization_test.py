"""The rule of Section 2.4 against brute force and cases worked by hand."""

import itertools

import numpy as np
import pytest

from darts_tf.spaces import discretization
from darts_tf.spaces import search_space

CONV = search_space.SearchSpace.conv()
RECURRENT = search_space.SearchSpace.recurrent()
SPACES = {"conv": CONV, "recurrent": RECURRENT}


def softmax(logits):
    powers = np.exp(logits)
    return powers / powers.sum(axis=1, keepdims=True)


def random_op_weights(space, seed):
    generator = np.random.default_rng(seed)
    return {
        name: softmax(generator.normal(size=space.alphas_shape))
        for name in space.cell_types
    }


def rows_of(space, op_weights, node):
    """Yields each source of a node with its {primitive: op weight}."""
    first = sum(range(space.num_inputs, node))
    for source in range(node):
        row = dict(
            zip(space.primitives, op_weights[first + source], strict=True)
        )
        row.pop("none", None)
        yield source, row


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("seed", range(10))
def test_kept_edges_have_the_largest_total_of_all_choices(name, seed):
    space = SPACES[name]
    op_weights = random_op_weights(space, seed)
    genotype = discretization.discretize(space, op_weights)
    space.validate(genotype)
    for cell_type, cell in genotype.cells.items():
        for node, edges in enumerate(cell.nodes, space.num_inputs):
            rows = dict(rows_of(space, op_weights[cell_type], node))
            # The strongest edges are those of the largest sum.
            best = max(
                itertools.combinations(rows, space.edges_per_node),
                key=lambda sources: sum(max(rows[s].values()) for s in sources),
            )
            assert {edge.source for edge in edges} == set(best)
            for edge in edges:
                row = rows[edge.source]
                assert row[edge.primitive] == max(row.values())
            strengths = [rows[e.source][e.primitive] for e in edges]
            assert strengths == sorted(strengths, reverse=True)


@pytest.mark.parametrize("name", SPACES)
def test_op_weights_of_a_genotype_give_it_back(name):
    space = SPACES[name]
    for seed in range(5):
        genotype = space.random_genotype(seed)
        op_weights = {}
        for cell_type, cell in genotype.cells.items():
            logits = np.zeros(space.alphas_shape)
            for node, edges in enumerate(cell.nodes, space.num_inputs):
                for k, edge in enumerate(edges):
                    row = space.edges.index((edge.source, node))
                    column = space.primitives.index(edge.primitive)
                    logits[row, column] = 3 - k
            op_weights[cell_type] = softmax(logits)
        assert discretization.discretize(space, op_weights) == genotype


def small_space():
    return search_space.SearchSpace(("none", "a", "b"), 1, 3, ("normal",), 2)


def nodes_of(op_weights):
    genotype = discretization.discretize(
        small_space(), {"normal": np.array(op_weights)}
    )
    return [str(edge) for edge in genotype.cells["normal"].nodes[0]]


def test_the_weight_of_none_counts_for_nothing():
    # Without `none`, edge 0 would be the strongest and hold nothing.
    assert nodes_of(
        [[0.98, 0.01, 0.01], [0.5, 0.2, 0.3], [0.4, 0.35, 0.25]]
    ) == ["a(2)", "b(1)"]


def test_among_equals_the_smaller_source_and_earlier_primitive_win():
    assert nodes_of([[0.2, 0.4, 0.4]] * 3) == ["a(0)", "a(1)"]
    assert nodes_of([[0.4, 0.3, 0.3], [0.2, 0.4, 0.4], [0.2, 0.4, 0.4]]) == [
        "a(1)",
        "a(2)",
    ]


def test_softmax_weights_and_logits_can_rank_edges_differently():
    # The largest logit is on edge 0, where another one is nearly as large.
    logits = np.array([[0.0, 3.0, 2.9], [0.0, 2.8, 0.0], [0.0, 2.7, 0.0]])
    assert logits[0].max() == logits.max()
    assert nodes_of(softmax(logits)) == ["a(1)", "a(2)"]


def test_all_edges_are_kept_if_there_are_too_few():
    space = search_space.SearchSpace(("a", "b"), 2, 1, ("normal",), 2)
    op_weights = {"normal": [[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]]}
    cell = discretization.discretize(space, op_weights).cells["normal"]
    assert str(cell) == "node 1: a(0)\nnode 2: b(0) + a(1)\nconcat: 1, 2"


@pytest.mark.parametrize("name", SPACES)
def test_explanation_follows_the_genotype_and_names_the_second_best(name):
    space = SPACES[name]
    op_weights = random_op_weights(space, 11)
    genotype = discretization.discretize(space, op_weights)
    choices = discretization.explain(space, op_weights)
    assert [(c.cell_type, c.node, c.source, c.primitive) for c in choices] == [
        (cell_type, node, edge.source, edge.primitive)
        for cell_type, cell in genotype.cells.items()
        for node, edges in enumerate(cell.nodes, space.num_inputs)
        for edge in edges
    ]
    for choice in choices:
        row = dict(rows_of(space, op_weights[choice.cell_type], choice.node))[
            choice.source
        ]
        second, first = sorted(row, key=row.get)[-2:]
        assert (choice.primitive, choice.runner_up) == (first, second)
        assert choice.op_weight == row[first]
        assert choice.runner_up_op_weight == row[second]
        assert choice.margin == row[first] - row[second]


def test_a_single_candidate_has_no_runner_up():
    space = search_space.SearchSpace.recurrent(("none", "tanh"), 1)
    [choice] = discretization.explain(space, {"recurrent": [[0.75, 0.25]]})
    assert choice.runner_up is None
    assert choice.runner_up_op_weight == 0.0
    assert choice.margin == 0.25


def test_float32_and_slightly_rounded_rows_are_accepted():
    op_weights = random_op_weights(CONV, 0)
    expected = discretization.discretize(CONV, op_weights)
    single = {k: v.astype(np.float32) for k, v in op_weights.items()}
    assert discretization.discretize(CONV, single) == expected
    rounded = {k: v * 1.0009 for k, v in op_weights.items()}
    assert discretization.discretize(CONV, rounded) == expected


GOOD = np.full((3, 3), 1 / 3)


def changed(value):
    array = GOOD.copy()
    array[1, 1] = value
    return array


BAD = {
    "logits": np.random.default_rng(0).normal(size=(3, 3)),
    "zeros": np.zeros((3, 3)),
    "negative": GOOD + [[0.5, -0.5, 0]],
    "sum_off": GOOD * 1.002,
    "nan": changed(np.nan),
    "infinite": changed(np.inf),
    "minus_infinite": changed(-np.inf),
    "both_infinite": GOOD + [[np.inf, -np.inf, 0]],
    "overflow": np.full((3, 3), 1e308),
    "shape": GOOD[:2],
    "transposed": np.full((1, 3, 3), 1 / 3),
    "scalar": 0.5,
    "ragged": [[1.0], [0.5, 0.5]],
    "text": "abc",
    "none": None,
    "mapping": {"a": 1},
}


@pytest.mark.parametrize("name", BAD)
def test_bad_op_weights_are_refused(name):
    with pytest.raises(ValueError, match="Received: "):
        discretization.discretize(small_space(), {"normal": BAD[name]})


def test_logits_are_named_in_the_error():
    with pytest.raises(ValueError, match="softmax weights.*[Ll]ogits"):
        discretization.discretize(small_space(), {"normal": BAD["logits"]})


@pytest.mark.parametrize(
    "op_weights",
    [{}, {"normal": GOOD, "reduction": GOOD}, {"recurrent": GOOD}, GOOD, None],
    ids=["nothing", "one_more", "other", "array", "none"],
)
def test_other_cell_types_are_refused(op_weights):
    with pytest.raises(ValueError, match="Received: "):
        discretization.explain(small_space(), op_weights)
