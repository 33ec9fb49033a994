"""The figure of a cell has the nodes and edges of the paper's figures."""

import pytest

from darts_tf.spaces import genotype as genotype_lib
from darts_tf.spaces import zoo
from darts_tf.visualize import cell_graph


def arrows(cell):
    """Returns the edges by the texts of their ends."""
    graph = cell_graph.cell_graph(cell)
    return [
        (graph.nodes[e.source].text, e.label, graph.nodes[e.target].text)
        for e in graph.edges
    ]


def test_convolutional_cell_is_that_of_figure_4_with_its_genotypes_numbers():
    assert arrows(zoo.get("DARTS_V2").normal) == [
        ("0: c_{k-2}", "sep_conv_3x3", "2"),
        ("1: c_{k-1}", "sep_conv_3x3", "2"),
        ("0: c_{k-2}", "sep_conv_3x3", "3"),
        ("1: c_{k-1}", "sep_conv_3x3", "3"),
        ("1: c_{k-1}", "sep_conv_3x3", "4"),
        ("0: c_{k-2}", "skip_connect", "4"),
        ("0: c_{k-2}", "skip_connect", "5"),
        ("2", "dil_conv_3x3", "5"),
        ("2", None, "c_{k}"),
        ("3", None, "c_{k}"),
        ("4", None, "c_{k}"),
        ("5", None, "c_{k}"),
    ]


def test_recurrent_cell_is_that_of_figure_6():
    assert arrows(zoo.get("RECURRENT_DARTS_V2").recurrent) == [
        ("x_{t}", None, "0"),
        ("h_{t-1}", None, "0"),
        ("0", "sigmoid", "1"),
        ("1", "relu", "2"),
        ("1", "relu", "3"),
        ("1", "identity", "4"),
        ("2", "tanh", "5"),
        ("5", "sigmoid", "6"),
        ("3", "tanh", "7"),
        ("5", "relu", "8"),
        *[(str(node), None, "h_{t}") for node in range(1, 9)],
    ]


def test_only_the_nodes_of_concat_lead_to_the_output():
    found = arrows(zoo.get("RECURRENT_ENAS").recurrent)
    ends = [source for source, _, target in found if target == "h_{t}"]
    assert ends == ["2", "5", "6", "9", "10", "11"]


@pytest.mark.parametrize("name", ["DARTS_V2", "RECURRENT_DARTS_V1"])
def test_every_node_has_one_of_three_kinds(name):
    (cell, *_) = zoo.get(name).cells.values()
    kinds = [node.kind for node in cell_graph.cell_graph(cell).nodes]
    inner = kinds[2:-1]
    assert kinds[:2] == ["input", "input"]
    assert set(inner) == {"intermediate"}
    assert kinds[-1] == "output"


def test_three_inputs_are_counted_back_from_the_present_cell():
    edges = (genotype_lib.Edge("identity", 0), genotype_lib.Edge("relu", 2))
    cell = genotype_lib.Cell((edges,), (3,), num_inputs=3)
    assert arrows(cell) == [
        ("0: c_{k-3}", "identity", "3"),
        ("2: c_{k-1}", "relu", "3"),
        ("3", None, "c_{k}"),
    ]
