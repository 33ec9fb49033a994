"""Cells and genotypes as SVG figures, like those of the paper."""

import itertools
import re
from xml.sax import saxutils

from darts_tf.visualize import cell_layout

_FILLS = {
    "input": ("#d5ecd4", "#5b9a5a"),
    "intermediate": ("#d3e5f7", "#4a7fb5"),
    "output": ("#fbeebb", "#b8962e"),
}
_TITLE_HEIGHT = 30
_INDEX_FONT_SIZE = 10
_STYLE = (
    "text{font-family:Helvetica,Arial,sans-serif;fill:#222}"
    f".node{{font-size:{cell_layout.FONT_SIZE}px}}"
    f".label{{font-size:{cell_layout.LABEL_FONT_SIZE}px}}"
    f".index{{font-size:{_INDEX_FONT_SIZE}px}}"
    ".title{font-size:15px;font-weight:bold}"
    ".wire{fill:none;stroke:#666;stroke-width:1.2}"
    ".arrow{fill:#666}"
)
# Everything else may not stand in an XML document, escaped or not.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def cell_to_svg(cell, title=None):
    """Draws a cell.

    Args:
        cell: A `Cell` of a genotype.
        title: String to stand above the figure. Defaults to `None`, nothing.

    Returns:
        String, an SVG document.

    Example:

    >>> from darts_tf.spaces import zoo
    >>> from darts_tf.visualize import cell_svg
    >>> cell = zoo.get("DARTS_V2").normal
    >>> svg = cell_svg.cell_to_svg(cell)
    >>> svg.startswith("<svg"), svg.count("sep_conv_3x3")
    (True, 5)
    """
    return _document([(title, cell)])


def genotype_to_svg(genotype):
    """Draws all cells of a genotype, one above the other, with their types.

    Args:
        genotype: A `Genotype`.

    Returns:
        String, an SVG document.

    Example:

    >>> from darts_tf.spaces import zoo
    >>> from darts_tf.visualize import cell_svg
    >>> genotype = zoo.get("DARTS_V2")
    >>> svg = cell_svg.genotype_to_svg(genotype)
    >>> "normal cell" in svg, "reduction cell" in svg
    (True, True)
    """
    return _document(
        [
            (f"{cell_type} cell", cell)
            for cell_type, cell in genotype.cells.items()
        ]
    )


def _document(titled_cells):
    width, height, body = 0.0, 0.0, []
    for title, cell in titled_cells:
        layout = cell_layout.layout_cell(cell)
        width = max(width, layout.width)
        if title is not None:
            body.append(
                f'<text class="title" x="14" y="{height + 22:.1f}">'
                f"{_escape(title)}</text>"
            )
            width = max(width, 28 + 10 * len(title))
            height += _TITLE_HEIGHT
        body.append(f'<g transform="translate(0,{height:.1f})">')
        body.extend(_draw(layout))
        body.append("</g>")
        height += layout.height
    size = f"{width:.0f}", f"{height:.0f}"
    return "\n".join(
        [
            '<svg xmlns="http://www.w3.org/2000/svg" '
            f'width="{size[0]}" height="{size[1]}" '
            f'viewBox="0 0 {size[0]} {size[1]}">',
            f"<style>{_STYLE}</style>",
            '<rect width="100%" height="100%" fill="#fff"/>',
            *body,
            "</svg>\n",
        ]
    )


def _draw(layout):
    """Yields the elements of a cell, those in front last."""
    for wire in layout.wires:
        yield f'<path class="wire" d="{_path(wire)}"/>'
        _, x, y = wire[-1]
        # A marker would be shorter, but not all viewers show markers.
        arrow = f"M{x:.1f},{y:.1f} l-8,-3.2 v6.4 z"
        yield f'<path class="arrow" d="{arrow}"/>'
    for box in layout.labels:
        yield _rectangle(box, 'rx="3" fill="#fff"')
        yield _text("label", box.x, box.y + 4, "middle", box.text)
    for box in layout.nodes:
        fill, stroke = _FILLS[box.kind]
        yield _rectangle(
            box, f'rx="5" fill="{fill}" stroke="{stroke}" stroke-width="1.2"'
        )
        yield from _node_text(box)


def _path(wire):
    """Joins the level pieces of a wire by curves that leave them level."""
    left, right, y = wire[0]
    commands = [f"M{left:.1f},{y:.1f} H{right:.1f}"]
    for (_, start, above), (end, right, below) in itertools.pairwise(wire):
        middle = (start + end) / 2
        commands.append(
            f"C{middle:.1f},{above:.1f} {middle:.1f},{below:.1f} "
            f"{end:.1f},{below:.1f} H{right:.1f}"
        )
    return " ".join(commands)


def _rectangle(box, look):
    left, top = box.x - box.width / 2, box.y - box.height / 2
    return (
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{box.width:.1f}" '
        f'height="{box.height:.1f}" {look}/>'
    )


def _node_text(box):
    """Yields the text of a node, `c_{k-1}` with a lowered, smaller k-1."""
    base, _, index = box.text.removesuffix("}").partition("_{")
    if not index:
        yield _text("node", box.x, box.y + 4.5, "middle", base)
        return
    # The two parts meet at x, whatever the width of the font.
    x = box.x - 0.28 * _INDEX_FONT_SIZE * (len(index) - 1)
    yield _text("node", x, box.y + 3.5, "end", base)
    yield _text("index", x, box.y + 7.5, "start", index)


def _text(kind, x, baseline, anchor, text):
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{baseline:.1f}" '
        f'text-anchor="{anchor}">{_escape(text)}</text>'
    )


def _escape(text):
    return saxutils.escape(_NOT_XML.sub("\ufffd", text))
