"""Figures as pixels; no drawing program is needed."""

import io
import itertools

import numpy as np
from PIL import Image
from PIL import ImageDraw
from PIL import ImageFont

from darts_tf.visualize import figure as figure_lib

# Drawn this much larger and then shrunk, which makes smooth edges.
_OVERSAMPLING = 2
_MAX_PIXELS = 40_000_000
_ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}
_DASH = 6, 3  # pixels drawn, pixels left out


def to_png(figure, scale=2.0):
    r"""Writes a figure as PNG.

    Args:
        figure: A `Figure`, such as `draw_genotype` returns.
        scale: Float, pixels of the image for each unit of the figure, where
            letters have the usual size at 1. Defaults to `2.0`.

    Returns:
        Bytes, a PNG file.

    Raises:
        ValueError: If the image would have no pixel, or far too many.

    Example:

    >>> from darts_tf.spaces import zoo
    >>> from darts_tf import visualize
    >>> figure = visualize.draw_genotype(zoo.get("DARTS_V2"))
    >>> visualize.to_png(figure)[:8]
    b'\x89PNG\r\n\x1a\n'
    """
    file = io.BytesIO()
    to_image(figure, scale).save(file, format="PNG", optimize=True)
    return file.getvalue()


def to_pixels(figure, scale=1.0):
    """Returns the pixels of a figure as an array.

    Args:
        figure: A `Figure`.
        scale: Float, as for `to_png`. Defaults to `1.0`.

    Returns:
        NumPy array of shape `(height, width, 3)` and type `uint8`.

    Raises:
        ValueError: If the image would have no pixel, or far too many.

    Example:

    >>> from darts_tf.spaces import zoo
    >>> from darts_tf import visualize
    >>> figure = visualize.draw_cell(zoo.get("DARTS_V2").normal)
    >>> visualize.to_pixels(figure, scale=0.5).shape
    (95, 274, 3)
    """
    return np.asarray(to_image(figure, scale))


def to_image(figure, scale):
    """Returns a figure as a `PIL.Image`, as `to_png` writes it."""
    size = round(figure.width * scale), round(figure.height * scale)
    if min(size) < 1 or size[0] * size[1] > _MAX_PIXELS:
        raise ValueError(
            f"An image must have from 1 to {_MAX_PIXELS} pixels. Received: "
            f"scale={scale}, which gives {size[0]} x {size[1]}"
        )
    large = [length * _OVERSAMPLING for length in size]
    image = Image.new("RGB", large, "#ffffff")
    painter = _Painter(ImageDraw.Draw(image), scale * _OVERSAMPLING)
    painter.paint(figure.shapes, 0.0, 0.0)
    return image.reduce(_OVERSAMPLING)


class _Painter:
    """Draws shapes, `zoom` pixels for each unit."""

    def __init__(self, draw, zoom):
        self.draw = draw
        self.zoom = zoom

    def paint(self, shapes, x, y):
        """Draws shapes, moved to the right and down."""
        for shape in shapes:
            if isinstance(shape, figure_lib.Placed):
                self.paint(shape.figure.shapes, x + shape.x, y + shape.y)
            else:
                _PAINTERS[type(shape)](self, shape, x, y)

    def _points(self, points, x, y):
        zoom = self.zoom
        return [((a + x) * zoom, (b + y) * zoom) for a, b in points]

    def _width(self, width):
        return max(1, round(width * self.zoom))

    def _rectangle(self, shape, x, y):
        corners = [
            (shape.left, shape.top),
            (shape.left + shape.width, shape.top + shape.height),
        ]
        self.draw.rounded_rectangle(
            self._points(corners, x, y),
            shape.radius * self.zoom,
            shape.fill,
            shape.stroke,
            self._width(1.2) if shape.stroke else 0,
        )

    def _wire(self, shape, x, y):
        points = _curve(shape.pieces)
        for piece in _dashes(points) if shape.dashed else [points]:
            self._polyline(piece, shape, x, y)

    def _line(self, shape, x, y):
        self._polyline(shape.points, shape, x, y)

    def _polyline(self, points, shape, x, y):
        self.draw.line(
            self._points(points, x, y),
            shape.color,
            self._width(shape.width),
            joint="curve",
        )

    def _polygon(self, shape, x, y):
        self.draw.polygon(self._points(shape.points, x, y), shape.fill)

    def _text(self, shape, x, y):
        [point] = self._points([(shape.x, shape.baseline)], x, y)
        self.draw.text(
            point,
            shape.text,
            shape.color,
            ImageFont.load_default(shape.size * self.zoom),
            _ANCHORS[shape.anchor],
            # There is no bold font at hand that comes with Pillow.
            stroke_width=round(shape.size * self.zoom / 50) * shape.bold,
            stroke_fill=shape.color,
        )


_PAINTERS = {
    figure_lib.Rectangle: _Painter._rectangle,
    figure_lib.Wire: _Painter._wire,
    figure_lib.Line: _Painter._line,
    figure_lib.Polygon: _Painter._polygon,
    figure_lib.Text: _Painter._text,
}


def _curve(pieces):
    """Returns points of a wire; its bends are cubic Bezier curves."""
    left, right, y = pieces[0]
    points = [(left, y), (right, y)]
    for (_, start, above), (end, right, below) in itertools.pairwise(pieces):
        middle = (start + end) / 2
        for t in np.linspace(0, 1, 17)[1:]:
            a, b = (1 - t) ** 3, 3 * t * (1 - t) ** 2
            c, d = 3 * t**2 * (1 - t), t**3
            points.append(
                (
                    a * start + (b + c) * middle + d * end,
                    (a + b) * above + (c + d) * below,
                )
            )
        points.append((right, below))
    return points


def _dashes(points):
    """Cuts a line into pieces, with gaps between them."""
    pieces, piece, drawn, left = [], [points[0]], True, float(_DASH[0])
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        length, done = float(np.hypot(x1 - x0, y1 - y0)), 0.0
        while length - done > left:
            done += left
            share = done / length
            point = x0 + share * (x1 - x0), y0 + share * (y1 - y0)
            if drawn:
                pieces.append([*piece, point])
            piece, drawn = [point], not drawn
            left = float(_DASH[0 if drawn else 1])
        left -= length - done
        piece.append((x1, y1))
    return [*pieces, piece] if drawn else pieces
