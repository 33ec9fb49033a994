"""Cells and genotypes as figures, like those of the paper."""

from darts_tf.visualize import cell_graph
from darts_tf.visualize import cell_layout
from darts_tf.visualize import figure as figure_lib

_FILLS = {
    "input": ("#d5ecd4", "#5b9a5a"),
    "intermediate": ("#d3e5f7", "#4a7fb5"),
    "output": ("#fbeebb", "#b8962e"),
}
_INDEX_FONT_SIZE = 10


class Look:
    """How the wire of an edge and its label look.

    Args:
        color: String, as in CSS, `"#666666"`.
        width: Float, of the wire in pixels.
        dashed: Boolean.
        kind: String, the class of the wire in an SVG.
    """

    def __init__(self, color="#666666", width=1.2, dashed=False, kind="wire"):
        self.color = color
        self.width = width
        self.dashed = dashed
        self.kind = kind


def draw_cell(cell, title=None):
    """Draws a cell.

    Args:
        cell: A `darts_tf.Cell` of a genotype.
        title: String to stand above the figure. Defaults to `None`, nothing.

    Returns:
        A `Figure`, for `to_svg` and `to_png`.

    Example:

    >>> from darts_tf.spaces import zoo
    >>> from darts_tf import visualize
    >>> figure = visualize.draw_cell(zoo.get("DARTS_V2").normal)
    >>> round(figure.width), round(figure.height)
    (549, 190)
    """
    looks = [Look()] * len(cell_graph.cell_graph(cell).edges)
    drawn = draw_edges(cell, looks)
    if title is not None:
        return figure_lib.titled(drawn, title)
    return drawn._replace(title="cell")


def draw_genotype(genotype):
    """Draws all cells of a genotype, one above the other, with their types.

    Args:
        genotype: A `darts_tf.Genotype`.

    Returns:
        A `Figure`, for `to_svg` and `to_png`.

    Example:

    >>> from darts_tf.spaces import zoo
    >>> from darts_tf import visualize
    >>> figure = visualize.draw_genotype(zoo.get("DARTS_V2"))
    >>> "reduction cell" in visualize.to_svg(figure)
    True
    """
    return figure_lib.stack(
        [
            draw_cell(cell, f"{cell_type} cell")
            for cell_type, cell in genotype.cells.items()
        ]
    )


def draw_edges(cell, looks):
    """Draws a cell whose edges look as the caller says.

    Args:
        cell: A `darts_tf.Cell`.
        looks: List with a `Look` for each edge of its `cell_graph`.

    Returns:
        A `Figure`.
    """
    layout = cell_layout.layout_cell(cell)
    edges = cell_graph.cell_graph(cell).edges
    shapes = []
    for wire, look in zip(layout.wires, looks, strict=True):
        shapes.append(
            figure_lib.Wire(
                wire, look.color, look.width, look.dashed, look.kind
            )
        )
        # A marker would be shorter, but not all viewers show markers.
        _, x, y = wire[-1]
        tip = [(x, y), (x - 8, y - 3.2), (x - 8, y + 3.2)]
        shapes.append(figure_lib.Polygon(tip, look.color, "arrow"))
    labelled = [
        look
        for edge, look in zip(edges, looks, strict=True)
        if edge.label is not None
    ]
    for box, look in zip(layout.labels, labelled, strict=True):
        color = figure_lib.INK if look.kind == "wire" else look.color
        shapes.append(_rectangle(box, "#ffffff", None, 3))
        shapes.append(
            figure_lib.Text(
                box.x,
                box.y + 4,
                box.text,
                cell_layout.LABEL_FONT_SIZE,
                "label",
                "middle",
                color,
            )
        )
    for box in layout.nodes:
        shapes.append(_rectangle(box, *_FILLS[box.kind], 5))
        shapes.extend(_node_text(box))
    return figure_lib.Figure(
        layout.width, layout.height, shapes, description=describe(cell)
    )


def describe(cell):
    """Says what a cell computes, for who cannot see its figure.

    Args:
        cell: A `darts_tf.Cell`.

    Returns:
        String, with the numbers of the nodes in the figure.

    Example:

    >>> from darts_tf.spaces import zoo
    >>> from darts_tf.visualize import cells
    >>> cells.describe(zoo.get("DARTS_V2").normal).split("; ")[0]
    'Node 2 adds sep_conv_3x3 of node 0 and sep_conv_3x3 of node 1'
    """
    nodes = [
        f"node {number} adds "
        + " and ".join(f"{e.primitive} of node {e.source}" for e in edges)
        for number, edges in enumerate(cell.nodes, cell.num_inputs)
    ]
    joined = ", ".join(map(str, cell.concat))
    text = "; ".join([*nodes, f"the output joins the nodes {joined}"])
    return f"{text[:1].upper()}{text[1:]}."


def _rectangle(box, fill, stroke, radius):
    left, top = box.x - box.width / 2, box.y - box.height / 2
    return figure_lib.Rectangle(
        left, top, box.width, box.height, fill, stroke, radius
    )


def _node_text(box):
    """Yields the text of a node, `1: c_{k-1}` with a lowered, smaller k-1."""
    size = cell_layout.FONT_SIZE
    base, _, index = box.text.removesuffix("}").partition("_{")
    if not index:
        yield figure_lib.Text(box.x, box.y + 4.5, base, size, "node", "middle")
        return
    # The two parts meet at x, whatever the width of the font.
    x = box.x + 0.28 * (
        size * (len(base) - 1) - _INDEX_FONT_SIZE * (len(index) - 1)
    )
    yield figure_lib.Text(x, box.y + 3.5, base, size, "node", "end")
    yield figure_lib.Text(x, box.y + 7.5, index, _INDEX_FONT_SIZE, "index")
