"""Where the nodes, labels and wires of a cell's figure stand.

Everything stands in columns: the nodes by the length of the longest path that
leads to them, and each label in a column of its own kind just before the node
that its edge enters. An edge that runs on through a column takes a place in it
like a node or a label does. Things of one column keep their distance, and all
bending happens between columns, so nothing can overlap.
"""

import itertools
import typing

from darts_tf.visualize import cell_graph as cell_graph_lib
from darts_tf.visualize import columns as columns_lib
from darts_tf.visualize import figure as figure_lib

FONT_SIZE = 13
LABEL_FONT_SIZE = 11
_NODE_SIZE = (34, 30)
_LABEL_HEIGHT = 18
_PASSAGE_HEIGHT = 6
_PORT_DISTANCE = 7
_MARGIN = 14


class Box(typing.NamedTuple):
    """A node or a label: its centre, its size, its text and its kind.

    The kind is that of the node, or `"label"`.
    """

    x: float
    y: float
    width: float
    height: float
    text: str
    kind: str


class CellLayout(typing.NamedTuple):
    """The figure of a cell, in pixels, with the origin at the top left.

    Nodes, labels and wires come in the order of the graph's nodes, labelled
    edges and edges. Each wire is a list of level pieces `(left, right, y)`;
    between two pieces it bends.
    """

    width: float
    height: float
    nodes: list[Box]
    labels: list[Box]
    wires: list[list[tuple[float, float, float]]]


def layout_cell(cell):
    """Lays out the figure of a cell.

    Args:
        cell: A `Cell` of a genotype.

    Returns:
        A `CellLayout`. No two of its boxes overlap, and no wire touches a box
        other than those of its own edge.

    Example:

    >>> from darts_tf.spaces import zoo
    >>> from darts_tf.visualize import cell_layout
    >>> cell = zoo.get("DARTS_V2").normal
    >>> layout = cell_layout.layout_cell(cell)
    >>> len(layout.nodes), len(layout.labels), len(layout.wires)
    (7, 8, 12)

    Reference:
        Sugiyama, Tagawa and Toda, "Methods for visual understanding of
        hierarchical system structures", 1981: columns, then order, then
        position.
    """
    graph = cell_graph_lib.cell_graph(cell)
    nodes, chains, columns = _place_in_columns(graph)
    items = list(itertools.chain.from_iterable(columns))
    labels = [chain[-2] for chain in chains if chain[-2].kind == "label"]
    columns_lib.order(columns)
    if nodes[0].rank > nodes[1].rank:  # c_{k-2} stands above c_{k-1}
        columns_lib.turn_over(columns)
    columns_lib.set_heights(columns, chains)
    top = min(item.y - item.height / 2 for item in items)
    for item in items:
        item.y += _MARGIN - top
    bounds = _horizontal_bounds(columns)
    centers = [(left + right) / 2 for left, right in bounds]

    def box(item):
        x = centers[item.column]
        return Box(x, item.y, item.width, item.height, item.text, item.kind)

    return CellLayout(
        bounds[-1][1] + _MARGIN,
        max(item.y + item.height / 2 for item in items) + _MARGIN,
        [box(node) for node in nodes],
        [box(label) for label in labels],
        [_wire(chain, bounds, centers) for chain in chains],
    )


def _place_in_columns(graph):
    """Returns the items of the nodes, those of each edge, and the columns."""
    depths = _depths(graph)
    # A column of labels lies before a column of nodes, where it has any.
    keys = {(depth, 1) for depth in depths}
    keys |= {(depths[e.target], 0) for e in graph.edges if e.label is not None}
    number = {key: position for position, key in enumerate(sorted(keys))}
    nodes = [
        _node_item(graph, position, number[depth, 1])
        for position, depth in enumerate(depths)
    ]
    chains = [
        [
            nodes[edge.source],
            *_inner_items(
                edge.label,
                nodes[edge.source].column + 1,
                nodes[edge.target].column,
            ),
            nodes[edge.target],
        ]
        for edge in graph.edges
    ]
    columns = [[] for _ in number]
    for item in nodes + [item for chain in chains for item in chain[1:-1]]:
        columns[item.column].append(item)
    for chain in chains:
        for left, right in itertools.pairwise(chain):
            left.join(right)
    return nodes, chains, columns


def _node_item(graph, position, column):
    """Makes a node large enough for its text and its wires."""
    text, kind = graph.nodes[position]
    letters = text.replace("_{", "").replace("}", "")
    width = figure_lib.text_width(letters, FONT_SIZE) + 12
    wires_in = sum(edge.target == position for edge in graph.edges)
    wires_out = sum(edge.source == position for edge in graph.edges)
    height = _PORT_DISTANCE * (max(wires_in, wires_out) + 1)
    size = max(width, _NODE_SIZE[0]), max(height, _NODE_SIZE[1])
    return columns_lib.Item(column, kind, text, *size)


def _inner_items(label, first, last):
    """Returns what an edge passes through, from column first to last - 1."""
    items = [
        columns_lib.Item(column, "passage", "", 0, _PASSAGE_HEIGHT)
        for column in range(first, last)
    ]
    if label is not None:
        width = figure_lib.text_width(label, LABEL_FONT_SIZE) + 8
        items[-1] = columns_lib.Item(
            last - 1, "label", label, width, _LABEL_HEIGHT
        )
    return items


def _depths(graph):
    """Returns the length of the longest path to each node."""
    depths = [0] * len(graph.nodes)
    for edge in sorted(graph.edges, key=lambda edge: edge.target):
        depths[edge.target] = max(depths[edge.target], depths[edge.source] + 1)
    depths[-1] = max(max(depths[:-1]) + 1, depths[-1])
    return depths


def _horizontal_bounds(columns):
    """Returns the left and the right of each column."""
    bounds, x = [], _MARGIN
    for column in columns:
        width = max(item.width for item in column)
        bounds.append((x, x + width))
        # The steeper the wires, the more room they have to bend.
        rises = [abs(i.y - n.y) for i in column for n in i.after]
        x += width + min(26 + 0.22 * max(rises, default=0), 90)
    return bounds


def _wire(chain, bounds, centers):
    """Returns the level pieces of an edge."""
    source, *inner, target = chain
    start = centers[source.column] + source.width / 2
    y = _port(source, source.after, chain[1])
    pieces = [(start, bounds[source.column][1], y)]
    pieces += [(*bounds[item.column], item.y) for item in inner]
    end = centers[target.column] - target.width / 2
    y = _port(target, target.before, chain[-2])
    return [*pieces, (bounds[target.column][0], end, y)]


def _port(node, neighbours, neighbour):
    """Returns the height at which the wire of a neighbour meets a node."""
    ranks = sorted(item.rank for item in neighbours)
    middle = (len(ranks) - 1) / 2
    return node.y + (ranks.index(neighbour.rank) - middle) * _PORT_DISTANCE
