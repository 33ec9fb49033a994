"""What a cell computes, whatever the way in which it is written down.

Two different cells may compute the same function of the same kind of weights:
an operation whose result nobody reads changes nothing, neither does one whose
input is always zero, and an edge that passes its input on may as well lead
from the nodes that this input comes from. `key` sees through all of that, and
through the numbering of nodes, so that equal keys mean equal computations.
"""

from collections.abc import Sequence
from typing import TypeAlias

from darts_tf.spaces import canonical_form
from darts_tf.spaces import genotype as genotype_lib

_NONE, _SKIP = "none", "skip_connect"
# What has no weights of its own: twice on equal inputs is the same thing.
_WITHOUT_WEIGHTS = ("max_pool_3x3", "avg_pool_3x3")
# The results that are summed in a node, as indices, in rising order.
_Sum: TypeAlias = tuple[int, ...]
Key: TypeAlias = tuple[object, ...]


def key(genotype: genotype_lib.Genotype) -> Key:
    """Returns what is equal for genotypes that compute the same, and hashable.

    A cell is seen as its operations with the sums that they read, and its
    output as the sums that are joined in it. These do not count:

    - `"none"`, and operations that read nothing else;
    - operations that do not lead to the output;
    - `"skip_connect"` where it passes its input on, so everywhere except from
      the inputs of a reduction cell: who reads its result reads its input;
    - a pool, which has no weights, that stands there twice on equal inputs;
    - the numbering of nodes, and the order of edges and of the output.

    An operation with weights that stands there twice counts twice, for each
    has its own.

    Args:
        genotype: A `Genotype`.

    Returns:
        A nested tuple.

    Example:

    >>> from darts_tf.spaces import computation
    >>> one, other = (
    ...     darts_tf.Genotype.from_text(f"|{a}~0|+|{b}~0|{c}~1|")
    ...     for a, b, c in (
    ...         ("nor_conv_3x3", "none", "skip_connect"),
    ...         ("skip_connect", "none", "nor_conv_3x3"),
    ...     )
    ... )
    >>> computation.key(one) == computation.key(other)
    True
    """
    return tuple(
        (cell_type, key_of_cell(cell, cell_type))
        for cell_type, cell in genotype.cells.items()
    )


def published_text(cell: genotype_lib.Cell) -> str:
    """Returns the text by which NAS-Bench-201 tells cells apart.

    It writes each node as the sum of its terms in the order of their texts,
    an edge that passes its input on as that input, and what is always zero as
    `#`. It has 6,466 values for the 15,625 cells, the published number. It
    tells more cells apart than `key`: zeros stay in the sums, and a sum
    within a sum keeps its place.

    Args:
        cell: A `Cell` with one input, whose last node is its output.

    Returns:
        String.

    Example:

    >>> from darts_tf.spaces import computation
    >>> found = darts_tf.Genotype.from_text("|nor_conv_1x1~0|")
    >>> computation.published_text(found.normal)
    '(0)@nor_conv_1x1'

    Reference:
        Section 2.2 of Dong and Yang, "NAS-Bench-201", arXiv:2001.00326.
    """
    texts = [str(k) for k in range(cell.num_inputs)]
    for edges in cell.nodes:
        terms = [_term(edge.primitive, texts[edge.source]) for edge in edges]
        texts.append("+".join(sorted(terms)))
    return texts[-1]


def _term(primitive: str, source: str) -> str:
    if primitive == _NONE or source == "#":
        return "#"
    return source if primitive == _SKIP else f"({source})@{primitive}"


def key_of_cell(cell: genotype_lib.Cell, cell_type: str) -> Key:
    """Returns what is equal for cells that compute the same, as `key`.

    Args:
        cell: A `Cell`.
        cell_type: String, its type.
    """
    operations, outputs = _operations(cell, cell_type)
    alive = _leading_to(outputs, operations, cell.num_inputs)
    index = {result: result for result in range(cell.num_inputs)}
    nodes: list[list[tuple[str, int]]] = []
    for result in alive:
        primitive, read = operations[result - cell.num_inputs]
        index[result] = cell.num_inputs + len(nodes)
        nodes.append([(primitive, index[other]) for other in read])
    first_output = cell.num_inputs + len(nodes)
    nodes.extend([("", index[other]) for other in read] for read in outputs)
    concat = range(first_output, first_output + len(outputs))
    order = canonical_form.canonical_order(nodes, concat, cell.num_inputs)
    place = {node: node for node in range(cell.num_inputs)}
    place.update({n: k for k, n in enumerate(order, cell.num_inputs)})
    return tuple(
        tuple(
            sorted(
                (place[other], primitive)
                for primitive, other in nodes[node - cell.num_inputs]
            )
        )
        for node in order
    )


def _operations(
    cell: genotype_lib.Cell, cell_type: str
) -> tuple[list[tuple[str, _Sum]], list[_Sum]]:
    """Returns each operation with what it reads, and what the outputs read.

    Results are numbered from 0: the inputs, then the operations.
    """
    operations: list[tuple[str, _Sum]] = []
    known: dict[tuple[str, _Sum], int] = {}
    sums: list[_Sum] = [(k,) for k in range(cell.num_inputs)]
    for edges in cell.nodes:
        results: list[int] = []
        for edge in edges:
            read = sums[edge.source]
            halves = cell_type == "reduction" and edge.source < cell.num_inputs
            if edge.primitive == _NONE or not read:
                continue
            if edge.primitive == _SKIP and not halves:
                results.extend(read)
                continue
            # With other strides a pool is another operation.
            operation = (edge.primitive + "/2" * halves, read)
            if operation not in known:
                operations.append(operation)
                result = cell.num_inputs + len(operations) - 1
                if edge.primitive in _WITHOUT_WEIGHTS:
                    known[operation] = result
                results.append(result)
            else:
                results.append(known[operation])
        sums.append(tuple(sorted(results)))
    return operations, [sums[node] for node in cell.concat]


def _leading_to(
    outputs: Sequence[_Sum],
    operations: Sequence[tuple[str, _Sum]],
    num_inputs: int,
) -> list[int]:
    """Returns the operations' results that the outputs need, in order."""
    needed = {result for read in outputs for result in read}
    for result in range(num_inputs + len(operations) - 1, num_inputs - 1, -1):
        if result in needed:
            needed.update(operations[result - num_inputs][1])
    return sorted(result for result in needed if result >= num_inputs)
