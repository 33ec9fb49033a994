"""Figures as SVG documents, which may also stand inside an HTML page."""

import itertools
import re
from xml.sax import saxutils

from darts_tf.visualize import figure as figure_lib

# Everything else may not stand in an XML document, escaped or not.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DASHES = ' stroke-dasharray="6 3"'


def to_svg(figure):
    """Writes a figure as SVG.

    Each element has its own colours and sizes. A style sheet would also apply
    to the other figures of a page. What the figure is called and shows is there
    for screen readers.

    Args:
        figure: A `Figure`, such as `draw_genotype` returns.

    Returns:
        String, an SVG document.

    Example:

    >>> from darts_tf.spaces import zoo
    >>> from darts_tf import visualize
    >>> figure = visualize.draw_cell(zoo.get("DARTS_V2").normal)
    >>> svg = visualize.to_svg(figure)
    >>> svg.startswith("<svg"), svg.count(">sep_conv_3x3<")
    (True, 5)
    """
    size = f"{figure.width:.0f}", f"{figure.height:.0f}"
    return "\n".join(
        [
            '<svg xmlns="http://www.w3.org/2000/svg" '
            f'width="{size[0]}" height="{size[1]}" '
            f'viewBox="0 0 {size[0]} {size[1]}" '
            f'font-family="Helvetica,Arial,sans-serif"{_label(figure)}>',
            *_words(figure),
            f'<rect width="100%" height="100%" fill="{figure_lib.GROUND}"/>',
            *_elements(figure.shapes),
            "</svg>\n",
        ]
    )


def _label(figure):
    said = ". ".join(part for part in _said(figure) if part)
    return f' role="img" aria-label="{_quoted(said)}"' if said else ""


def _words(figure):
    for tag, text in zip(("title", "desc"), _said(figure), strict=True):
        if text:
            yield f"<{tag}>{_escape(text)}</{tag}>"


def _said(figure):
    return figure.title, figure.description


def _quoted(text):
    return _escape(text).replace('"', "&quot;")


def _elements(shapes):
    for shape in shapes:
        if isinstance(shape, figure_lib.Placed):
            yield f'<g transform="translate({shape.x:.1f},{shape.y:.1f})">'
            yield from _elements(shape.figure.shapes)
            yield "</g>"
        else:
            yield _WRITERS[type(shape)](shape)


def _rectangle(shape):
    radius = f'rx="{shape.radius:.1f}" ' if shape.radius else ""
    stroke = (
        f' stroke="{shape.stroke}" stroke-width="1.2"' if shape.stroke else ""
    )
    return (
        f'<rect x="{shape.left:.1f}" y="{shape.top:.1f}" '
        f'width="{shape.width:.1f}" height="{shape.height:.1f}" '
        f'{radius}fill="{shape.fill}"{stroke}/>'
    )


def _wire(shape):
    left, right, y = shape.pieces[0]
    commands = [f"M{left:.1f},{y:.1f} H{right:.1f}"]
    for (_, start, above), (end, right, below) in itertools.pairwise(
        shape.pieces
    ):
        middle = (start + end) / 2
        commands.append(
            f"C{middle:.1f},{above:.1f} {middle:.1f},{below:.1f} "
            f"{end:.1f},{below:.1f} H{right:.1f}"
        )
    return (
        f'<path class="{shape.kind}" d="{" ".join(commands)}" fill="none" '
        f'stroke="{shape.color}" stroke-width="{shape.width}"'
        f"{_DASHES if shape.dashed else ''}/>"
    )


def _line(shape):
    return (
        f'<polyline points="{_points(shape)}" fill="none" '
        f'stroke="{shape.color}" stroke-width="{shape.width}"/>'
    )


def _polygon(shape):
    return (
        f'<path class="{shape.kind}" d="M{_points(shape)} z" '
        f'fill="{shape.fill}"/>'
    )


def _points(shape):
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in shape.points)


def _text(shape):
    bold = ' font-weight="bold"' if shape.bold else ""
    return (
        f'<text class="{shape.kind}" x="{shape.x:.1f}" '
        f'y="{shape.baseline:.1f}" text-anchor="{shape.anchor}" '
        f'font-size="{shape.size}" fill="{shape.color}"{bold}>'
        f"{_escape(shape.text)}</text>"
    )


def _escape(text):
    return saxutils.escape(_NOT_XML.sub("\ufffd", text))


_WRITERS = {
    figure_lib.Rectangle: _rectangle,
    figure_lib.Wire: _wire,
    figure_lib.Line: _line,
    figure_lib.Polygon: _polygon,
    figure_lib.Text: _text,
}
