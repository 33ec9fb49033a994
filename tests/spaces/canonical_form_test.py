"""The canonical form against a search over all numberings of the nodes."""

import itertools
import random
import time

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from darts_tf.spaces import genotype as genotype_lib

# The paper's largest cell has 8 nodes; the limit is for a loaded machine.
SECONDS = 2.0


def make_cell(nodes, concat, num_inputs):
    edges = tuple(
        tuple(
            genotype_lib.Edge(primitive, source) for primitive, source in node
        )
        for node in nodes
    )
    return genotype_lib.Cell(edges, tuple(concat), num_inputs)


def structure(cell, index):
    """The cell with its nodes renumbered, whatever their order in a tuple."""
    nodes = frozenset(
        (
            index[node],
            tuple(sorted((e.primitive, index[e.source]) for e in edges)),
        )
        for node, edges in enumerate(cell.nodes, cell.num_inputs)
    )
    return nodes, frozenset(index[node] for node in cell.concat)


def all_structures(cell):
    """What the cell becomes under every permutation of its inner nodes."""
    inputs = range(cell.num_inputs)
    inner = range(cell.num_inputs, cell.num_inputs + len(cell.nodes))
    return {
        structure(
            cell, dict(zip((*inputs, *inner), (*inputs, *order), strict=True))
        )
        for order in itertools.permutations(inner)
    }


def isomorphic(first, second):
    if (first.num_inputs, len(first.nodes)) != (
        second.num_inputs,
        len(second.nodes),
    ):
        return False
    identity = {k: k for k in range(first.num_inputs + len(first.nodes))}
    return structure(second, identity) in all_structures(first)


def renumbered(cell, generator):
    """A random isomorphic cell, the edges of each node shuffled as well."""
    index = {node: node for node in range(cell.num_inputs)}
    waiting = list(enumerate(cell.nodes, cell.num_inputs))
    nodes = []
    while waiting:
        ready = [
            entry
            for entry in waiting
            if all(edge.source in index for edge in entry[1])
        ]
        entry = generator.choice(ready)
        waiting.remove(entry)
        index[entry[0]] = cell.num_inputs + len(nodes)
        edges = [(e.primitive, index[e.source]) for e in entry[1]]
        generator.shuffle(edges)
        nodes.append(edges)
    concat = sorted(index[node] for node in cell.concat)
    return make_cell(nodes, concat, cell.num_inputs)


@st.composite
def cells(draw, max_nodes=5):
    num_inputs = draw(st.integers(1, 2))
    num_nodes = draw(st.integers(1, max_nodes))
    nodes = [
        draw(
            st.lists(
                st.tuples(st.sampled_from("ab"), st.integers(0, node - 1)),
                min_size=1,
                max_size=3,
            )
        )
        for node in range(num_inputs, num_inputs + num_nodes)
    ]
    inner = range(num_inputs, num_inputs + num_nodes)
    concat = draw(st.sets(st.sampled_from(inner), min_size=1))
    return make_cell(nodes, sorted(concat), num_inputs)


@settings(deadline=None, max_examples=150)
@given(cells(), st.randoms(use_true_random=False))
def test_canonical_form_is_an_isomorphic_cell_that_renumbering_keeps(
    cell, generator
):
    canonical = cell.canonical()
    assert isomorphic(cell, canonical)
    assert canonical.canonical() == canonical
    assert renumbered(cell, generator).canonical() == canonical


@settings(deadline=None, max_examples=150)
@given(cells(max_nodes=3), cells(max_nodes=3))
def test_canonical_forms_are_equal_exactly_for_isomorphic_cells(first, second):
    equal = first.canonical() == second.canonical()
    assert equal == isomorphic(first, second)


@settings(deadline=None, max_examples=150)
@given(cells(), st.data())
def test_a_changed_edge_changes_the_form_unless_it_is_isomorphic(cell, data):
    k = data.draw(st.integers(0, len(cell.nodes) - 1))
    source = data.draw(st.integers(0, cell.num_inputs + k - 1))
    edge = genotype_lib.Edge(cell.nodes[k][0].primitive, source)
    nodes = list(cell.nodes)
    nodes[k] = (edge, *nodes[k][1:])
    changed = genotype_lib.Cell(tuple(nodes), cell.concat, cell.num_inputs)
    equal = changed.canonical() == cell.canonical()
    assert equal == isomorphic(changed, cell)


def test_classes_of_all_small_recurrent_cells_are_those_of_brute_force():
    # Every cell of three nodes with one edge each and two activations.
    edges = [list(itertools.product("ab", range(node))) for node in range(1, 4)]
    outputs = [
        concat
        for size in (1, 2, 3)
        for concat in itertools.combinations((1, 2, 3), size)
    ]
    found, expected = set(), set()
    for *nodes, concat in itertools.product(*edges, outputs):
        cell = make_cell([[edge] for edge in nodes], concat, 1)
        found.add(cell.canonical())
        expected.add(frozenset(all_structures(cell)))
    assert len(found) == len(expected)
    # Without symmetry there would be 2 * 4 * 6 * 7 of them.
    assert len(found) < 336


def test_membership_in_the_output_tells_nodes_apart():
    nodes = [[("tanh", 0)], [("tanh", 0)], [("relu", 1)]]
    used = make_cell(nodes, (1, 3), 1).canonical()
    unused = make_cell(nodes, (2, 3), 1).canonical()
    assert used != unused


def chains(count, length):
    return [
        [("tanh", 0 if level == 0 else 1 + count * (level - 1) + k)]
        for level in range(length)
        for k in range(count)
    ]


def rings(count, length):
    """Rings in which each upper node reads two neighbours of a lower ring."""
    size = count * length
    lower = [[("tanh", 0)] for _ in range(size)]
    upper = [
        [
            ("tanh", 1 + length * (k // length) + k % length),
            ("tanh", 1 + length * (k // length) + (k + 1) % length),
        ]
        for k in range(size)
    ]
    return lower + upper


TIES = {
    "eleven_equal_nodes": chains(11, 1),
    "five_chains": chains(5, 2),
    "most_equal_nodes": chains(32, 1),
    "most_chains_of_two": chains(16, 2),
    "chains_of_four": chains(8, 4),
    "one_ring": rings(1, 16),
    "four_rings": rings(4, 4),
}


@pytest.mark.parametrize("name", TIES)
def test_many_ties_are_resolved_fast_and_alike(name):
    nodes = TIES[name]
    cell = make_cell(nodes, range(1, len(nodes) + 1), 1)
    start = time.perf_counter()
    canonical = cell.canonical()
    assert time.perf_counter() - start < SECONDS
    for seed in range(3):
        other = renumbered(cell, random.Random(seed))
        assert other.canonical() == canonical


def test_rings_that_colours_cannot_tell_apart_differ():
    # Every node of both sees the same neighbourhood at any distance.
    cells = [
        make_cell(nodes, range(1, 25), 1)
        for nodes in (rings(1, 12), rings(3, 4))
    ]
    assert cells[0].canonical() != cells[1].canonical()
