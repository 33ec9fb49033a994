"""The text by which NAS-Bench-201 names a cell.

    |nor_conv_3x3~0|+|nor_conv_3x3~0|skip_connect~1|+|none~0|...|...|

A part between two plus signs is a node; `operation~source` is an edge into it.
"""

import re
import reprlib
from collections.abc import Mapping
from collections.abc import Sequence
from typing import cast

from darts_tf import checks

_EDGE = re.compile(r"([A-Za-z0-9_]+)~(\d{1,2})")


def is_arch_text(text: object) -> bool:
    """Tells whether something may be such a text, and no other form."""
    return isinstance(text, str) and text.lstrip().startswith("|")


def write(cell: Mapping[str, object]) -> str:
    """Returns the text of a cell.

    Args:
        cell: The config of a cell with one input, whose last node is the
            output and which has one edge from each earlier node to each node.

    Raises:
        ValueError: If it is no such cell.
    """
    nodes = cast("Sequence[Sequence[tuple[str, int]]]", cell["nodes"])
    complete = all(
        sorted(source for _, source in edges) == list(range(node))
        for node, edges in enumerate(nodes, 1)
    )
    concat = cast("Sequence[int]", cell["concat"])
    if cell["num_inputs"] != 1 or list(concat) != [len(nodes)] or not complete:
        raise ValueError(
            "The published form of a cell with one input, that of "
            "NAS-Bench-201, has an edge from each earlier node to each node, "
            "perhaps with `none`, and the last node as the output; JSON can "
            "hold other cells. "
            f"Received: cell={reprlib.repr(cell)}"
        )
    return "+".join(
        "|"
        + "".join(
            f"{name}~{source}|"
            for name, source in sorted(edges, key=lambda edge: edge[1])
        )
        for edges in nodes
    )


def read(text: str) -> dict[str, object]:
    """Returns the config of the cell that a text names.

    Args:
        text: String. White space around it does not matter.

    Returns:
        A dictionary with `num_inputs`, `nodes` and `concat`.

    Raises:
        ValueError: If the text is no such name.
    """
    nodes: list[list[tuple[str, int]]] = []
    parts = text.strip().split("+")
    for node, part in enumerate(parts[: checks.MAX_NODES + 1], 1):
        edges = _edges(part)
        if sorted(source for _, source in edges) != list(range(node)):
            raise ValueError(
                f"Node {node} must have one edge from each node before it, "
                f"as in `|operation~0|+|operation~0|operation~1|`. "
                f"Received: {reprlib.repr(part)}"
            )
        nodes.append(edges)
    return {"num_inputs": 1, "nodes": nodes, "concat": [len(nodes)]}


def _edges(part: str) -> list[tuple[str, int]]:
    texts = part.split("|")
    found = [_EDGE.fullmatch(text) for text in texts[1:-1]]
    if texts[0] or texts[-1] or not found or not all(found):
        raise ValueError(
            "The text of a node must be `|operation~source|...|`. "
            f"Received: {reprlib.repr(part)}"
        )
    return [(match[1], int(match[2])) for match in found if match]
