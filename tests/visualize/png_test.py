"""The pixels say what the figure says: colours, places, sizes."""

import io

import numpy as np
import pytest
from PIL import Image
from PIL import ImageFont

from darts_tf import visualize
from darts_tf.spaces import zoo
from darts_tf.visualize import cell_layout
from darts_tf.visualize import figure as figure_lib
from darts_tf.visualize import png


def test_shapes_stand_where_they_should():
    inner = figure_lib.Figure(
        10, 10, [figure_lib.Rectangle(1, 2, 4, 3, "#ff0000")]
    )
    figure = figure_lib.Figure(20, 20, [figure_lib.Placed(5, 6, inner)])
    pixels = visualize.to_pixels(figure, scale=2.0)
    assert pixels.shape == (40, 40, 3)
    assert pixels.dtype == np.uint8
    # Pillow includes the right and lower pixel of a rectangle, which is half
    # a pixel of the result: look inside and outside of that seam.
    assert (pixels[17:21, 13:19] == (255, 0, 0)).all()
    assert (pixels[:15] == 255).all()
    assert (pixels[24:] == 255).all()
    assert (pixels[:, :11] == 255).all()
    assert (pixels[:, 22:] == 255).all()


@pytest.mark.parametrize("name", ["DARTS_V2", "RECURRENT_DARTS_V1"])
def test_nodes_and_labels_of_a_cell_are_drawn(name):
    cell = next(iter(zoo.get(name).cells.values()))
    layout = cell_layout.layout_cell(cell)
    pixels = visualize.to_pixels(visualize.draw_cell(cell), scale=2.0)
    assert pixels.shape[:2] == (
        round(2 * layout.height),
        round(2 * layout.width),
    )
    for box in layout.nodes:  # the corner of its fill, beside the text
        row, column = int(2 * (box.y - 10)), int(2 * (box.x - 12))
        red, green, blue = (int(part) for part in pixels[row, column])
        strongest = {"input": green, "intermediate": blue, "output": red}
        assert strongest[box.kind] == max(red, green, blue) < 255
    for box in layout.labels:  # ink, within the box
        top, left = int(2 * (box.y - 8)), int(2 * (box.x - box.width / 2))
        field = pixels[top : top + 32, left : left + int(2 * box.width)]
        assert (field < 120).any(), box.text


@pytest.mark.parametrize("name", zoo.names())
def test_each_text_has_room_in_its_box(name):
    for cell in zoo.get(name).cells.values():
        layout = cell_layout.layout_cell(cell)
        for box in layout.labels:
            font = ImageFont.load_default(cell_layout.LABEL_FONT_SIZE)
            assert font.getlength(box.text) < box.width


def test_a_file_holds_the_same_pixels():
    figure = visualize.draw_cell(zoo.get("DARTS_V2").normal)
    image = Image.open(io.BytesIO(visualize.to_png(figure, 1.0)))
    np.testing.assert_array_equal(
        np.asarray(image), visualize.to_pixels(figure, 1.0)
    )


def test_a_dashed_wire_has_gaps():
    def dark(dashed):
        wire = figure_lib.Wire([(0, 90, 5)], "#000000", 2.0, dashed)
        figure = figure_lib.Figure(90, 10, [wire])
        return (visualize.to_pixels(figure, 1.0)[5, :, 0] < 128).sum()

    assert dark(False) == 90
    # 6 pixels drawn of every 9; the ends of each dash blend with the gap.
    assert 60 <= dark(True) <= 75


@pytest.mark.parametrize("scale", [0.0, -1.0, 1000.0])
def test_a_size_that_cannot_be_is_refused(scale):
    figure = figure_lib.Figure(100, 100, [])
    with pytest.raises(ValueError, match="scale="):
        visualize.to_png(figure, scale)


def test_the_bends_are_those_of_the_svg():
    # The middle of a symmetric cubic curve is the middle of its ends.
    points = np.array(png._curve([(0, 10, 0), (30, 40, 20)]))
    middle = points[np.abs(points[:, 0] - 20).argmin()]
    np.testing.assert_allclose(middle, (20, 10), atol=1e-9)  # float64
