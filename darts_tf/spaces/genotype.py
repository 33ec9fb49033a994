"""The discrete architecture: which operations, on which edges.

A genotype is what a search ends with and what a network is built from.
"""

import os
import pathlib
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass

from darts_tf import checks
from darts_tf.files import atomic_file
from darts_tf.spaces import arch_text
from darts_tf.spaces import canonical_form
from darts_tf.spaces import genotype_json
from darts_tf.spaces import genotype_text

CELL_TYPES = ("normal", "reduction", "recurrent")
# What passes its input on unchanged; too many of them, and a search collapses.
_SKIPS = ("skip_connect", "identity")


@dataclass(frozen=True)
class Edge:
    """One operation, applied to the output of one node.

    Args:
        primitive: String, the name of the operation.
        source: Integer, the index of the node it reads.

    Raises:
        ValueError: If the name is empty or not printable, or the source is
            no index.

    Example:

    >>> darts_tf.Edge("sep_conv_3x3", source=1)
    Edge(primitive='sep_conv_3x3', source=1)
    """

    primitive: str
    source: int

    def __post_init__(self) -> None:
        primitive = checks.text_name(self.primitive, "primitive")
        source = checks.integer(
            self.source, "source", 0, 2 * checks.MAX_NODES - 1
        )
        object.__setattr__(self, "primitive", primitive)
        object.__setattr__(self, "source", source)

    def __str__(self) -> str:
        return f"{self.primitive}({self.source})"


@dataclass(frozen=True)
class Cell:
    """A directed acyclic graph of operations.

    Nodes `0, ..., num_inputs - 1` are the inputs. Each further node is the sum
    of its incoming edges, and some of these intermediate nodes are joined in
    the output of the cell.

    Args:
        nodes: For each intermediate node the tuple of its incoming edges.
            `nodes[k]` belongs to node `num_inputs + k` and may read any node
            before it, the same one more than once.
        concat: Integers in rising order, the intermediate nodes that are
            joined in the output: concatenated in a convolutional cell,
            averaged in a recurrent one.
        num_inputs: Integer, the number of input nodes: the outputs of the two
            cells before in a convolutional cell, the state `s0` in a
            recurrent one. Defaults to `2`.

    Raises:
        ValueError: If the edges do not form such a graph.

    Example:

    >>> first = (darts_tf.Edge("tanh", 0),)
    >>> second = (darts_tf.Edge("relu", 1),)
    >>> print(darts_tf.Cell((first, second), concat=(1, 2), num_inputs=1))
    node 1: tanh(0)
    node 2: relu(1)
    concat: 1, 2

    Reference:
        Section 2.1 of the DARTS paper, arXiv:1806.09055.
    """

    nodes: tuple[tuple[Edge, ...], ...]
    concat: tuple[int, ...]
    num_inputs: int = 2

    def __post_init__(self) -> None:
        num_inputs = checks.integer(
            self.num_inputs, "num_inputs", 1, checks.MAX_NODES
        )
        entries = checks.sequence(self.nodes, "nodes")
        if len(entries) > checks.MAX_NODES:
            raise ValueError(
                f"`nodes` must have at most {checks.MAX_NODES} entries. "
                f"Received: len(nodes)={len(entries)}"
            )
        size = num_inputs + len(entries)
        nodes = tuple(
            _incoming_edges(edges, node)
            for node, edges in enumerate(entries, num_inputs)
        )
        concat = tuple(
            checks.integer(node, f"concat[{k}]", num_inputs, size - 1)
            for k, node in enumerate(checks.sequence(self.concat, "concat"))
        )
        if list(concat) != sorted(set(concat)):
            raise ValueError(
                "`concat` must hold distinct nodes in rising order. "
                f"Received: concat={concat}"
            )
        object.__setattr__(self, "nodes", nodes)
        object.__setattr__(self, "concat", concat)
        object.__setattr__(self, "num_inputs", num_inputs)

    def canonical(self) -> "Cell":
        """Returns the same cell with nodes and edges in canonical order.

        Cells that differ only in the order of a node's edges or in the
        numbering of intermediate nodes have equal canonical forms.
        """
        order = canonical_form.canonical_order(
            self._pairs(), self.concat, self.num_inputs
        )
        index = {node: node for node in range(self.num_inputs)}
        index.update({node: k for k, node in enumerate(order, self.num_inputs)})
        nodes: list[tuple[Edge, ...]] = []
        for node in order:
            edges = sorted(
                (index[edge.source], edge.primitive)
                for edge in self.nodes[node - self.num_inputs]
            )
            nodes.append(tuple(Edge(name, source) for source, name in edges))
        concat = tuple(sorted(index[node] for node in self.concat))
        return Cell(tuple(nodes), concat, self.num_inputs)

    def nodes_of_output(self) -> frozenset[int]:
        """Returns the nodes that lead to the output, inputs among them."""
        needed = set(self.concat)
        for node in range(self.num_inputs + len(self.nodes) - 1, -1, -1):
            if node in needed and node >= self.num_inputs:
                needed.update(
                    edge.source
                    for edge in self.nodes[node - self.num_inputs]
                    if edge.primitive != "none"
                )
        return frozenset(needed)

    @property
    def num_skips(self) -> int:
        """The number of edges that pass their input on unchanged."""
        return sum(edge.primitive in _SKIPS for n in self.nodes for edge in n)

    def get_config(self) -> dict[str, object]:
        """Returns the cell as lists, strings and integers."""
        return {
            "num_inputs": self.num_inputs,
            "nodes": [[list(edge) for edge in node] for node in self._pairs()],
            "concat": list(self.concat),
        }

    @classmethod
    def from_config(cls, config: object) -> "Cell":
        """Returns the cell that `get_config` wrote.

        Args:
            config: Mapping with the keys `num_inputs`, `nodes` and `concat`.

        Raises:
            ValueError: If it is not the config of a cell.
        """
        fields = checks.mapping(
            config, "cell", ("num_inputs", "nodes", "concat")
        )
        nodes = tuple(
            tuple(
                _edge_from_pair(pair, f"nodes[{k}][{j}]")
                for j, pair in enumerate(checks.sequence(node, f"nodes[{k}]"))
            )
            for k, node in enumerate(checks.sequence(fields["nodes"], "nodes"))
        )
        # The constructor checks these two itself.
        concat: tuple[int, ...] = fields["concat"]  # pyright: ignore
        num_inputs: int = fields["num_inputs"]  # pyright: ignore
        return cls(nodes, concat, num_inputs)

    def _pairs(self) -> list[list[tuple[str, int]]]:
        return [[(e.primitive, e.source) for e in node] for node in self.nodes]

    def __str__(self) -> str:
        lines = [
            f"node {node}: {' + '.join(map(str, edges))}"
            for node, edges in enumerate(self.nodes, self.num_inputs)
        ]
        return "\n".join(
            [*lines, f"concat: {', '.join(map(str, self.concat))}"]
        )


@dataclass(frozen=True)
class Genotype:
    """The cells of an architecture.

    Args:
        normal: Optional `Cell` that keeps the resolution. Defaults to `None`.
        reduction: Optional `Cell` that halves the resolution. Defaults to
            `None`.
        recurrent: Optional `Cell` of a recurrent network. Defaults to `None`.

    Raises:
        ValueError: If it is neither a recurrent cell alone nor a normal cell
            with or without a reduction cell.

    Example:

    >>> found = darts_tf.Genotype.from_text(
    ...     "Genotype(recurrent=[('relu', 0), ('tanh', 1)], concat=range(1, 3))"
    ... )
    >>> print(found)
    recurrent
      node 1: relu(0)
      node 2: tanh(1)
      concat: 1, 2
    >>> darts_tf.Genotype.from_json(found.to_json()) == found
    True
    """

    normal: Cell | None = None
    reduction: Cell | None = None
    recurrent: Cell | None = None

    def __post_init__(self) -> None:
        _check_cell(self.normal, "normal")
        _check_cell(self.reduction, "reduction")
        _check_cell(self.recurrent, "recurrent")
        if tuple(self.cells) not in (
            ("normal",),
            ("normal", "reduction"),
            ("recurrent",),
        ):
            raise ValueError(
                "A genotype must have a recurrent cell alone, or a normal "
                "cell with or without a reduction cell. "
                f"Received: cells={list(self.cells)}"
            )

    @property
    def cells(self) -> dict[str, Cell]:
        """The cells that are present, by cell type."""
        cells = {
            "normal": self.normal,
            "reduction": self.reduction,
            "recurrent": self.recurrent,
        }
        return {name: cell for name, cell in cells.items() if cell is not None}

    @property
    def kind(self) -> str:
        """The kind of network it is for: `"conv"` or `"recurrent"`."""
        return "conv" if self.recurrent is None else "recurrent"

    def canonical(self) -> "Genotype":
        """Returns the genotype with each cell in its canonical form."""
        return Genotype(
            **{name: cell.canonical() for name, cell in self.cells.items()}
        )

    def to_json(self) -> str:
        """Returns the genotype as JSON, one line for each node."""
        return genotype_json.write(
            {name: cell.get_config() for name, cell in self.cells.items()}
        )

    @classmethod
    def from_json(cls, text: str) -> "Genotype":
        """Returns the genotype that `to_json` wrote.

        Args:
            text: String, the JSON.

        Raises:
            ValueError: If it is not the JSON of a genotype.
        """
        return cls._from_configs(genotype_json.read(text, CELL_TYPES))

    def to_text(self) -> str:
        """Returns the published form on one line.

        It is a Python expression; for a cell with one input the text by which
        NAS-Bench-201 names it, `|nor_conv_3x3~0|+|none~0|skip_connect~1|`.

        Raises:
            ValueError: If a cell has another number of inputs or of edges at
                a node than published cells have.
        """
        if self.normal is not None and self.normal.num_inputs == 1:
            if self.reduction is None:
                return arch_text.write(self.normal.get_config())
        return genotype_text.write(
            {name: cell.get_config() for name, cell in self.cells.items()}
        )

    @classmethod
    def from_text(cls, text: str) -> "Genotype":
        """Reads the published form. Nothing in the text is evaluated.

        Args:
            text: String such as `Genotype(normal=[('sep_conv_3x3', 1), ...],
                normal_concat=range(2, 6), reduce=..., reduce_concat=...)` or
                `Genotype(recurrent=[('relu', 0), ...], concat=range(1, 9))`;
                or with a list of edges for each node, as some programs print.
                Anything may stand before it on its first line. Or the name of
                a cell of NAS-Bench-201, `|skip_connect~0|+|...|`.

        Raises:
            ValueError: If it is not a genotype in this form.
        """
        if arch_text.is_arch_text(text):
            return cls._from_configs({"normal": arch_text.read(text)})
        return cls._from_configs(genotype_text.read(text))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the JSON to a file, whole or not at all.

        Args:
            path: String or path of the file. Its folder must exist.
        """
        atomic_file.write_text(path, self.to_json())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Genotype":
        """Reads a file that `save` wrote.

        Args:
            path: String or path of the file.

        Raises:
            ValueError: If the file does not hold the JSON of a genotype.
        """
        try:
            with pathlib.Path(path).open(encoding="utf-8") as file:
                # One more than allowed, so that a huge file is refused and
                # not read.
                text = file.read(genotype_json.MAX_LENGTH + 1)
            return cls.from_json(text)
        except ValueError as error:
            raise ValueError(
                f"`path` must be a genotype file ({error}). "
                f"Received: path={os.fspath(path)!r}"
            ) from error

    @classmethod
    def _from_configs(cls, configs: Mapping[str, object]) -> "Genotype":
        cells: dict[str, Cell] = {}
        for name, config in configs.items():
            try:
                cells[name] = Cell.from_config(config)
            except ValueError as error:
                raise ValueError(f"In the {name} cell: {error}") from error
        return cls(**cells)

    def __str__(self) -> str:
        return "\n".join(
            "\n  ".join([name, *str(cell).split("\n")])
            for name, cell in self.cells.items()
        )


def _check_cell(value: object, name: str) -> None:
    if not isinstance(value, Cell | None):
        raise ValueError(
            f"`{name}` must be a `Cell` or `None`. "
            f"Received: {name}={reprlib.repr(value)}"
        )


def _incoming_edges(value: object, node: int) -> tuple[Edge, ...]:
    """Returns the edges of a node if it may have them."""
    edges: list[Edge] = []
    for edge in checks.sequence(value, f"edges of node {node}"):
        if not isinstance(edge, Edge):
            raise ValueError(
                f"The edges of node {node} must be instances of `Edge`. "
                f"Received: edge={reprlib.repr(edge)}"
            )
        if edge.source >= node:
            raise ValueError(
                f"The edges of node {node} must come from nodes before it, or "
                f"there could be a cycle. Received: edge={edge!r}"
            )
        edges.append(edge)
    return tuple(edges)


def _edge_from_pair(value: object, name: str) -> Edge:
    pair = checks.sequence(value, name)
    if len(pair) != 2:
        raise ValueError(
            f"`{name}` must be a primitive and a source. "
            f"Received: {name}={reprlib.repr(value)}"
        )
    primitive = checks.text_name(pair[0], f"primitive of {name}")
    source = checks.integer(
        pair[1], f"source of {name}", 0, 2 * checks.MAX_NODES - 1
    )
    return Edge(primitive, source)
