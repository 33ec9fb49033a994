"""Which cells belong to a search space, and one of them by chance."""

from typing import TYPE_CHECKING

import numpy as np

from darts_tf.spaces import edge_subsets
from darts_tf.spaces import genotype as genotype_lib

if TYPE_CHECKING:
    from darts_tf.spaces import search_space


def num_candidates(
    space: "search_space.SearchSpace", cell_type: str, node: int
) -> list[int]:
    """Returns how many operations each edge into a node may hold.

    Args:
        space: `SearchSpace`.
        cell_type: String, one of its cell types.
        node: Integer, an intermediate node.
    """
    return [
        len(space.candidates_on(cell_type, source, node))
        for source in range(node)
    ]


def draw(
    space: "search_space.SearchSpace",
    cell_type: str,
    generator: np.random.Generator,
) -> genotype_lib.Cell:
    """Draws one of the cells, each with the same probability.

    Args:
        space: `SearchSpace`.
        cell_type: String, one of its cell types.
        generator: NumPy random generator.
    """
    nodes: list[tuple[genotype_lib.Edge, ...]] = []
    for node in space.nodes:
        edges: list[genotype_lib.Edge] = []
        for source in edge_subsets.draw_edges(
            num_candidates(space, cell_type, node),
            space.num_kept_edges(node),
            generator,
        ):
            names = space.candidates_on(cell_type, source, node)
            name = names[int(generator.integers(len(names)))]
            edges.append(genotype_lib.Edge(name, source))
        nodes.append(tuple(edges))
    return genotype_lib.Cell(tuple(nodes), space.concat, space.num_inputs)


def check(
    space: "search_space.SearchSpace", genotype: genotype_lib.Genotype
) -> None:
    """Raises an error if a genotype does not belong to a space.

    Args:
        space: `SearchSpace`.
        genotype: `Genotype`.

    Raises:
        ValueError: If the genotype has other cells, nodes, inputs, edges or
            operations than the space allows.
    """
    if tuple(genotype.cells) != space.cell_types:
        raise ValueError(
            f"The genotype must have the cells {space.cell_types}. "
            f"Received: cells={tuple(genotype.cells)}"
        )
    for cell_type, cell in genotype.cells.items():
        structure = (cell.num_inputs, len(cell.nodes), cell.concat)
        expected = (space.num_inputs, space.num_nodes, space.concat)
        if structure != expected:
            raise ValueError(
                f"The {cell_type} cell must have num_inputs, num_nodes and "
                f"concat equal to {expected}. Received: {structure}"
            )
        for node, edges in zip(space.nodes, cell.nodes, strict=True):
            _check_edges(space, edges, node, cell_type)


def _check_edges(
    space: "search_space.SearchSpace",
    edges: tuple[genotype_lib.Edge, ...],
    node: int,
    cell_type: str,
) -> None:
    kept = space.num_kept_edges(node)
    if len(edges) != kept or len({edge.source for edge in edges}) != kept:
        raise ValueError(
            f"Node {node} of the {cell_type} cell must have {kept} "
            f"edge(s), each from another node. Received: edges={edges}"
        )
    for edge in edges:
        allowed = space.candidates_on(cell_type, edge.source, node)
        if edge.primitive not in allowed:
            raise ValueError(
                f"Edge {edge.source} -> {node} of the {cell_type} cell "
                f"must have one of {allowed}. "
                f"Received: primitive={edge.primitive!r}"
            )
