"""One order of the nodes for all cells that are drawn differently only.

Two cells are isomorphic if renumbering the intermediate nodes of one gives
the other: the same operations, the same inputs, the same nodes in the output.
The order found here depends on nothing but that structure, so isomorphic
cells become equal once their nodes are put in it.

The method is the one of graph canonisation. Colours tell nodes apart by what
surrounds them (Weisfeiler and Lehman); where several nodes still share a
colour, each in turn is singled out and the smallest outcome wins.
"""

from collections.abc import Sequence
from typing import TypeAlias
from typing import TypeVar

# The incoming edges of each intermediate node, as (primitive, source).
Nodes: TypeAlias = Sequence[Sequence[tuple[str, int]]]
# For each node in order: is it in the output, and its (source, primitive).
_Encoding: TypeAlias = tuple[tuple[bool, tuple[tuple[int, str], ...]], ...]
_Key = TypeVar("_Key", int, tuple[object, ...])


def canonical_order(
    nodes: Nodes, concat: Sequence[int], num_inputs: int
) -> list[int]:
    """Returns the intermediate nodes of a cell in canonical order.

    Args:
        nodes: The incoming edges of each intermediate node, as pairs of a
            primitive and a source.
        concat: Integers, the nodes that are joined in the output.
        num_inputs: Integer, the number of input nodes.

    Returns:
        A list of the indices of the intermediate nodes. A node comes after
        all its sources.

    Example:

    >>> from darts_tf.spaces import canonical_form
    >>> nodes = [[("tanh", 0)], [("relu", 0)]]
    >>> canonical_form.canonical_order(nodes, concat=[1, 2], num_inputs=1)
    [2, 1]
    """
    graph = _Graph(nodes, concat, num_inputs)
    _, colours = graph.smallest_leaf(graph.refine(graph.first_colours()))
    order = sorted(range(len(colours)), key=colours.__getitem__)
    return order[num_inputs:]


class _Graph:
    """A cell seen from each node: where its edges come from and lead to."""

    def __init__(self, nodes: Nodes, concat: Sequence[int], num_inputs: int):
        size = num_inputs + len(nodes)
        self._num_inputs = num_inputs
        self._in_output = [node in concat for node in range(size)]
        self._incoming: list[list[tuple[str, int]]] = [[] for _ in range(size)]
        self._outgoing: list[list[tuple[str, int]]] = [[] for _ in range(size)]
        for target, edges in enumerate(nodes, num_inputs):
            for primitive, source in sorted(edges):
                self._incoming[target].append((primitive, source))
                self._outgoing[source].append((primitive, target))

    def first_colours(self) -> list[int]:
        """Tells nodes apart by depth and by being in the output or not.

        Depth, the length of the longest path from an input, stands first.
        Later steps only split colours and keep their order, so the order of
        the colours always puts a node after its sources.
        """
        depths = list(range(-self._num_inputs, 0))  # each input is its own
        for edges in self._incoming[self._num_inputs :]:
            sources = [max(depths[source], 0) for _, source in edges]
            depths.append(1 + max(sources, default=0))
        return _ranks(list(zip(depths, self._in_output, strict=True)))

    def refine(self, colours: list[int]) -> list[int]:
        """Splits colours by those of the neighbours until nothing changes."""
        while True:
            refined = _ranks(
                [
                    (
                        colour,
                        _seen(self._incoming[node], colours),
                        _seen(self._outgoing[node], colours),
                    )
                    for node, colour in enumerate(colours)
                ]
            )
            if refined == colours:
                return colours
            colours = refined

    def smallest_leaf(
        self, colours: list[int], probe: bool = False
    ) -> tuple[_Encoding, list[int]]:
        """Resolves all ties and returns the smallest cell it can lead to.

        With `probe`, the first tied node is taken instead of trying each.
        """
        tied = self._tied_nodes(colours)
        if not tied:
            return self._encode(colours), colours
        leaves: list[tuple[_Encoding, list[int]]] = []
        probes: set[_Encoding] = set()
        for node in tied[:1] if probe else tied:
            # Doubling makes room for a colour just below the shared one.
            single = [2 * colour for colour in colours]
            single[node] -= 1
            child = self.refine(_ranks(single))
            if len(tied) > 1 and not probe:
                # Equal outcomes reveal a symmetry of the cell that maps an
                # earlier node to this one: its branch holds nothing new.
                outcome, _ = self.smallest_leaf(child, probe=True)
                if outcome in probes:
                    continue
                probes.add(outcome)
            leaves.append(self.smallest_leaf(child, probe))
        return min(leaves)

    def _tied_nodes(self, colours: list[int]) -> list[int]:
        """Returns the nodes of the first shared colour, one of each twins.

        Twins have the very same neighbours and may be swapped freely, so
        trying one stands for trying all.
        """
        members: dict[int, list[int]] = {}
        for node, colour in enumerate(colours):
            members.setdefault(colour, []).append(node)
        shared = [colour for colour, group in members.items() if group[1:]]
        if not shared:
            return []
        twins: dict[object, int] = {}
        for node in members[min(shared)]:
            around = (*self._incoming[node], None, *self._outgoing[node])
            twins.setdefault(around, node)
        return list(twins.values())

    def _encode(self, colours: list[int]) -> _Encoding:
        """Writes the cell with each node numbered by its colour."""
        order = sorted(range(len(colours)), key=colours.__getitem__)
        return tuple(
            (
                self._in_output[node],
                tuple(sorted((colours[k], p) for p, k in self._incoming[node])),
            )
            for node in order
        )


def _seen(
    edges: Sequence[tuple[str, int]], colours: Sequence[int]
) -> tuple[tuple[str, int], ...]:
    """Returns what the colours show of the edges on one side of a node."""
    return tuple(sorted((primitive, colours[k]) for primitive, k in edges))


def _ranks(keys: Sequence[_Key]) -> list[int]:
    """Numbers the distinct keys 0, 1, 2, ... in sorted order."""
    ranks = {key: rank for rank, key in enumerate(sorted(set(keys)))}
    return [ranks[key] for key in keys]
