"""The published form of genotypes: the Python expression papers print.

    Genotype(normal=[('sep_conv_3x3', 1), ...], normal_concat=range(2, 6),
             reduce=[('max_pool_3x3', 0), ...], reduce_concat=range(2, 6))
    Genotype(recurrent=[('relu', 0), ...], concat=range(1, 9))

Some programs print a list of edges for each node, which is read, too:

    Genotype(normal=[[('sep_conv_3x3', 1), ('sep_conv_3x3', 0)], ...], ...)

The text is parsed into a syntax tree, of which only the shapes above are
accepted. Nothing in it is ever evaluated.
"""

import ast
import re
import reprlib
import warnings
from collections.abc import Mapping
from collections.abc import Sequence
from typing import NoReturn
from typing import TypeAlias
from typing import cast

from darts_tf import checks

MAX_LENGTH = 100_000
_START = re.compile(r"(?<!\w)Genotype\(")
# The published argument for the nodes and the one for `concat`, in the order
# in which they are written.
_ARGUMENTS = {
    "normal": ("normal", "normal_concat"),
    "reduction": ("reduce", "reduce_concat"),
    "recurrent": ("recurrent", "concat"),
}
_ALIASES = {"reduction": "reduce", "reduction_concat": "reduce_concat"}
# Entries for each node, and input nodes: a flat list cannot say either.
_EDGES_PER_NODE = {"normal": 2, "reduction": 2, "recurrent": 1}
_NUM_INPUTS = {"normal": 2, "reduction": 2, "recurrent": 1}
_Edge: TypeAlias = tuple[str, int]


def write(cells: Mapping[str, Mapping[str, object]]) -> str:
    """Returns the published form of cells on one line.

    Args:
        cells: The config of each cell, by cell type.

    Raises:
        ValueError: If the published form cannot express a cell.
    """
    arguments: list[str] = []
    for cell_type, config in cells.items():
        nodes = cast("Sequence[Sequence[_Edge]]", config["nodes"])
        concat = cast("Sequence[int]", config["concat"])
        edges_per_node = _EDGES_PER_NODE[cell_type]
        num_inputs = _NUM_INPUTS[cell_type]
        counts = sorted({len(edges) for edges in nodes})
        if counts != [edges_per_node] or config["num_inputs"] != num_inputs:
            raise ValueError(
                f"A {cell_type} cell in the published form has exactly "
                f"{edges_per_node} edge(s) at each node and {num_inputs} "
                f"input(s); JSON can hold others. Received: edges={counts}, "
                f"num_inputs={config['num_inputs']}"
            )
        entries = [tuple(edge) for edges in nodes for edge in edges]
        name, concat_name = _ARGUMENTS[cell_type]
        arguments.append(f"{name}={entries!r}")
        arguments.append(f"{concat_name}={_range_or_list(concat)}")
    return f"Genotype({', '.join(arguments)})"


def _range_or_list(numbers: Sequence[int]) -> str:
    whole = range(numbers[0], numbers[-1] + 1)
    return repr(whole if list(whole) == list(numbers) else list(numbers))


def read(text: object) -> dict[str, dict[str, object]]:
    """Reads the published form, for example out of a line of a log file.

    Args:
        text: String. On its first line, anything may stand before `Genotype(`.

    Returns:
        A dictionary of cell configs by cell type.

    Raises:
        ValueError: If the text is anything but a genotype.
    """
    call = _parse(text)
    if call.args:
        _refuse(call.args[0], "an argument with its name, as in `normal=[...]`")
    values: dict[str, ast.expr] = {}
    known = {name for pair in _ARGUMENTS.values() for name in pair}
    for keyword in call.keywords:
        name = _ALIASES.get(keyword.arg or "**", keyword.arg or "**")
        if name not in known or name in values:
            _refuse(keyword.value, f"one of {sorted(known)}, once", name)
        values[name] = keyword.value
    cells: dict[str, dict[str, object]] = {}
    for cell_type, (name, concat_name) in _ARGUMENTS.items():
        if (name in values) != (concat_name in values):
            _refuse(call, f"both `{name}=` and `{concat_name}=`, or neither")
        if name in values:
            cells[cell_type] = {
                "num_inputs": _NUM_INPUTS[cell_type],
                "nodes": _nodes(values[name], _EDGES_PER_NODE[cell_type]),
                "concat": _numbers(values[concat_name]),
            }
    return cells


def _parse(text: object) -> ast.Call:
    """Returns the syntax tree of the call, `Genotype(...)`."""
    if not isinstance(text, str) or len(text) > MAX_LENGTH:
        raise ValueError(
            f"`text` must be a string of at most {MAX_LENGTH} characters. "
            f"Received: text={reprlib.repr(text)}"
        )
    start = _START.search(text)
    if start is None or "\n" in text[: start.start()].lstrip():
        raise ValueError(
            "The first line of `text` must contain `Genotype(`. "
            f"Received: text={reprlib.repr(text)}"
        )
    try:
        with warnings.catch_warnings():
            # Odd strings and numbers make Python's parser warn.
            warnings.simplefilter("ignore")
            tree = ast.parse(text[start.start() :].rstrip(), mode="eval")
    # The last two are how the parser gives up on deep nesting.
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(
            "`text` must be a genotype in its published form "
            f"({error or type(error).__name__}). "
            f"Received: text={reprlib.repr(text)}"
        ) from error
    # Something may follow the call: `Genotype(...).normal`, `Genotype() + 1`.
    if not isinstance(tree.body, ast.Call) or not isinstance(
        tree.body.func, ast.Name
    ):
        _refuse(tree.body, "`Genotype(...)` alone")
    return tree.body


def _nodes(value: ast.expr, edges_per_node: int) -> list[list[_Edge]]:
    entries = _entries(value)
    if any(_is_list_of_edges(entry) for entry in entries):
        return [[_edge(edge) for edge in _entries(node)] for node in entries]
    edges = [_edge(entry) for entry in entries]
    if not edges or len(edges) % edges_per_node:
        _refuse(value, f"{edges_per_node} edge(s) for each node", len(edges))
    return [
        edges[k : k + edges_per_node]
        for k in range(0, len(edges), edges_per_node)
    ]


def _is_list_of_edges(value: ast.expr) -> bool:
    """Whether it is a list of pairs: an edge has no pair inside."""
    pairs = value.elts if isinstance(value, ast.List | ast.Tuple) else []
    return any(isinstance(pair, ast.List | ast.Tuple) for pair in pairs)


def _edge(value: ast.expr) -> _Edge:
    pair = _entries(value)
    if len(pair) == 2 and isinstance(pair[0], ast.Constant):
        primitive = pair[0].value
        if isinstance(primitive, str):
            return primitive, _number(pair[1])
    _refuse(value, "an edge such as ('sep_conv_3x3', 1)")


def _entries(value: ast.expr) -> list[ast.expr]:
    if not isinstance(value, ast.List | ast.Tuple):
        _refuse(value, "a list or tuple")
    return value.elts


def _numbers(value: ast.expr) -> list[int]:
    """Reads `[2, 3]`, `(2, 3)` or `range(2, 4)`."""
    if not isinstance(value, ast.Call):
        return [_number(entry) for entry in _entries(value)]
    is_range = isinstance(value.func, ast.Name) and value.func.id == "range"
    if not is_range or value.keywords or not 1 <= len(value.args) <= 2:
        _refuse(value, "a list of numbers or `range(start, stop)`")
    return list(range(*[_number(argument) for argument in value.args]))


def _number(value: ast.expr) -> int:
    # The bound also keeps `range(10**9)` from becoming a list.
    limit = 2 * checks.MAX_NODES + 1
    number = value.value if isinstance(value, ast.Constant) else None
    if type(number) is not int or not 0 <= number <= limit:
        _refuse(value, f"a whole number from 0 to {limit}")
    return number


def _refuse(
    value: ast.expr, expected: str, received: object = None
) -> NoReturn:
    """Raises the error that says where the text is not a genotype."""
    found = type(value).__name__ if received is None else received
    raise ValueError(
        f"Expected {expected} at line {value.lineno}, column "
        f"{value.col_offset + 1} of `Genotype(...)`. "
        f"Received: {reprlib.repr(found)}"
    )
