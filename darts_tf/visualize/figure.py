"""What a figure is made of, whatever format it is written in."""

import typing

INK = "#222222"
# Told apart also by readers who do not see all colours (Okabe and Ito, 2008);
# the first is for what matters least.
PALETTE = (
    "#9a9a9a",
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#56b4e9",
    "#8a6a1f",
    "#5b3a8c",
    "#222222",
)
# Of the widest usual sans-serif; a narrower font leaves some room.
_WIDTH_OF_A_LETTER = 0.62


class Rectangle(typing.NamedTuple):
    """A filled rectangle, whose corners may be round."""

    left: float
    top: float
    width: float
    height: float
    fill: str
    stroke: str | None = None
    radius: float = 0.0


class Wire(typing.NamedTuple):
    """Level pieces `(left, right, y)`, joined by curves that leave them level.

    The kind is the class of the element in an SVG.
    """

    pieces: list[tuple[float, float, float]]
    color: str
    width: float
    dashed: bool = False
    kind: str = "wire"


class Line(typing.NamedTuple):
    """Straight pieces from point to point."""

    points: list[tuple[float, float]]
    color: str
    width: float


class Polygon(typing.NamedTuple):
    """A filled polygon. The kind is the class of the element in an SVG."""

    points: list[tuple[float, float]]
    fill: str
    kind: str


class Text(typing.NamedTuple):
    """A line of text, whose anchor is `"start"`, `"middle"` or `"end"`.

    The kind is the class of the element in an SVG.
    """

    x: float
    baseline: float
    text: str
    size: float
    kind: str
    anchor: str = "start"
    color: str = INK
    bold: bool = False


class Placed(typing.NamedTuple):
    """A figure within a figure, moved to the right and down."""

    x: float
    y: float
    figure: "Figure"


class Figure(typing.NamedTuple):
    """Shapes in pixels, with the origin at the top left; the last is in front.

    Args:
        width: Float.
        height: Float.
        shapes: List of the shapes of this module, and of `Placed` figures.

    Example:

    >>> from darts_tf.visualize import figure, svg
    >>> dot = figure.Rectangle(0, 0, 4, 4, "#ff0000", radius=2)
    >>> print(svg.to_svg(figure.Figure(10, 10, [dot])).splitlines()[2])
    <rect x="0.0" y="0.0" width="4.0" height="4.0" rx="2.0" fill="#ff0000"/>
    """

    width: float
    height: float
    shapes: list[Rectangle | Wire | Line | Polygon | Text | Placed]


def text_width(text, size, bold=False):
    """Returns the room that a text needs in any usual font, in pixels."""
    return _WIDTH_OF_A_LETTER * size * len(text) * (1.08 if bold else 1)


def stack(figures):
    """Puts figures one below the other.

    Args:
        figures: List of `Figure`.

    Returns:
        A `Figure` as wide as the widest.
    """
    shapes, y = [], 0.0
    for one in figures:
        shapes.append(Placed(0.0, y, one))
        y += one.height
    return Figure(max(one.width for one in figures), y, shapes)


def titled(figure, title):
    """Puts a title above a figure.

    Args:
        figure: A `Figure`.
        title: String.

    Returns:
        A `Figure`, high and wide enough for both.
    """
    width = max(figure.width, 28 + text_width(title, 15, bold=True))
    heading = Text(14, 22, title, 15, "title", bold=True)
    return Figure(width, figure.height + 30, [heading, Placed(0, 30, figure)])
