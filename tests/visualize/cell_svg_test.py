"""The SVG is valid XML and shows every node, edge and label once."""

import collections
import types
from xml.etree import ElementTree

import pytest

from darts_tf.spaces import genotype as genotype_lib
from darts_tf.spaces import zoo
from darts_tf.visualize import cell_svg

SVG = "{http://www.w3.org/2000/svg}"


def elements(svg, name, kind=None):
    found = ElementTree.fromstring(svg).iter(SVG + name)
    return [e for e in found if kind is None or e.get("class") == kind]


def texts(svg, kind):
    return [element.text for element in elements(svg, "text", kind)]


@pytest.mark.parametrize("name", zoo.names())
def test_every_edge_is_drawn_with_its_label(name):
    genotype = zoo.get(name)
    svg = cell_svg.genotype_to_svg(genotype)
    primitives = [
        edge.primitive
        for cell in genotype.cells.values()
        for node in cell.nodes
        for edge in node
    ]
    unlabelled = sum(
        len(cell.concat) + (2 if cell.num_inputs == 1 else 0)
        for cell in genotype.cells.values()
    )
    assert collections.Counter(texts(svg, "label")) == collections.Counter(
        primitives
    )
    for kind in ("wire", "arrow"):
        drawn = elements(svg, "path", kind)
        assert len(drawn) == len(primitives) + unlabelled


def test_nodes_bear_the_names_of_the_paper_and_the_numbers_of_genotypes():
    svg = cell_svg.cell_to_svg(zoo.get("DARTS_V2").normal)
    assert texts(svg, "node") == ["0: c", "1: c", "2", "3", "4", "5", "c"]
    assert texts(svg, "index") == ["k-2", "k-1", "k"]
    svg = cell_svg.cell_to_svg(zoo.get("RECURRENT_DARTS_V1").recurrent)
    numbers = [str(number) for number in range(9)]
    assert texts(svg, "node") == ["x", "h", *numbers, "h"]
    assert texts(svg, "index") == ["t", "t-1", "t"]


def test_each_kind_of_node_has_its_colour():
    svg = cell_svg.cell_to_svg(zoo.get("DARTS_V2").normal)
    fills = [e.get("fill") for e in elements(svg, "rect") if e.get("stroke")]
    inputs, inner, output = set(fills[:2]), set(fills[2:6]), set(fills[6:])
    assert len(inputs) == len(inner) == len(output) == 1
    assert len(inputs | inner | output) == 3


def test_titles_name_the_cells():
    svg = cell_svg.genotype_to_svg(zoo.get("DARTS_V2"))
    assert texts(svg, "title") == ["normal cell", "reduction cell"]
    cell = zoo.get("DARTS_V2").normal
    assert texts(cell_svg.cell_to_svg(cell), "title") == []
    assert texts(cell_svg.cell_to_svg(cell, "mine"), "title") == ["mine"]


def bounds(element, y=0.0):
    """Returns the highest and the lowest edge of the boxes, in pixels."""
    found = []
    for child in element:
        if child.tag == SVG + "g":
            move = child.get("transform").rstrip(")").partition(",")[2]
            found.extend(bounds(child, y + float(move)))
        elif child.tag == SVG + "rect" and child.get("x") is not None:
            top = y + float(child.get("y"))
            found.extend([top, top + float(child.get("height"))])
    return [min(found), max(found)] if found else []


def test_cells_are_stacked_without_overlap():
    svg = ElementTree.fromstring(
        cell_svg.genotype_to_svg(zoo.get("AMOEBANET_A"))
    )
    first, second = (bounds([group]) for group in svg.findall(SVG + "g"))
    assert 0 < first[0] < first[1] < second[0] < second[1]
    assert second[1] < float(svg.get("height"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a<b & 'c' > \"d\"]]>", "a<b & 'c' > \"d\"]]>"),
        ("größer_3×3", "größer_3×3"),
        ("bell\x07\x00", "bell\ufffd\ufffd"),
        ("half\ud800", "half\ufffd"),
        ("</text><script/>", "</text><script/>"),
    ],
)
def test_any_text_gives_valid_xml(text, shown):
    # A stand-in, since a real `Edge` may refuse such a name.
    edge = types.SimpleNamespace(primitive=text, source=0)
    cell = types.SimpleNamespace(nodes=((edge,),), concat=(2,), num_inputs=2)
    svg = cell_svg.cell_to_svg(cell, title=text)
    svg.encode("utf-8")
    assert texts(svg, "label") == [shown]
    assert texts(svg, "title") == [shown]


def test_same_cell_gives_the_same_figure():
    edges = (genotype_lib.Edge("relu", 0),) * 2
    cells = [genotype_lib.Cell((edges, edges), (2, 3)) for _ in range(2)]
    first, second = (cell_svg.cell_to_svg(cell) for cell in cells)
    assert first == second
