"""Op weights as figures: a heat map of one epoch, curves over all epochs."""

from darts_tf.spaces import discretization
from darts_tf.visualize import chart
from darts_tf.visualize import figure as figure_lib

_ROW, _TOP, _LEFT = 20, 26, 62
_FONT_SIZE = 10
_PANEL = 170, 96
_DARK = (0, 68, 136)


def draw_op_weights(space, op_weights, cell_type):
    """Draws the op weights of a cell as a heat map.

    Each row is an edge, and each column is a primitive. The numbers of the
    nodes are those of the genotype, where the inputs come first. A frame marks
    what discretization keeps. The shades are relative to the largest op
    weight.

    Args:
        space: A `darts_tf.SearchSpace`.
        op_weights: Dictionary by cell type, as
            `darts_tf.DartsSearchModel.op_weights` returns.
        cell_type: String, the cell to draw.

    Returns:
        A `Figure`, for `to_svg` and `to_png`.

    Raises:
        ValueError: If the op weights do not fit the space.

    Example:

    >>> import darts_tf
    >>> from darts_tf import visualize
    >>> space = darts_tf.SearchSpace.recurrent(["none", "tanh", "relu"], 1)
    >>> figure = visualize.draw_op_weights(
    ...     space, {"recurrent": [[0.2, 0.3, 0.5]]}, "recurrent"
    ... )
    >>> "0.50" in visualize.to_svg(figure)
    True
    """
    kept = _kept(space, op_weights, cell_type)
    widths = [
        max(46, figure_lib.text_width(name, _FONT_SIZE) + 10)
        for name in space.primitives
    ]
    lefts = [_LEFT + sum(widths[:k]) for k in range(len(widths))]
    shapes = [
        figure_lib.Text(
            left + width / 2, 17, name, _FONT_SIZE, "column", "middle"
        )
        for left, width, name in zip(
            lefts, widths, space.primitives, strict=True
        )
    ]
    frames = []
    # Shades are relative: early in a search all op weights are alike.
    darkest = float(max(map(max, op_weights[cell_type])))
    for row, (source, target) in enumerate(space.edges):
        y = _TOP + row * _ROW
        shapes.append(
            figure_lib.Text(
                _LEFT - 8,
                y + 14,
                f"{source} -> {target}",
                _FONT_SIZE,
                "row",
                "end",
                bold=(source, target) in kept,
            )
        )
        for left, width, name, weight in zip(
            lefts,
            widths,
            space.primitives,
            op_weights[cell_type][row],
            strict=True,
        ):
            box = (left, y, width, _ROW)
            shapes.extend(_field(box, float(weight), darkest))
            if kept.get((source, target)) == name:
                frames.append(_frame(*box))
    return figure_lib.Figure(
        lefts[-1] + widths[-1] + 14,
        _TOP + _ROW * len(space.edges) + 12,
        shapes + frames,
    )


def draw_op_weight_curves(trace, cell_type):
    """Draws how the op weights changed, with a panel for each edge.

    Each row of panels is a node, and each column is the node from which the
    edge comes. A frame marks the edges that discretization keeps.

    Args:
        trace: A `SearchTrace`.
        cell_type: String, the cell to draw.

    Returns:
        A `Figure`, for `to_svg` and `to_png`.

    Example:

    >>> import darts_tf
    >>> from darts_tf import visualize
    >>> space = darts_tf.SearchSpace.recurrent(["none", "tanh", "relu"], 1)
    >>> trace = visualize.SearchTrace(
    ...     space, (0, 1), ({"recurrent": [[0.2, 0.4, 0.4]]},
    ...                     {"recurrent": [[0.2, 0.3, 0.5]]})
    ... )
    >>> figure = visualize.draw_op_weight_curves(trace, "recurrent")
    >>> "0 -&gt; 1: relu" in visualize.to_svg(figure)
    True
    """
    space = trace.space
    kept = _kept(space, trace.op_weights[-1], cell_type)
    values = trace.over_time(cell_type)
    high = min(1.0, float(values.max()) * 1.08)
    shapes = []
    for row, (source, target) in enumerate(space.edges):
        title = f"{source} -> {target}"
        if (source, target) in kept:
            title += f": {kept[source, target]}"
        panel = chart.draw_panel(
            title,
            trace.epochs,
            {
                name: values[:, row, column].tolist()
                for column, name in enumerate(space.primitives)
            },
            _PANEL,
            (0.0, high),
        )
        x, y = source * _PANEL[0], (target - space.num_inputs) * _PANEL[1]
        if (source, target) in kept:
            inner = (x + 2, y + 2, _PANEL[0] - 4, _PANEL[1] - 4)
            shapes.append(figure_lib.Rectangle(*inner, "#eef5fc", "#4a7fb5", 4))
        shapes.append(figure_lib.Placed(x, y, panel))
    width = _PANEL[0] * (space.nodes[-1])
    panels = figure_lib.Figure(width, _PANEL[1] * space.num_nodes, shapes)
    legend = chart.draw_legend(list(space.primitives), max(width, 340))
    return figure_lib.stack([legend, panels])


def _kept(space, op_weights, cell_type):
    """Returns the primitive of each edge that discretization keeps."""
    if cell_type not in space.cell_types:
        raise ValueError(
            f"`cell_type` must be one of {space.cell_types}. "
            f"Received: cell_type={cell_type!r}"
        )
    return {
        (choice.source, choice.node): choice.primitive
        for choice in discretization.explain(space, op_weights)
        if choice.cell_type == cell_type
    }


def _field(box, weight, darkest):
    """Yields a field, the darker the larger the weight, and its number."""
    left, top, width, height = box
    share = (weight / darkest) ** 2
    shade = [round(255 + share * (dark - 255)) for dark in _DARK]
    fill = "#" + "".join(f"{part:02x}" for part in shade)
    yield figure_lib.Rectangle(left, top, width, height, fill)
    yield figure_lib.Text(
        left + width / 2,
        top + 14,
        f"{weight:.2f}",
        _FONT_SIZE,
        "weight",
        "middle",
        "#ffffff" if share > 0.5 else figure_lib.INK,
    )


def _frame(left, top, width, height):
    color = "#d55e00"
    right, bottom = left + width, top + height
    corners = [
        (left, top),
        (right, top),
        (right, bottom),
        (left, bottom),
        (left, top),
    ]
    return figure_lib.Line(corners, color, 2)
