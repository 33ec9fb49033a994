"""From op weights to a genotype: the last step of the search."""

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from darts_tf import checks
from darts_tf.spaces import genotype as genotype_lib
from darts_tf.spaces import search_space

# float32 softmax over a dozen primitives is off by about 1e-7; rounding to
# bfloat16 stays below this, and logits are nowhere near it.
_SUM_TOLERANCE = 1e-3


@dataclass(frozen=True)
class EdgeChoice:
    """Why an edge of a genotype holds the operation it holds.

    Args:
        cell_type: String, `"normal"`, `"reduction"` or `"recurrent"`.
        node: Integer, the node that the edge enters.
        source: Integer, the node that the edge leaves.
        primitive: String, the chosen operation.
        op_weight: Float, its op weight, from 0 to 1.
        runner_up: String, the second best operation on the same edge; `None`
            if there was no other.
        runner_up_op_weight: Float, its op weight; 0 if there was no other.

    Example:

    >>> choice = darts_tf.EdgeChoice(
    ...     "normal", 2, 0, "sep_conv_3x3", 0.5, "skip_connect", 0.25
    ... )
    >>> choice.margin
    0.25
    """

    cell_type: str
    node: int
    source: int
    primitive: str
    op_weight: float
    runner_up: str | None
    runner_up_op_weight: float

    @property
    def margin(self) -> float:
        """How much more weight the choice has than the runner-up."""
        return self.op_weight - self.runner_up_op_weight


def discretize(
    space: search_space.SearchSpace, op_weights: Mapping[str, npt.ArrayLike]
) -> genotype_lib.Genotype:
    """Returns the genotype that op weights lean to most.

    The strength of an edge is its largest op weight, leaving out `"none"`.
    Each node keeps its strongest incoming edges, the strongest first, and
    each edge its strongest operation, which is `"none"` only in a space where
    that is selectable. Among equals, the smaller source and the earlier
    primitive win.

    Args:
        space: `SearchSpace`.
        op_weights: For each cell type an array of shape
            `(num_edges, num_primitives)`, the softmax of `alphas` over each
            row.

    Returns:
        A `Genotype`.

    Raises:
        ValueError: If the op weights do not fit the space or are no
            probabilities.

    Example:

    >>> space = darts_tf.SearchSpace.recurrent(["none", "tanh", "relu"], 2)
    >>> op_weights = [[0.2, 0.7, 0.1], [0.8, 0.1, 0.1], [0.3, 0.3, 0.4]]
    >>> print(darts_tf.discretize(space, {"recurrent": op_weights}))
    recurrent
      node 1: tanh(0)
      node 2: relu(1)
      concat: 1, 2

    Reference:
        Section 2.4 of the DARTS paper, arXiv:1806.09055.
    """
    nodes: dict[str, dict[int, list[genotype_lib.Edge]]] = {}
    for choice in explain(space, op_weights):
        cell = nodes.setdefault(choice.cell_type, {})
        edge = genotype_lib.Edge(choice.primitive, choice.source)
        cell.setdefault(choice.node, []).append(edge)
    return genotype_lib.Genotype(
        **{
            cell_type: genotype_lib.Cell(
                tuple(tuple(edges) for edges in cell.values()),
                space.concat,
                space.num_inputs,
            )
            for cell_type, cell in nodes.items()
        }
    )


def op_weights_of(
    space: search_space.SearchSpace, genotype: genotype_lib.Genotype
) -> dict[str, npt.NDArray[np.float64]]:
    """Returns the op weights with which a supernet computes one cell only.

    Args:
        space: `SearchSpace`.
        genotype: `Genotype` of the space.

    Returns:
        For each cell type an array of shape `(num_edges, num_primitives)`: 1
        for each chosen operation, 0 elsewhere, so that the rows of edges that
        were not kept have no 1.

    Raises:
        ValueError: If the genotype does not belong to the space.

    Example:

    >>> from darts_tf.spaces import discretization
    >>> space = darts_tf.SearchSpace.recurrent(["none", "tanh"], 2)
    >>> genotype = darts_tf.Genotype.from_text(
    ...     "Genotype(recurrent=[('tanh', 0), ('tanh', 1)], concat=[1, 2])"
    ... )
    >>> discretization.op_weights_of(space, genotype)["recurrent"].tolist()
    [[0.0, 1.0], [0.0, 0.0], [0.0, 1.0]]
    """
    space.validate(genotype)
    op_weights: dict[str, npt.NDArray[np.float64]] = {}
    for cell_type, cell in genotype.cells.items():
        weights = np.zeros(space.alphas_shape)
        for node, edges in zip(space.nodes, cell.nodes, strict=True):
            for edge in edges:
                row = space.edge_index(edge.source, node)
                weights[row, space.primitives.index(edge.primitive)] = 1.0
        op_weights[cell_type] = weights
    return op_weights


def explain(
    space: search_space.SearchSpace, op_weights: Mapping[str, npt.ArrayLike]
) -> tuple[EdgeChoice, ...]:
    """Returns the reasons for each edge that `discretize` keeps.

    Args:
        space: `SearchSpace`.
        op_weights: As for `discretize`.

    Returns:
        A tuple of `EdgeChoice`, in the order of the edges in the genotype.

    Raises:
        ValueError: If the op weights do not fit the space or are no
            probabilities.

    Example:

    >>> space = darts_tf.SearchSpace.recurrent(["none", "tanh", "relu"], 1)
    >>> op_weights = {"recurrent": [[0.25, 0.5, 0.25]]}
    >>> [choice] = darts_tf.explain(space, op_weights)
    >>> choice.primitive, choice.runner_up, choice.margin
    ('tanh', 'relu', 0.25)
    """
    checked = _validate(space, op_weights)
    choices: list[EdgeChoice] = []
    for cell_type in space.cell_types:
        for node in space.nodes:
            incoming = [
                _choose(space, checked[cell_type], cell_type, source, node)
                for source in range(node)
            ]
            # Sorting keeps the order of equals, that of the sources.
            incoming.sort(key=lambda choice: -_strength(space, checked, choice))
            choices.extend(incoming[: space.num_kept_edges(node)])
    return tuple(choices)


def _strength(
    space: search_space.SearchSpace,
    op_weights: Mapping[str, npt.NDArray[np.float64]],
    choice: EdgeChoice,
) -> float:
    """Returns the largest op weight of an edge, leaving out `"none"`."""
    if choice.primitive != search_space.NONE:
        return choice.op_weight
    edge = space.edge_index(choice.source, choice.node)
    row = op_weights[choice.cell_type][edge]
    others = [
        float(weight)
        for name, weight in zip(space.primitives, row, strict=True)
        if name != search_space.NONE
    ]
    return max(others)


def _choose(
    space: search_space.SearchSpace,
    op_weights: npt.NDArray[np.float64],
    cell_type: str,
    source: int,
    node: int,
) -> EdgeChoice:
    """Returns the best operation on one edge, and the second best."""
    row = op_weights[space.edge_index(source, node)]
    candidates = space.candidates_on(cell_type, source, node)
    # Sorting keeps the order of equals, that of the primitives.
    ranked = sorted(
        (
            (name, float(weight))
            for name, weight in zip(space.primitives, row, strict=True)
            if name in candidates
        ),
        key=lambda candidate: -candidate[1],
    )
    best, best_weight = ranked[0]
    second, second_weight = ranked[1] if len(ranked) > 1 else (None, 0.0)
    return EdgeChoice(
        cell_type, node, source, best, best_weight, second, second_weight
    )


def _validate(
    space: search_space.SearchSpace, op_weights: Mapping[str, npt.ArrayLike]
) -> dict[str, npt.NDArray[np.float64]]:
    """Returns the op weights as arrays if they are probabilities."""
    checks.mapping(op_weights, "op_weights", space.cell_types)
    checked: dict[str, npt.NDArray[np.float64]] = {}
    for cell_type in space.cell_types:
        name = f"op_weights[{cell_type!r}]"
        try:
            array = np.asarray(op_weights[cell_type], dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"`{name}` must be an array of numbers ({error}). "
                f"Received: {name}={reprlib.repr(op_weights[cell_type])}"
            ) from error
        if array.shape != space.alphas_shape:
            raise ValueError(
                f"`{name}` must have the shape {space.alphas_shape}, one row "
                f"for each edge and one column for each primitive. "
                f"Received: shape={array.shape}"
            )
        # NaN makes a comparison false. The sum comes last, where all entries
        # are known to be finite.
        if not (
            array.min() >= 0
            and array.max() <= 1 + _SUM_TOLERANCE
            and np.abs(array.sum(axis=1) - 1).max() <= _SUM_TOLERANCE
        ):
            raise ValueError(
                f"`{name}` must be softmax weights, so that each row is "
                "non-negative, finite and sums to 1. Logits must go through "
                "the softmax first: they may rank edges in another order. "
                f"Received: {name}={reprlib.repr(array.tolist())}"
            )
        excluded = np.where(space.mask(cell_type), 0.0, array)
        if excluded.max() > _SUM_TOLERANCE:
            edge, column = np.unravel_index(excluded.argmax(), array.shape)
            raise ValueError(
                f"`{name}` must be 0 for primitives that an edge does not "
                f"have. Received: {excluded.max()} for "
                f"{space.primitives[column]!r} on edge {space.edges[edge]}"
            )
        checked[cell_type] = array
    return checked
