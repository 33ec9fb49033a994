"""Subsets of the primitives, edge by edge, and how many cells they leave."""

import reprlib
from collections.abc import Mapping
from collections.abc import Sequence
from typing import TypeAlias
from typing import cast

import numpy as np

from darts_tf import checks

# For each cell type the names that each edge may hold.
EdgePrimitives: TypeAlias = Mapping[str, Sequence[Sequence[str] | None]]


def complete(
    value: object,
    cell_types: Sequence[str],
    num_edges: int,
    primitives: Sequence[str],
    none: str | None,
) -> dict[str, tuple[tuple[str, ...], ...]] | None:
    """Returns the primitives of every edge, in the order of `primitives`.

    Args:
        value: What the user gave: `None`, or a mapping from some cell types
            to a list with an entry for each edge, a list of names or `None`.
        cell_types: Strings, the cell types of the space.
        num_edges: Integer, the number of edges of a cell.
        primitives: Strings, all primitives of the space.
        none: Optional string, the primitive that a genotype never holds.

    Returns:
        A dictionary with an entry for each cell type and edge, or `None` if
        no edge lacks a primitive.

    Raises:
        ValueError: If a cell type, a name or the number of entries is wrong,
            or if an edge has nothing that a genotype could hold.
    """
    if value is None:
        return None
    everything = tuple(primitives)
    given = checks.mapping(value, "edge_primitives", (), cell_types)
    completed: dict[str, tuple[tuple[str, ...], ...]] = {}
    for cell_type in cell_types:
        if given.get(cell_type) is None:
            completed[cell_type] = (everything,) * num_edges
            continue
        name = f"edge_primitives[{cell_type!r}]"
        rows = checks.sequence(given[cell_type], name)
        if len(rows) != num_edges:
            raise ValueError(
                f"`{name}` must have an entry for each of the {num_edges} "
                f"edges. Received: {len(rows)} entries"
            )
        completed[cell_type] = tuple(
            everything
            if row is None
            else _row(row, f"{name}[{index}]", everything, none)
            for index, row in enumerate(rows)
        )
    if all(set(rows) == {everything} for rows in completed.values()):
        return None
    return completed


def _row(
    row: object, name: str, primitives: tuple[str, ...], none: str | None
) -> tuple[str, ...]:
    names = checks.sequence(row, name)
    unknown = [entry for entry in names if entry not in primitives]
    if unknown or len(set(names)) != len(names) or names == (none,):
        besides = "" if none is None else f", at least one besides {none!r}"
        raise ValueError(
            f"`{name}` must hold distinct primitives from {primitives}"
            f"{besides}. Received: {reprlib.repr(names)}"
        )
    return tuple(entry for entry in primitives if entry in names)


def count_choices(sizes: Sequence[int], kept: int) -> int:
    """Returns in how many ways edges and an operation on each can be kept.

    It is the sum, over all sets of `kept` edges, of the product of the
    numbers of operations on them.

    Args:
        sizes: Integers, the number of operations on each edge of a node.
        kept: Integer, the number of edges that are kept.

    Returns:
        Integer.

    Example:

    >>> from darts_tf.spaces import edge_subsets
    >>> edge_subsets.count_choices([1, 2, 3], kept=2)  # 1 * 2 + 1 * 3 + 2 * 3
    11
    """
    # ways[k]: for k edges among those seen so far.
    ways = [1] + [0] * kept
    for size in sizes:
        for k in range(kept, 0, -1):
            ways[k] += size * ways[k - 1]
    return ways[kept]


def draw_edges(
    sizes: Sequence[int], kept: int, generator: np.random.Generator
) -> list[int]:
    """Draws the edges of a node, so that each choice has equal probability.

    Args:
        sizes: Integers, the number of operations on each edge of a node.
        kept: Integer, the number of edges to draw.
        generator: NumPy random generator.

    Returns:
        The indices of the edges, ascending.

    Example:

    >>> from darts_tf.spaces import edge_subsets
    >>> edge_subsets.draw_edges([2, 2], 2, np.random.default_rng(0))
    [0, 1]
    """
    drawn: list[int] = []
    for index, size in enumerate(sizes):
        left = kept - len(drawn)
        if not left:
            break
        with_it = size * count_choices(sizes[index + 1 :], left - 1)
        if generator.random() < with_it / count_choices(sizes[index:], left):
            drawn.append(index)
    return drawn


def to_json(value: EdgePrimitives | None) -> dict[str, object] | None:
    """Returns the completed form as plain JSON types."""
    if value is None:
        return None
    return {
        cell_type: [list(cast("Sequence[str]", row)) for row in rows]
        for cell_type, rows in value.items()
    }
