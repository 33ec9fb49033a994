import collections
from xml.etree import ElementTree

import pytest

import darts_tf
from darts_tf import visualize
from darts_tf.spaces import zoo

SVG = "{http://www.w3.org/2000/svg}"


def count(first, second):
    """Counts the wires of each class."""
    svg = visualize.to_svg(visualize.draw_comparison(first, second))
    classes = [
        e.get("class") for e in ElementTree.fromstring(svg).iter(SVG + "path")
    ]
    return collections.Counter(
        c for c in classes if c not in ("arrow", "legend")
    )


def multiset(genotype):
    """Counts the edges of a genotype, those into the output too."""
    found = collections.Counter()
    for cell_type, cell in genotype.cells.items():
        for node, edges in enumerate(cell.nodes):
            found.update((cell_type, node, edge) for edge in edges)
        found.update((cell_type, "concat", node) for node in cell.concat)
        if cell.num_inputs == 1:  # x and h join in the first node
            found.update({(cell_type, "start", k): 1 for k in range(2)})
    return found


CONV = [name for name in zoo.names() if zoo.get(name).kind == "conv"]
RECURRENT = [name for name in zoo.names() if zoo.get(name).kind == "recurrent"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        *[("DARTS_V2", name) for name in CONV],
        *[(name, "DARTS_V2") for name in ("NASNET_A", "AMOEBANET_A")],
        *[("RECURRENT_DARTS_V1", name) for name in RECURRENT],
    ],
)
def test_each_edge_is_marked_as_the_sets_say(one, other):
    one, other = zoo.get(one), zoo.get(other)
    a, b = multiset(one), multiset(other)
    drawn = count(one, other)
    assert drawn["wire"] == (a & b).total()
    assert drawn["first"] == (a - b).total()
    assert drawn["second"] == (b - a).total()


def test_equal_genotypes_differ_in_nothing():
    genotype = zoo.get("DARTS_V1")
    assert set(count(genotype, genotype)) == {"wire"}


def test_the_legend_bears_the_names():
    figure = visualize.draw_comparison(
        zoo.get("DARTS_V1"), zoo.get("DARTS_V2"), ("mine <1>", "V2")
    )
    svg = visualize.to_svg(figure)
    assert "only in mine &lt;1&gt;" in svg
    assert "only in V2" in svg


def test_genotypes_of_two_kinds_are_refused():
    with pytest.raises(ValueError, match=r"recurrent"):
        visualize.draw_comparison(
            zoo.get("DARTS_V1"), zoo.get("RECURRENT_DARTS_V1")
        )
    cell = zoo.get("DARTS_V1").normal
    with pytest.raises(ValueError, match=r"normal"):
        visualize.draw_comparison(
            zoo.get("DARTS_V1"), darts_tf.Genotype(normal=cell)
        )
