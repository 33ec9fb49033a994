"""The search space against the paper's figures and against enumeration."""

import collections
import itertools
import json

import pytest

from darts_tf.spaces import genotype as genotype_lib
from darts_tf.spaces import search_space
from darts_tf.spaces import zoo

SMALL = search_space.SearchSpace(
    primitives=("none", "a", "b"),
    num_nodes=2,
    num_inputs=2,
    cell_types=("normal",),
    edges_per_node=2,
)


def all_cells(space):
    """Every cell, from the words of the definition."""
    names = [name for name in space.primitives if name != "none"]
    choices = []
    for node in range(space.num_inputs, space.num_inputs + space.num_nodes):
        kept = min(space.edges_per_node, node)
        choices.append(
            [
                tuple(map(genotype_lib.Edge, primitives, sources))
                for sources in itertools.combinations(range(node), kept)
                for primitives in itertools.product(names, repeat=kept)
            ]
        )
    for nodes in itertools.product(*choices):
        yield genotype_lib.Cell(nodes, space.concat, space.num_inputs)


def test_conv_space_is_the_one_of_the_paper():
    space = search_space.SearchSpace.conv()
    assert space.primitives == (
        "none",
        "max_pool_3x3",
        "avg_pool_3x3",
        "skip_connect",
        "sep_conv_3x3",
        "sep_conv_5x5",
        "dil_conv_3x3",
        "dil_conv_5x5",
    )
    assert space.kind == "conv"
    assert space.cell_types == ("normal", "reduction")
    assert space.alphas_shape == (14, 8)
    assert space.concat == (2, 3, 4, 5)
    assert space.edges == (
        *((0, 2), (1, 2)),
        *((0, 3), (1, 3), (2, 3)),
        *((0, 4), (1, 4), (2, 4), (3, 4)),
        *((0, 5), (1, 5), (2, 5), (3, 5), (4, 5)),
    )


def test_recurrent_space_is_the_one_of_the_paper():
    space = search_space.SearchSpace.recurrent()
    assert space.primitives == ("none", "tanh", "relu", "sigmoid", "identity")
    assert space.kind == "recurrent"
    assert space.cell_types == ("recurrent",)
    assert space.alphas_shape == (36, 5)
    assert space.concat == (1, 2, 3, 4, 5, 6, 7, 8)
    assert space.edges[:4] == ((0, 1), (0, 2), (1, 2), (0, 3))


def test_edge_index_is_the_position_among_the_edges():
    space = search_space.SearchSpace.conv()
    for index, (source, target) in enumerate(space.edges):
        assert space.edge_index(source, target) == index
    for source, target in ((0, 1), (2, 2), (3, 2), (-1, 2), (0, 6)):
        with pytest.raises(ValueError, match=f"target={target}"):
            space.edge_index(source, target)


def test_counts_are_those_of_the_paper():
    conv = search_space.SearchSpace.conv()
    # 1, 3, 6 and 10 pairs of sources; two of seven operations.
    assert conv.count_cells() == 1_037_664_180 == 1 * 3 * 6 * 10 * 7**8
    assert conv.count_genotypes() == 1_037_664_180**2
    recurrent = search_space.SearchSpace.recurrent()
    assert recurrent.count_genotypes() == 40_320 * 4**8


@pytest.mark.parametrize(
    "space",
    [
        SMALL,
        search_space.SearchSpace.recurrent(("tanh", "none", "relu"), 4),
        search_space.SearchSpace(("a", "b"), 3, 1, ("normal",), 2),
    ],
    ids=["conv", "recurrent", "fewer_sources_than_edges"],
)
def test_count_is_that_of_an_enumeration_which_validates(space):
    cells = list(all_cells(space))
    assert len(set(cells)) == len(cells) == space.count_cells()
    for cell in cells:
        space.validate(genotype_lib.Genotype(**{space.cell_types[0]: cell}))


def test_random_genotypes_are_uniform_over_the_space():
    draws = 4000
    counts = collections.Counter(
        SMALL.random_genotype(seed).cells["normal"] for seed in range(draws)
    )
    expected = set(all_cells(SMALL))
    assert set(counts) == expected
    # Chi square with 47 degrees of freedom exceeds 100 with p < 1e-5.
    mean = draws / len(expected)
    assert sum((n - mean) ** 2 / mean for n in counts.values()) < 100


@pytest.mark.parametrize(
    "space",
    [search_space.SearchSpace.conv(), search_space.SearchSpace.recurrent()],
    ids=["conv", "recurrent"],
)
def test_random_genotypes_belong_to_the_space_and_follow_the_seed(space):
    for seed in range(20):
        space.validate(space.random_genotype(seed))
    assert space.random_genotype(3) == space.random_genotype(3)
    assert space.random_genotype(3) != space.random_genotype(4)


@pytest.mark.parametrize("seed", [-1, 1.0, None, "1", True])
def test_bad_seeds_are_refused(seed):
    with pytest.raises(ValueError, match="`seed`"):
        SMALL.random_genotype(seed)


def test_published_results_of_searches_belong_to_the_spaces():
    for name in ("DARTS_V1", "DARTS_V2", "P_DARTS", "PC_DARTS"):
        search_space.SearchSpace.conv().validate(zoo.get(name))
    for name in ("RECURRENT_DARTS_V1", "RECURRENT_DARTS_V2"):
        search_space.SearchSpace.recurrent().validate(zoo.get(name))


def edges(*pairs):
    return tuple(genotype_lib.Edge(name, source) for name, source in pairs)


GOOD = (edges(("a", 0), ("b", 1)), edges(("a", 0), ("b", 2)))
OUTSIDE = {
    "other_kind": zoo.RECURRENT_DARTS_V2,
    "reduction_too_many": genotype_lib.Genotype(
        normal=genotype_lib.Cell(GOOD, (2, 3)),
        reduction=genotype_lib.Cell(GOOD, (2, 3)),
    ),
    "fewer_nodes": genotype_lib.Genotype(
        normal=genotype_lib.Cell(GOOD[:1], (2,))
    ),
    "other_output": genotype_lib.Genotype(normal=genotype_lib.Cell(GOOD, (3,))),
    "unknown_primitive": genotype_lib.Genotype(
        normal=genotype_lib.Cell((GOOD[0], edges(("a", 0), ("c", 1))), (2, 3))
    ),
    "none": genotype_lib.Genotype(
        normal=genotype_lib.Cell(
            (GOOD[0], edges(("a", 0), ("none", 1))), (2, 3)
        )
    ),
    "fewer_edges": genotype_lib.Genotype(
        normal=genotype_lib.Cell((GOOD[0], edges(("a", 0))), (2, 3))
    ),
    "same_source": genotype_lib.Genotype(
        normal=genotype_lib.Cell((GOOD[0], edges(("a", 0), ("b", 0))), (2, 3))
    ),
    "other_inputs": genotype_lib.Genotype(
        normal=genotype_lib.Cell(
            (edges(("a", 0)), edges(("a", 0), ("b", 1))), (1, 2), 1
        )
    ),
}


def test_the_genotype_that_the_others_are_made_from_belongs_to_the_space():
    SMALL.validate(
        genotype_lib.Genotype(normal=genotype_lib.Cell(GOOD, (2, 3)))
    )


@pytest.mark.parametrize("name", OUTSIDE)
def test_genotypes_outside_the_space_are_refused(name):
    with pytest.raises(ValueError, match="Received: "):
        SMALL.validate(OUTSIDE[name])


def test_config_survives_json_and_refuses_other_keys():
    for space in (search_space.SearchSpace.conv(("a", "none"), 3), SMALL):
        config = json.loads(json.dumps(space.get_config()))
        again = search_space.SearchSpace.from_config(config)
        assert again == space
        assert hash(again) == hash(space)
    for changes in ({"extra": 1}, {"num_nodes": "2"}, {"primitives": "ab"}):
        with pytest.raises(ValueError, match="Received: "):
            search_space.SearchSpace.from_config(
                {**SMALL.get_config(), **changes}
            )
    with pytest.raises(ValueError, match="Received: "):
        search_space.SearchSpace.from_config({"num_nodes": 2})


@pytest.mark.parametrize(
    "changes",
    [
        {"primitives": ()},
        {"primitives": "ab"},
        {"primitives": ("a", "a")},
        {"primitives": ("none",)},
        {"primitives": ("a", "")},
        {"primitives": ("a", 3)},
        {"primitives": None},
        {"num_nodes": 0},
        {"num_nodes": 33},
        {"num_nodes": 2.0},
        {"num_nodes": True},
        {"num_inputs": 0},
        {"edges_per_node": 0},
        {"cell_types": ()},
        {"cell_types": "normal"},
        {"cell_types": ("reduction",)},
        {"cell_types": ("reduction", "normal")},
        {"cell_types": ("normal", "normal")},
        {"cell_types": ("normal", "recurrent")},
        {"cell_types": ("normal", "other")},
        {"cell_types": (["normal"],)},
    ],
    ids=str,
)
def test_bad_arguments_are_refused(changes):
    with pytest.raises(ValueError, match="Received: "):
        search_space.SearchSpace(**{**SMALL.get_config(), **changes})


def test_conv_refuses_one_string_in_place_of_a_list():
    with pytest.raises(ValueError, match="`primitives`"):
        search_space.SearchSpace.conv("sep_conv_3x3")
