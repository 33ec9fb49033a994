"""Spaces whose edges have subsets of the primitives, against enumeration."""

import collections
import dataclasses
import itertools
import json

import numpy as np
import pytest

from darts_tf.spaces import discretization
from darts_tf.spaces import genotype as genotype_lib
from darts_tf.spaces import search_space

# Edges 0-2, 1-2, 0-3, 1-3, 2-3; the reduction cell is not restricted.
SUBSETS = [["b", "a"], ["a"], None, ["none", "b"], ["none", "a"]]
SPACE = search_space.SearchSpace.conv(
    ("none", "a", "b"), 2, edge_primitives={"normal": SUBSETS}
)
RECURRENT = search_space.SearchSpace.recurrent(
    ("none", "tanh", "relu"),
    2,
    edge_primitives={"recurrent": [["tanh"], ["relu"], ["none", "tanh"]]},
)


def normal_cells():
    """Every normal cell of the space, from the words of the definition."""
    names = {(0, 2): "ab", (1, 2): "a", (0, 3): "ab", (1, 3): "b", (2, 3): "a"}
    by_node = [
        [
            tuple(map(genotype_lib.Edge, primitives, sources))
            for sources in itertools.combinations(range(node), 2)
            for primitives in itertools.product(
                *(names[source, node] for source in sources)
            )
        ]
        for node in (2, 3)
    ]
    for nodes in itertools.product(*by_node):
        yield genotype_lib.Cell(nodes, (2, 3))


def test_each_edge_has_its_primitives_in_the_order_of_the_space():
    assert SPACE.primitives_on("normal", 0, 2) == ("a", "b")
    assert SPACE.primitives_on("normal", 0, 3) == ("none", "a", "b")
    assert SPACE.candidates_on("normal", 1, 3) == ("b",)
    assert SPACE.candidates_on("reduction", 1, 3) == ("a", "b")
    assert SPACE.mask("normal").tolist() == [
        [False, True, True],
        [False, True, False],
        [True, True, True],
        [True, False, True],
        [True, True, False],
    ]
    assert SPACE.mask("reduction").all()
    with pytest.raises(ValueError, match="cell_type='recurrent'"):
        SPACE.primitives_on("recurrent", 0, 2)


def test_count_is_that_of_an_enumeration_which_validates():
    cells = set(normal_cells())
    assert len(cells) == SPACE.count_cells("normal") == 2 * (2 + 2 + 1)
    assert SPACE.count_cells("reduction") == 2**2 * 3 * 2**2
    assert SPACE.count_genotypes() == 10 * 48
    assert RECURRENT.count_genotypes() == 1 * 2
    reduction = SPACE.random_genotype(0).reduction
    for cell in cells:
        SPACE.validate(genotype_lib.Genotype(normal=cell, reduction=reduction))
    with pytest.raises(ValueError, match="Edge 1 -> 3 of the normal cell"):
        SPACE.validate(
            genotype_lib.Genotype(
                normal=reduction_like("a"), reduction=reduction
            )
        )


def reduction_like(primitive):
    edges = tuple(genotype_lib.Edge("a", source) for source in (0, 1))
    last = tuple(genotype_lib.Edge(primitive, source) for source in (0, 1))
    return genotype_lib.Cell((edges, last), (2, 3))


def test_random_genotypes_are_uniform_over_the_space():
    draws = 2000
    counts = collections.Counter(
        SPACE.random_genotype(seed).normal for seed in range(draws)
    )
    expected = set(normal_cells())
    assert set(counts) == expected
    # Chi square with 9 degrees of freedom exceeds 40 with p < 1e-5.
    mean = draws / len(expected)
    assert sum((n - mean) ** 2 / mean for n in counts.values()) < 40
    for seed in range(20):
        RECURRENT.validate(RECURRENT.random_genotype(seed))


def test_discretization_chooses_only_what_an_edge_has():
    generator = np.random.default_rng(0)
    for space in (SPACE, RECURRENT):
        for _ in range(20):
            op_weights = {}
            for name in space.cell_types:
                weights = generator.random(space.alphas_shape)
                weights *= space.mask(name)
                op_weights[name] = weights / weights.sum(1, keepdims=True)
            space.validate(discretization.discretize(space, op_weights))


def test_op_weights_of_what_an_edge_lacks_are_refused():
    uniform = np.full(SPACE.alphas_shape, 1 / 3)
    with pytest.raises(ValueError, match=r"'none' on edge \(0, 2\)"):
        discretization.discretize(
            SPACE, {"normal": uniform, "reduction": uniform}
        )


def test_config_survives_json():
    for space in (SPACE, RECURRENT):
        config = json.loads(json.dumps(space.get_config()))
        again = search_space.SearchSpace.from_config(config)
        assert again == space
        assert hash(again) == hash(space)
        assert dataclasses.replace(space) == space
    free = dataclasses.replace(SPACE, edge_primitives=None)
    assert free != SPACE
    # Nothing left out is the same as no subsets; so are configs without them.
    complete = {"normal": [None, ["b", "a", "none"], None, None, None]}
    assert dataclasses.replace(SPACE, edge_primitives=complete) == free
    old = {k: v for k, v in free.get_config().items() if k != "edge_primitives"}
    assert search_space.SearchSpace.from_config(old) == free


@pytest.mark.parametrize(
    "subsets",
    [
        {"recurrent": [None] * 5},
        {"normal": [None] * 4},
        {"normal": "a"},
        {"normal": ["a", None, None, None, None]},
        {"normal": [["none"], None, None, None, None]},
        {"normal": [["c"], None, None, None, None]},
        {"normal": [["a", "a"], None, None, None, None]},
        {"normal": [[], None, None, None, None]},
        {"normal": [[["a"]], None, None, None, None]},
        [["a"]],
    ],
    ids=str,
)
def test_bad_subsets_are_refused(subsets):
    with pytest.raises(ValueError, match="Received: "):
        search_space.SearchSpace.conv(
            ("none", "a", "b"), 2, edge_primitives=subsets
        )
