"""Two genotypes in one figure, which marks what differs."""

import collections

from darts_tf.spaces import genotype as genotype_lib
from darts_tf.visualize import cell_graph
from darts_tf.visualize import cells
from darts_tf.visualize import figure as figure_lib

_BOTH = cells.Look()
_FIRST = cells.Look("#b84c00", 2.0, True, "first")
_SECOND = cells.Look("#0072b2", 2.0, False, "second")


def draw_comparison(first, second, names=("first", "second")):
    """Draws two genotypes over one another.

    Edges of both genotypes are thin and grey, edges of the first alone are
    orange and dashed, and edges of the second alone are blue. Nodes are
    compared by their number. If only the structure matters, compare the
    `canonical` forms.

    Args:
        first: A `darts_tf.Genotype`.
        second: A `darts_tf.Genotype` of the same kind.
        names: Tuple of two strings, for the legend. Defaults to
            `("first", "second")`.

    Returns:
        A `Figure`, for `to_svg` and `to_png`.

    Raises:
        ValueError: If the genotypes do not have the same types of cells.

    Example:

    >>> from darts_tf.spaces import zoo
    >>> from darts_tf import visualize
    >>> figure = visualize.draw_comparison(
    ...     zoo.get("DARTS_V1"), zoo.get("DARTS_V2"), ("V1", "V2")
    ... )
    >>> visualize.to_svg(figure).count('class="first"')
    5
    """
    pairs = list(zip(first.cells.items(), second.cells.items(), strict=False))
    if tuple(first.cells) != tuple(second.cells) or any(
        one.num_inputs != other.num_inputs for (_, one), (_, other) in pairs
    ):
        raise ValueError(
            "The genotypes must have cells of the same types and numbers of "
            f"inputs. Received: {tuple(first.cells)} and {tuple(second.cells)}"
        )
    figures = [_legend(names)]
    for (cell_type, one), (_, other) in pairs:
        union = _union(one, other)
        figures.append(
            figure_lib.titled(
                cells.draw_edges(union, _looks(union, one, other)),
                f"{cell_type} cell",
            )
        )
    return figure_lib.stack(figures)._replace(
        title=f"{names[0]} and {names[1]}",
        description=" ".join(
            f"{name}, {cell_type} cell: {cells.describe(cell)}"
            for name, genotype in zip(names, (first, second), strict=True)
            for cell_type, cell in genotype.cells.items()
        ),
    )


def _union(one, other):
    """Returns a cell with the edges of both, those of the first in front."""
    nodes = []
    for k in range(max(len(one.nodes), len(other.nodes))):
        edges = list(one.nodes[k]) if k < len(one.nodes) else []
        further = collections.Counter(
            other.nodes[k] if k < len(other.nodes) else ()
        )
        further.subtract(edges)
        edges += list((+further).elements())
        nodes.append(tuple(edges))
    concat = tuple(sorted({*one.concat, *other.concat}))
    return genotype_lib.Cell(tuple(nodes), concat, one.num_inputs)


def _looks(union, one, other):
    """Returns how each edge of the graph of the union looks."""
    left = [_edges(cell, union) for cell in (one, other)]
    looks = []
    for edge in cell_graph.cell_graph(union).edges:
        owners = [edges[edge] > 0 for edges in left]
        for edges in left:
            edges[edge] -= 1
        looks.append(_BOTH if all(owners) else _FIRST if owners[0] else _SECOND)
    return looks


def _edges(cell, union):
    """Counts the edges of a cell, with the node numbers of the union."""
    graph = cell_graph.cell_graph(cell)
    output, there = len(graph.nodes) - 1, cell_graph.cell_graph(union)
    return collections.Counter(
        edge._replace(target=len(there.nodes) - 1)
        if edge.target == output
        else edge
        for edge in graph.edges
    )


def _legend(names):
    shapes, x = [], 14.0
    for look, text in (
        (_BOTH, "in both"),
        (_FIRST, f"only in {names[0]}"),
        (_SECOND, f"only in {names[1]}"),
    ):
        shapes.append(
            figure_lib.Wire(
                [(x, x + 30, 16)], look.color, look.width, look.dashed, "legend"
            )
        )
        shapes.append(figure_lib.Text(x + 37, 20, text, 12, "legend"))
        x += 60 + figure_lib.text_width(text, 12)
    return figure_lib.Figure(x, 30, shapes)
