import math
from xml.etree import ElementTree

import pytest

from darts_tf import visualize
from darts_tf.visualize import chart

SVG = "{http://www.w3.org/2000/svg}"


def curves(figure):
    """Returns the points of each curve; grid lines are level."""
    root = ElementTree.fromstring(visualize.to_svg(figure))
    lines = [
        [
            tuple(map(float, point.split(",")))
            for point in e.get("points").split()
        ]
        for e in root.iter(SVG + "polyline")
    ]
    return [points for points in lines if len({y for _, y in points}) > 1]


def test_values_are_drawn_in_proportion():
    figure = visualize.draw_chart("loss", [1, 2, 5], {"loss": [3.0, 2.0, 1.0]})
    [points] = curves(figure)
    (x0, y0), (x1, y1), (x2, y2) = points
    # Coordinates are written with one digit behind the point.
    assert (x1 - x0) / (x2 - x0) == pytest.approx(1 / 4, abs=1e-3)
    assert (y1 - y0) / (y2 - y0) == pytest.approx(1 / 2, abs=1e-3)
    assert y0 < y2  # the larger value stands higher


@pytest.mark.parametrize("missing", [None, math.nan, math.inf])
def test_a_missing_value_is_a_gap(missing):
    values = [1.0, 2.0, missing, 4.0, 5.0]
    figure = visualize.draw_chart("loss", [1, 2, 3, 4, 5], {"loss": values})
    assert [len(points) for points in curves(figure)] == [2, 2]


def test_one_epoch_and_equal_values_can_be_drawn():
    visualize.draw_chart("loss", [1], {"loss": [0.0], "other": [0.0]})


@pytest.mark.parametrize(
    ("series", "message"),
    [
        ({"loss": [1.0]}, "1 of 'loss' for 2 epochs"),
        ({"loss": [None, None]}, "none in"),
        ({}, "none in"),
    ],
)
def test_what_cannot_be_drawn_is_refused(series, message):
    with pytest.raises(ValueError, match=message):
        visualize.draw_chart("loss", [1, 2], series)


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (0.013, 0.0131), (-5, 2000), (0, 600), (1, 2)]
)
def test_ticks_are_few_round_and_inside(low, high):
    found = chart.ticks(low, high, 4)
    assert 2 <= len(found) <= 8
    assert low - 1e-9 <= found[0] < found[-1] <= high + 1e-9
    step = found[1] - found[0]
    first_digit = step / 10 ** math.floor(math.log10(step) + 1e-9)
    assert round(first_digit, 6) in (1, 2, 5)


def test_none_is_grey_and_others_differ():
    names = ["none", "a", "b", "c"]
    colors = [chart.color_of(name, names) for name in names]
    assert len(set(colors)) == 4
    assert colors[0] == chart.color_of("none", ["x", "none"])
