"""In no figure does anything overlap: checked box by box, wire by wire."""

import itertools

import numpy as np
import pytest

from darts_tf.spaces import genotype as genotype_lib
from darts_tf.spaces import zoo
from darts_tf.visualize import cell_graph
from darts_tf.visualize import cell_layout

PRIMITIVES = ("tanh", "sep_conv_3x3", "an_operation_with_a_very_long_name")
ROUNDING = 1e-9  # of coordinates below 10,000, in float64
PUBLISHED = [
    pytest.param(cell, id=f"{name}-{cell_type}")
    for name in zoo.names()
    for cell_type, cell in zoo.get(name).cells.items()
]


def random_cell(seed):
    """Draws a cell with up to 9 nodes, repeated edges and unused nodes."""
    generator = np.random.default_rng(seed)
    num_inputs = int(generator.integers(1, 3))
    num_nodes = int(generator.integers(1, 10))
    last = num_inputs + num_nodes - 1
    nodes = tuple(
        tuple(
            genotype_lib.Edge(
                str(generator.choice(PRIMITIVES)),
                int(generator.integers(num_inputs + k)),
            )
            for _ in range(1 if num_inputs == 1 else 2)
        )
        for k in range(num_nodes)
    )
    others = [n for n in range(num_inputs, last) if generator.random() < 0.6]
    return genotype_lib.Cell(nodes, (*others, last), num_inputs)


def wide_cell():
    """Returns a cell whose twelve nodes all follow the input."""
    edges = (genotype_lib.Edge("relu", 0),)
    return genotype_lib.Cell((edges,) * 12, tuple(range(1, 13)), 1)


def deep_cell():
    """Returns a cell in which each node follows the one before."""
    nodes = tuple((genotype_lib.Edge("relu", k),) for k in range(12))
    return genotype_lib.Cell(nodes, tuple(range(1, 13)), 1)


CELLS = [
    *PUBLISHED,
    *[pytest.param(random_cell(k), id=f"random-{k}") for k in range(50)],
    pytest.param(wide_cell(), id="wide"),
    pytest.param(deep_cell(), id="deep"),
]


def sides(box):
    half_width, half_height = box.width / 2, box.height / 2
    return (
        box.x - half_width,
        box.x + half_width,
        box.y - half_height,
        box.y + half_height,
    )


def drawn_points(wire):
    """Follows a wire: level pieces, joined by cubic Bezier curves."""
    points = []
    for left, right, y in wire:
        points += [(x, y) for x in np.linspace(left, right, 5)]
    t = np.linspace(0, 1, 33)[1:-1]
    for (_, start, above), (end, _, below) in itertools.pairwise(wire):
        middle = (start + end) / 2
        for weights in np.stack(
            [(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3], 1
        ):
            points.append(
                (
                    weights @ [start, middle, middle, end],
                    weights @ [above, above, below, below],
                )
            )
    return np.array(points)


@pytest.mark.parametrize("cell", CELLS)
def test_no_box_overlaps_another(cell):
    layout = cell_layout.layout_cell(cell)
    for one, other in itertools.combinations(layout.nodes + layout.labels, 2):
        left, right, top, bottom = sides(one)
        other_left, other_right, other_top, other_bottom = sides(other)
        apart = (
            right < other_left
            or other_right < left
            or bottom < other_top
            or other_bottom < top
        )
        assert apart, f"{one} overlaps {other}"


@pytest.mark.parametrize("cell", CELLS)
def test_no_wire_touches_a_box_of_others(cell):
    graph = cell_graph.cell_graph(cell)
    layout = cell_layout.layout_cell(cell)
    labels = iter(layout.labels)
    for edge, wire in zip(graph.edges, layout.wires, strict=True):
        own = {edge.source, edge.target}
        others = [b for k, b in enumerate(layout.nodes) if k not in own]
        label = next(labels) if edge.label is not None else None
        others += [b for b in layout.labels if b is not label]
        x, y = drawn_points(wire).T
        for box in others:
            left, right, top, bottom = sides(box)
            inside = (x > left) & (x < right) & (y > top) & (y < bottom)
            assert not inside.any(), f"{edge} runs over {box}"


@pytest.mark.parametrize("cell", CELLS)
def test_wires_join_their_nodes_and_carry_their_labels(cell):
    graph = cell_graph.cell_graph(cell)
    layout = cell_layout.layout_cell(cell)
    labels = iter(layout.labels)
    for edge, wire in zip(graph.edges, layout.wires, strict=True):
        _, source_right, top, bottom = sides(layout.nodes[edge.source])
        assert wire[0][0] == pytest.approx(source_right)
        assert top < wire[0][2] < bottom
        target_left, _, top, bottom = sides(layout.nodes[edge.target])
        assert wire[-1][1] == pytest.approx(target_left)
        assert top < wire[-1][2] < bottom
        if edge.label is not None:
            label = next(labels)
            assert label.text == edge.label
            left, right, _, _ = sides(label)
            assert any(
                start <= left + ROUNDING
                and right <= end + ROUNDING
                and y == label.y
                for start, end, y in wire
            )


@pytest.mark.parametrize("cell", CELLS)
def test_wires_run_from_left_to_right(cell):
    for wire in cell_layout.layout_cell(cell).wires:
        ends = [x for left, right, _ in wire for x in (left, right)]
        assert (np.diff(ends) > -ROUNDING).all()


@pytest.mark.parametrize("cell", CELLS)
def test_everything_lies_within_the_figure(cell):
    layout = cell_layout.layout_cell(cell)
    boxes = [sides(box) for box in layout.nodes + layout.labels]
    points = np.concatenate([drawn_points(wire) for wire in layout.wires])
    assert min(left for left, _, _, _ in boxes) >= 0
    assert max(right for _, right, _, _ in boxes) <= layout.width
    assert min(top for _, _, top, _ in boxes) >= 0
    assert max(bottom for _, _, _, bottom in boxes) <= layout.height
    assert points.min() >= 0
    assert (points.max(axis=0) <= (layout.width, layout.height)).all()


@pytest.mark.parametrize("cell", CELLS)
def test_inputs_stand_at_the_left_and_the_output_at_the_right(cell):
    nodes = cell_layout.layout_cell(cell).nodes
    inputs = [node for node in nodes if node.kind == "input"]
    assert len(inputs) in (1, 2)
    assert {node.x for node in inputs} == {min(node.x for node in nodes)}
    assert inputs == sorted(inputs, key=lambda node: node.y)
    assert all(node.x < nodes[-1].x for node in nodes[:-1])


def test_nodes_stand_by_the_longest_path_to_them():
    nodes = cell_layout.layout_cell(zoo.get("DARTS_V2").normal).nodes
    columns = {node.text: node.x for node in nodes}
    assert columns["2"] == columns["3"] == columns["4"] < columns["5"]


def test_two_edges_between_the_same_nodes_have_a_label_each():
    edges = (genotype_lib.Edge("avg_pool_3x3", 0),) * 2
    cell = genotype_lib.Cell((edges,), (2,))
    layout = cell_layout.layout_cell(cell)
    assert len({(label.x, label.y) for label in layout.labels}) == 2
    assert layout.wires[0] != layout.wires[1]
