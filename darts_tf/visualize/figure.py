"""What a figure is made of, whatever format it is written in."""

import typing

INK = "#222222"
GROUND = "#ffffff"
# The hues of Okabe and Ito (2008), told apart also by readers who do not see
# all colours, so dark that each stands out from white by 4.5 to 1; the first is
# for what matters least.
PALETTE = (
    "#6b6b6b",
    "#0072b2",
    "#b84c00",
    "#00775a",
    "#a83f7c",
    "#8a6200",
    "#5b3a8c",
    "#a01c2c",
    "#222222",
)
# What a page in dark mode shows instead of each colour of a figure.
DARK = {
    INK: "#e8e8e8",
    GROUND: "#1c2127",
    "#6b6b6b": "#a8a8a8",
    "#0072b2": "#62b6f0",
    "#b84c00": "#ff9d5c",
    "#00775a": "#4fd0a5",
    "#a83f7c": "#ee9cc8",
    "#8a6200": "#e8bb4a",
    "#5b3a8c": "#b79cf0",
    "#a01c2c": "#ff8c94",
    "#e3e3e3": "#3a424b",  # grid lines
    "#666666": "#aab2bb",  # wires
    "#d5ecd4": "#234a2c",  # nodes, and their frames
    "#5b9a5a": "#6fb56d",
    "#d3e5f7": "#1f3f61",
    "#4a7fb5": "#6ea6df",
    "#fbeebb": "#51430f",
    "#b8962e": "#cdab43",
    "#eef5fc": "#22303f",  # the panel of an edge that is kept
}
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
        title: String, what a screen reader calls it. Defaults to `""`.
        description: String, what a screen reader says that it shows. Defaults
            to `""`.

    Example:

    >>> from darts_tf.visualize import figure, svg
    >>> dot = figure.Rectangle(0, 0, 4, 4, "#ff0000", radius=2)
    >>> print(svg.to_svg(figure.Figure(10, 10, [dot])).splitlines()[2])
    <rect x="0.0" y="0.0" width="4.0" height="4.0" rx="2.0" fill="#ff0000"/>
    """

    width: float
    height: float
    shapes: list[Rectangle | Wire | Line | Polygon | Text | Placed]
    title: str = ""
    description: str = ""


def text_width(text, size, bold=False):
    """Returns the room that a text needs in any usual font, in pixels."""
    return _WIDTH_OF_A_LETTER * size * len(text) * (1.08 if bold else 1)


def stack(figures):
    """Puts figures one below the other.

    Args:
        figures: List of `Figure`.

    Returns:
        A `Figure` as wide as the widest, which is called what they are.
    """
    shapes, y = [], 0.0
    for one in figures:
        shapes.append(Placed(0.0, y, one))
        y += one.height
    return Figure(
        max(one.width for one in figures),
        y,
        shapes,
        ", ".join(one.title for one in figures if one.title),
        " ".join(
            f"{one.title}: {one.description}" if one.title else one.description
            for one in figures
            if one.description
        ),
    )


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
    return Figure(
        width,
        figure.height + 30,
        [heading, Placed(0, 30, figure)],
        title,
        figure.description,
    )
