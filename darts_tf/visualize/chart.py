"""Curves over the epochs."""

import math

from darts_tf.visualize import figure as figure_lib

_LEFT, _RIGHT, _TOP, _BOTTOM = 42, 14, 28, 22
_TITLE_HEIGHT = 14  # of an axis
_GRID = "#e3e3e3"
_FONT_SIZE = 10


def draw_chart(
    title,
    epochs,
    series,
    size=(330, 200),
    limits=None,
    unit="",
    mark=None,
    colors=None,
):
    """Draws numbers as curves over the epochs.

    The axes have titles. If there are several curves, a legend names them.

    Args:
        title: String.
        epochs: List of integers, ascending.
        series: Dictionary from the name of each curve to its values, one for
            each epoch; `None` and numbers that are not finite leave a gap.
        size: Tuple of integers, width and height in pixels without the
            legend. Defaults to `(330, 200)`.
        limits: Optional tuple, the ends of the vertical axis. Defaults to
            `None`: the smallest and the largest value, with some room.
        unit: String, of the numbers. Defaults to `""`, none.
        mark: Optional tuple of an epoch and a text, which stands at a line
            through it. Defaults to `None`.
        colors: Optional dictionary from the name of each curve to its colour.
            Defaults to `None`: those of the palette, in the order of the
            curves. With colours of its own a single curve is named, too.

    Returns:
        A `Figure`, for `to_svg` and `to_png`.

    Raises:
        ValueError: If a curve does not have a value for each epoch, or no
            value is finite.

    Example:

    >>> from darts_tf import visualize
    >>> series = {"training": [2.3, 1.1, 0.6], "validation": [2.4, 1.5, 1.2]}
    >>> figure = visualize.draw_chart("loss", [1, 2, 3], series)
    >>> "validation" in visualize.to_svg(figure)
    True
    """
    vertical = f"{title} ({unit})" if unit else title
    axes = "epoch", vertical
    parts = [
        draw_panel(title, epochs, series, size, limits, axes, mark, colors)
    ]
    if len(series) > 1 or colors:
        parts.append(draw_legend(list(series), size[0], colors))
    return figure_lib.stack(parts)._replace(
        title=f"{vertical} over the epochs",
        description=_describe(epochs, series),
    )


def draw_panel(
    title,
    epochs,
    series,
    size,
    limits=None,
    axes=None,
    mark=None,
    colors=None,
):
    """Draws a chart as `draw_chart` does, without the legend.

    The titles of the axes, horizontal and vertical, are optional.
    """
    for name, values in series.items():
        if len(values) != len(epochs):
            raise ValueError(
                "Each curve must have a value for each epoch. Received: "
                f"{len(values)} of {name!r} for {len(epochs)} epochs"
            )
    plot = _Plot(
        size,
        (min(epochs), max(epochs)),
        limits or _limits(series),
        0 if axes is None else _TITLE_HEIGHT,
    )
    # The title of the vertical axis says what the chart shows.
    heading = title if axes is None else axes[1]
    shapes = [
        figure_lib.Text(8, 16, heading, 11, "title", bold=True),
        *plot.axes(),
    ]
    if axes is not None:
        shapes.append(
            figure_lib.Text(
                plot.right, size[1] - 6, axes[0], _FONT_SIZE, "axis", "end"
            )
        )
    if mark is not None:
        shapes.extend(plot.mark(*mark))
    names = list(series)
    for name in names:
        color = colors[name] if colors else color_of(name, names)
        shapes.extend(plot.curve(epochs, series[name], color))
    return figure_lib.Figure(*size, shapes)


def _describe(epochs, series):
    """Says in words from where to where each curve goes."""
    sentences = []
    for name, values in series.items():
        known = [
            (epoch, value)
            for epoch, value in zip(epochs, values, strict=True)
            if value is not None and math.isfinite(value)
        ]
        if known:
            (first, start), (last, end) = known[0], known[-1]
            sentences.append(
                f"{name}: {start:.4g} after epoch {first}, {end:.4g} after "
                f"epoch {last}"
            )
    return "; ".join(sentences) + "."


def draw_legend(names, width, colors=None):
    """Draws the colour and the name of each curve, in as many rows as needed.

    Args:
        names: List of strings.
        width: Float, in pixels.
        colors: Optional dictionary from the names to colours. Defaults to
            `None`, those of the palette.

    Returns:
        A `Figure`.
    """
    shapes, x, y = [], 12.0, 14.0
    for name in names:
        room = 34 + figure_lib.text_width(name, 11)
        if x > 12 and x + room > width:
            x, y = 12.0, y + 18
        color = colors[name] if colors else color_of(name, names)
        shapes.append(
            figure_lib.Line([(x, y - 4), (x + 16, y - 4)], color, 2.5)
        )
        shapes.append(figure_lib.Text(x + 21, y, name, 11, "legend"))
        x += room
    return figure_lib.Figure(width, y + 10, shapes)


def color_of(name, names):
    """Returns the colour of a curve among others; `none` is always grey."""
    others = [other for other in names if other != "none"]
    if name == "none":
        return figure_lib.PALETTE[0]
    colors = figure_lib.PALETTE[1:]
    return colors[others.index(name) % len(colors)]


class _Plot:
    """The area of the curves, and where a value stands in it."""

    def __init__(self, size, epochs, limits, room_below):
        self.left, self.top = _LEFT, _TOP
        self.right = size[0] - _RIGHT
        self.bottom = size[1] - _BOTTOM - room_below
        self.epochs = epochs
        self.limits = limits

    def x(self, epoch):
        first, last = self.epochs
        share = (epoch - first) / (last - first) if last > first else 0.5
        return self.left + share * (self.right - self.left)

    def y(self, value):
        low, high = self.limits
        share = (value - low) / (high - low)
        return self.bottom - share * (self.bottom - self.top)

    def axes(self):
        """Yields grid lines and the numbers at them."""
        for value in ticks(*self.limits, 4):
            y = self.y(value)
            yield figure_lib.Line([(self.left, y), (self.right, y)], _GRID, 1)
            yield figure_lib.Text(
                self.left - 5, y + 3.5, f"{value:g}", _FONT_SIZE, "tick", "end"
            )
        for value in ticks(*self.epochs, 6):
            if value == int(value):
                yield figure_lib.Text(
                    self.x(value),
                    self.bottom + 14,
                    f"{value:g}",
                    _FONT_SIZE,
                    "tick",
                    "middle",
                )

    def mark(self, epoch, text):
        """Yields a line through an epoch, and its text."""
        x = self.x(epoch)
        color = figure_lib.PALETTE[0]
        yield figure_lib.Line([(x, self.top), (x, self.bottom)], color, 1)
        is_left = x > (self.left + self.right) / 2
        yield figure_lib.Text(
            x + (-4 if is_left else 4),
            self.bottom - 5,
            text,
            _FONT_SIZE,
            "mark",
            "end" if is_left else "start",
        )

    def curve(self, epochs, values, color):
        """Yields the pieces of a curve between its gaps."""
        piece = []
        for epoch, value in [*zip(epochs, values, strict=True), (0, None)]:
            if value is not None and math.isfinite(value):
                piece.append((self.x(epoch), self.y(value)))
                continue
            if len(piece) == 1:  # a line of one point cannot be seen
                [(x, y)] = piece
                yield figure_lib.Line([(x - 2.5, y), (x + 2.5, y)], color, 5)
            elif piece:
                yield figure_lib.Line(piece, color, 1.8)
            piece = []


def ticks(low, high, count):
    """Returns round numbers from low to high, about as many as asked for.

    Example:

    >>> from darts_tf.visualize import chart
    >>> chart.ticks(0.0, 1.0, 4)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    if not high > low:
        return [low]
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(f * power for f in (1, 2, 5, 10) if f * power >= rough * 0.7)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(k * step, 12) for k in range(first, last + 1)]


def _limits(series):
    finite = [
        value
        for values in series.values()
        for value in values
        if value is not None and math.isfinite(value)
    ]
    if not finite:
        raise ValueError(
            "A chart must have a finite number to draw. "
            f"Received: none in {list(series)}"
        )
    low, high = min(finite), max(finite)
    room = (high - low) * 0.05 or abs(high) * 0.1 or 1.0
    return low - room, high + room
