"""Genotypes in the DOT language of Graphviz."""

from darts_tf.visualize import cell_graph as cell_graph_lib

_FILLS = {
    "input": "darkseagreen2",
    "intermediate": "lightblue",
    "output": "palegoldenrod",
}


def genotype_to_dot(genotype):
    r"""Writes all cells of a genotype as one graph in the DOT language.

    Args:
        genotype: A `Genotype`.

    Returns:
        String, which `dot -Tpdf` draws: a cluster for each cell.

    Example:

    >>> from darts_tf.spaces import zoo
    >>> from darts_tf.visualize import dot
    >>> genotype = zoo.get("RECURRENT_DARTS_V2")
    >>> text = dot.genotype_to_dot(genotype)
    >>> print(*text.splitlines()[6:9], sep="\n")
        label="recurrent cell";
        "recurrent 0" [label="x_{t}" fillcolor="darkseagreen2"];
        "recurrent 1" [label="h_{t-1}" fillcolor="darkseagreen2"];
    """
    lines = [
        "digraph {",
        "  rankdir=LR;",
        '  fontname="Helvetica";',
        '  node [shape=box style="rounded,filled" fontname="Helvetica"];',
        '  edge [fontname="Helvetica" fontsize=11];',
    ]
    for cell_type, cell in genotype.cells.items():
        # Graphviz frames a subgraph whose name begins with "cluster".
        lines.append(f"  subgraph {_quote(f'cluster {cell_type}')} {{")
        lines.append(f"    label={_quote(f'{cell_type} cell')};")
        lines.extend(f"    {line}" for line in _cell_lines(cell_type, cell))
        lines.append("  }")
    return "\n".join([*lines, "}\n"])


def _cell_lines(cell_type, cell):
    graph = cell_graph_lib.cell_graph(cell)
    names = [_quote(f"{cell_type} {k}") for k in range(len(graph.nodes))]
    for name, node in zip(names, graph.nodes, strict=True):
        fill = _quote(_FILLS[node.kind])
        yield f"{name} [label={_quote(node.text)} fillcolor={fill}];"
    for edge in graph.edges:
        arrow = f"{names[edge.source]} -> {names[edge.target]}"
        if edge.label is not None:
            arrow += f" [label={_quote(edge.label)}]"
        yield f"{arrow};"


def _quote(text):
    # A backslash begins an escape sequence of Graphviz's labels.
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
