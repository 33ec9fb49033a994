"""Op weights as figures: a heat map of one epoch, curves over all epochs."""

from darts_tf.spaces import discretization
from darts_tf.visualize import chart
from darts_tf.visualize import figure as figure_lib
from darts_tf.visualize import heat_map

_PANEL = 170, 96


def draw_op_weights(space, op_weights, cell_type):
    """Draws the op weights of a cell as a heat map.

    Each row is an edge, and each column is a primitive. The numbers of the
    nodes are those of the genotype, where the inputs come first. A frame marks
    what discretization keeps. The shades are relative to the largest op weight
    of all cells; a colour bar explains them.

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
    edges = list(space.edges)
    rows = heat_map.Axis(
        "edge",
        [f"{source} -> {target}" for source, target in edges],
        bold={row for row, edge in enumerate(edges) if edge in kept},
    )
    # One scale for all cells, whose shades can then be compared. It is
    # relative: early in a search all op weights are alike.
    largest = max(float(max(map(max, each))) for each in op_weights.values())
    figure = heat_map.draw_heat_map(
        rows,
        heat_map.Axis("operation", list(space.primitives)),
        op_weights[cell_type],
        heat_map.round_up(largest),
        "op weight",
        frames={
            (row, space.primitives.index(kept[edge]))
            for row, edge in enumerate(edges)
            if edge in kept
        },
    )
    said = []
    for (source, target), primitive in kept.items():
        weight = max(op_weights[cell_type][edges.index((source, target))])
        said.append(f"{source} to {target}: {primitive}, {float(weight):.2f}")
    return figure._replace(
        title=f"Op weights of the {cell_type} cell",
        description=f"The edges that are kept: {'; '.join(said)}.",
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
    axes = figure_lib.Text(
        12, 12, "upwards: op weight; to the right: epoch", 10, "axis"
    )
    return figure_lib.stack(
        [legend, figure_lib.Figure(340, 20, [axes]), panels]
    )._replace(
        title=f"Op weights of the {cell_type} cell over the epochs",
        description="At the end the edges that are kept have: "
        + "; ".join(
            f"{source} to {target}: {primitive}"
            for (source, target), primitive in kept.items()
        )
        + ".",
    )


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
