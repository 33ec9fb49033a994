"""Cells of a space that are told apart by what they compute."""

import itertools
from collections.abc import Iterator

import numpy as np

from darts_tf import checks
from darts_tf.spaces import computation
from darts_tf.spaces import genotype as genotype_lib
from darts_tf.spaces import search_space

# A few minutes of work.
_MOST_CELLS = 1_000_000
# So many draws in a row that bring nothing new, and there is hardly any left.
_MOST_REPEATS = 10_000


def cells(
    space: search_space.SearchSpace, cell_type: str | None = None
) -> Iterator[genotype_lib.Cell]:
    """Yields each cell of a space once, as `SearchSpace.count_cells` counts.

    Args:
        space: `SearchSpace`.
        cell_type: String, one of its cell types. Defaults to `None`, the first.
    """
    if cell_type is None:
        cell_type = space.cell_types[0]
    nodes = [
        [
            tuple(
                genotype_lib.Edge(name, source)
                for name, source in zip(names, sources, strict=True)
            )
            for sources in itertools.combinations(
                range(node), space.num_kept_edges(node)
            )
            for names in itertools.product(
                *(space.candidates_on(cell_type, s, node) for s in sources)
            )
        ]
        for node in space.nodes
    ]
    for chosen in itertools.product(*nodes):
        yield genotype_lib.Cell(chosen, space.concat, space.num_inputs)


def count(space: search_space.SearchSpace, cell_type: str | None = None) -> int:
    """Returns how many different computations the cells of a space are.

    Args:
        space: `SearchSpace`.
        cell_type: String, one of its cell types. Defaults to `None`, the first.

    Raises:
        ValueError: If the space has more than a million cells.

    Example:

    >>> from darts_tf.spaces import distinct
    >>> space = darts_tf.SearchSpace.conv(
    ...     ["skip_connect", "sep_conv_3x3"], num_nodes=2
    ... )
    >>> space.count_cells("normal"), distinct.count(space, "normal")
    (48, 42)
    """
    if cell_type is None:
        cell_type = space.cell_types[0]
    number = space.count_cells(cell_type)
    if number > _MOST_CELLS:
        raise ValueError(
            f"At most {_MOST_CELLS:,} cells are looked at one by one. "
            f"Received: a space of {number:,}"
        )
    keys = {
        computation.key_of_cell(cell, cell_type)
        for cell in cells(space, cell_type)
    }
    return len(keys)


def draw(
    space: search_space.SearchSpace, number: int, seed: int
) -> list[genotype_lib.Genotype]:
    """Draws genotypes of which no two compute the same.

    Args:
        space: `SearchSpace`.
        number: Integer, how many.
        seed: Integer, not negative.

    Raises:
        ValueError: If the space does not seem to have so many.

    Example:

    >>> from darts_tf.spaces import distinct
    >>> space = darts_tf.SearchSpace.recurrent(["tanh", "relu"], num_nodes=1)
    >>> len(distinct.draw(space, number=2, seed=0))
    2
    """
    number = checks.integer(number, "number", 1, _MOST_CELLS)
    seed = checks.integer(seed, "seed", 0, 2**63 - 1)
    seeds = np.random.default_rng(seed)
    found: dict[computation.Key, genotype_lib.Genotype] = {}
    repeats = 0
    while len(found) < number:
        genotype = space.random_genotype(int(seeds.random() * 2**53))
        known = len(found)
        found.setdefault(computation.key(genotype), genotype)
        repeats = 0 if len(found) > known else repeats + 1
        if repeats == _MOST_REPEATS:
            raise ValueError(
                f"The space seems to have only {len(found)} cells that compute "
                f"different things. Received: number={number}"
            )
    return list(found.values())
