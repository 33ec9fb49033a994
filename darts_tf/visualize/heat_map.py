"""Numbers as shades of one scale, with a bar that explains the shades."""

import math

from darts_tf.visualize import figure as figure_lib

_ROW, _FONT_SIZE = 20, 10
_LIGHT, _DARK = (253, 253, 253), (0, 68, 136)
# Of black and white at least one stands out from any ground by 4.5 to 1. They
# are no colours of other texts: a page in dark mode leaves them as they are.
_BLACK, _WHITE = "#000000", "#fefefe"
_FRAME = "#b84c00"
_BAR_STEPS, _BAR_WIDTH = 40, 200


class Axis:
    """The rows or the columns of a heat map.

    Args:
        title: String, what they are.
        names: List of strings, one for each.
        bold: Collection of the positions of those in bold. Defaults to `()`.
    """

    def __init__(self, title, names, bold=()):
        self.title = title
        self.names = names
        self.bold = bold


def draw_heat_map(rows, columns, values, high, unit, texts=None, frames=()):
    """Draws a table of numbers, each the darker the larger it is.

    Args:
        rows: An `Axis`.
        columns: An `Axis`.
        values: Nested sequence of numbers from 0 to `high`, by row.
        high: Positive number, the end of the scale.
        unit: String, what the numbers are, for the colour bar.
        texts: Optional nested list of the strings in the fields. Defaults to
            `None`, the numbers with two digits.
        frames: Collection of pairs `(row, column)`, fields that get a frame.
            Defaults to `()`.

    Returns:
        A `Figure`.

    Example:

    >>> from darts_tf.visualize import heat_map
    >>> figure = heat_map.draw_heat_map(
    ...     heat_map.Axis("edge", ["0 -> 1"]),
    ...     heat_map.Axis("operation", ["tanh", "relu"]),
    ...     [[0.25, 0.75]],
    ...     high=1.0,
    ...     unit="op weight",
    ... )
    >>> round(figure.height)
    108
    """
    left = 14 + max(
        figure_lib.text_width(text, _FONT_SIZE)
        for text in (*rows.names, rows.title)
    )
    widths = [
        max(38, figure_lib.text_width(name, _FONT_SIZE) + 10)
        for name in columns.names
    ]
    lefts = [left + sum(widths[:k]) for k in range(len(widths))]
    top = 40
    shapes = [
        figure_lib.Text(left, 13, columns.title, _FONT_SIZE, "axis"),
        figure_lib.Text(left - 8, 33, rows.title, _FONT_SIZE, "axis", "end"),
    ]
    for place, name in enumerate(columns.names):
        middle = lefts[place] + widths[place] / 2
        bold = place in columns.bold
        shapes.append(
            figure_lib.Text(
                middle, 33, name, _FONT_SIZE, "column", "middle", bold=bold
            )
        )
    edges = []
    for row, name in enumerate(rows.names):
        y = top + row * _ROW
        shapes.append(
            figure_lib.Text(
                left - 8,
                y + 14,
                name,
                _FONT_SIZE,
                "row",
                "end",
                bold=row in rows.bold,
            )
        )
        for column, x in enumerate(lefts):
            value = float(values[row][column])
            box = (x, y, widths[column], _ROW)
            text = f"{value:.2f}" if texts is None else texts[row][column]
            shapes.extend(_field(box, value / high, text))
            if (row, column) in frames:
                edges.append(_frame(*box))
    bottom = top + _ROW * len(rows.names)
    bar = _bar(left, bottom + 14, high, unit)
    beside = 8 + figure_lib.text_width(unit, _FONT_SIZE)
    width = max(lefts[-1] + widths[-1], left + _BAR_WIDTH + beside) + 14
    return figure_lib.Figure(width, bottom + 48, [*shapes, *edges, *bar])


def round_up(value):
    """Returns a round number that is not smaller, to end a scale with.

    Example:

    >>> from darts_tf.visualize import heat_map
    >>> heat_map.round_up(0.31), heat_map.round_up(36)
    (0.35, 40)
    """
    if not value > 0:
        return 1.0
    step = 10.0 ** math.floor(math.log10(value)) / 2
    rounded = math.ceil(value / step - 1e-9) * step
    return int(rounded) if rounded >= 10 else round(rounded, 9)


def _field(box, share, text):
    """Yields a field, the darker the larger the share, and its text."""
    left, top, width, height = box
    fill = shade(share)
    yield figure_lib.Rectangle(left, top, width, height, fill)
    yield figure_lib.Text(
        left + width / 2,
        top + 14,
        text,
        _FONT_SIZE,
        "weight",
        "middle",
        ink_on(fill),
    )


def shade(share):
    """Returns the colour of a share of the scale, from 0 to 1."""
    # Squared: small numbers, which are many, recede.
    share = min(max(share, 0.0), 1.0) ** 2
    parts = [
        round(light + share * (dark - light))
        for light, dark in zip(_LIGHT, _DARK, strict=True)
    ]
    return "#" + "".join(f"{part:02x}" for part in parts)


def ink_on(fill):
    """Returns the colour of a text that stands out from a ground."""
    # The ground that is equally far from black and white, by WCAG 2.
    return _BLACK if luminance(fill) > 0.179 else _WHITE


def luminance(color):
    """Returns the relative luminance of a colour, as WCAG 2 defines it.

    Args:
        color: String, `"#rrggbb"`.

    Example:

    >>> from darts_tf.visualize import heat_map
    >>> round(heat_map.luminance("#ffffff"), 6)
    1.0
    """
    parts = [int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [
        p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4
        for p in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _bar(left, top, high, unit):
    """Yields the colour bar: the shades, three numbers and what they are."""
    step = _BAR_WIDTH / _BAR_STEPS
    for k in range(_BAR_STEPS):
        fill = shade(k / (_BAR_STEPS - 1))
        # A hair wider than the step, so that no gap shines through.
        yield figure_lib.Rectangle(left + k * step, top, step + 0.5, 10, fill)
    for share, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end")):
        x = left + share * _BAR_WIDTH
        number = f"{share * high:g}"
        yield figure_lib.Text(x, top + 21, number, _FONT_SIZE, "tick", anchor)
    yield figure_lib.Text(
        left + _BAR_WIDTH + 8, top + 9, unit, _FONT_SIZE, "axis"
    )


def _frame(left, top, width, height):
    right, bottom = left + width, top + height
    corners = [
        (left, top),
        (right, top),
        (right, bottom),
        (left, bottom),
        (left, top),
    ]
    return figure_lib.Line(corners, _FRAME, 2)
