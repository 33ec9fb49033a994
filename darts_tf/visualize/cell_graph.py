"""A cell as the graph that its figures show."""

import typing

from darts_tf.spaces import paper


class GraphNode(typing.NamedTuple):
    """A node of the figure: its text and its kind.

    The text may end in a subscript, `1: c_{k-1}`. The kind is `"input"`,
    `"intermediate"` or `"output"`.
    """

    text: str
    kind: str


class GraphEdge(typing.NamedTuple):
    """An arrow between two nodes, given by their positions.

    The label is a primitive, or `None` where nothing is computed on the way.
    """

    source: int
    target: int
    label: str | None


class CellGraph(typing.NamedTuple):
    """The figure of a cell: nodes, and edges that lead to later nodes."""

    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]


def cell_graph(cell):
    """Names the nodes of a cell, with the numbers that genotypes use.

    A convolutional cell reads the outputs of the cells before it, `c_{k-2}`
    and `c_{k-1}`, which are its nodes 0 and 1, and writes `c_{k}`. A recurrent
    cell, which has one input node, reads `x_{t}` and `h_{t-1}`: they join in
    that input node, 0. Edges that hold `none` are left out.

    Args:
        cell: A `Cell` of a genotype.

    Returns:
        A `CellGraph`.

    Example:

    >>> from darts_tf.spaces import zoo
    >>> from darts_tf.visualize import cell_graph
    >>> cell = zoo.get("DARTS_V2").normal
    >>> graph = cell_graph.cell_graph(cell)
    >>> graph.nodes[0]
    GraphNode(text='0: c_{k-2}', kind='input')
    >>> graph.edges[0]
    GraphEdge(source=0, target=2, label='sep_conv_3x3')

    Reference:
        Figures 4 to 6 of the DARTS paper, arXiv:1806.09055.
    """
    if _is_recurrent(cell):
        inputs, output = ["x_{t}", "h_{t-1}"], "h_{t}"
        nodes = [GraphNode(text, "input") for text in inputs]
        nodes.append(GraphNode("0", "intermediate"))
        edges = [GraphEdge(0, 2, None), GraphEdge(1, 2, None)]
    else:
        output = "c_{k}"
        # Differs from the reference: the paper's figures count the
        # intermediate nodes from 0, its genotypes all nodes. One numbering
        # lets a reader find an edge of a genotype in the figure.
        nodes = [
            GraphNode(f"{number}: c_{{k-{cell.num_inputs - number}}}", "input")
            for number in range(cell.num_inputs)
        ]
        edges = []
    # Node i of the cell stands at position `shift + i` of the figure.
    shift = len(nodes) - cell.num_inputs
    for number, incoming in enumerate(cell.nodes, cell.num_inputs):
        target = len(nodes)
        nodes.append(GraphNode(str(number), "intermediate"))
        edges.extend(
            GraphEdge(shift + edge.source, target, edge.primitive)
            for edge in incoming
            if edge.primitive != "none"
        )
    edges.extend(
        GraphEdge(shift + node, len(nodes), None) for node in cell.concat
    )
    nodes.append(GraphNode(output, "output"))
    return CellGraph(tuple(nodes), tuple(edges))


def _is_recurrent(cell):
    names = {edge.primitive for incoming in cell.nodes for edge in incoming}
    is_activation = names <= set(paper.RecurrentSearch.primitives)
    # A convolutional cell of `none` alone is drawn as one.
    return cell.num_inputs == 1 and is_activation and names != {"none"}
