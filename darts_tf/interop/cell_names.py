"""The official names inside a convolutional cell.

There, a module holds numbered parts: a separable convolution is a `Sequential`
named `op` of ReLU (0), depthwise (1) and pointwise (2) convolution,
normalisation (3), ReLU (4), and so on. Here, the copies of an operation on all
edges that leave a node stand side by side in the channels, so an edge's arrays
are a slice of the last axis.
"""

from darts_tf.interop import entry
from darts_tf.layers import convolution_stack
from darts_tf.layers import operation


def linear(prefix, layer):
    """Yields the entries of a linear layer.

    Args:
        prefix: String, the official name of the layer.
        layer: `keras.layers.Dense`.

    Yields:
        `Entry`.
    """
    yield entry.Entry((f"{prefix}.weight",), layer.kernel, entry.MATRIX)
    yield entry.Entry((f"{prefix}.bias",), layer.bias, entry.SAME)


def kernel(prefix, layer, copy=0, copies=1):
    """Yields the entry of a convolution.

    Args:
        prefix: String, the official name of the layer.
        layer: A layer with a `kernel` whose last axis are the outputs.
        copy: Integer, which of the copies. Defaults to `0`.
        copies: Integer, how many stand side by side. Defaults to `1`.

    Yields:
        `Entry`.
    """
    part = _part(layer.kernel, copy, copies)
    yield entry.Entry((f"{prefix}.weight",), layer.kernel, entry.KERNEL, part)


def norm(prefixes, layer, copy=0, copies=1):
    """Yields the entries of a batch normalisation.

    Args:
        prefixes: Strings, the official names of the layer: several if ours
            stands for several that are the same.
        layer: `darts_tf.layers.BatchNorm`.
        copy: Integer, which of the copies. Defaults to `0`.
        copies: Integer, how many stand side by side. Defaults to `1`.

    Yields:
        `Entry`.
    """
    variables = (
        {"weight": layer.gamma, "bias": layer.beta} if (layer.affine) else {}
    )
    variables["running_mean"] = layer.moving_mean
    variables["running_var"] = layer.moving_variance
    for name, variable in variables.items():
        yield entry.Entry(
            tuple(f"{prefix}.{name}" for prefix in prefixes),
            variable,
            entry.SAME,
            _part(variable, copy, copies),
        )


def operation_entries(prefixes, layer):
    """Yields the entries of an operation, for each of its copies.

    Args:
        prefixes: For each copy a string, the official name of the operation,
            or `None` if the official network has no such operation there.
        layer: A `darts_tf.layers` operation.

    Yields:
        `Entry`.

    Raises:
        ValueError: If the official code has no such kind of operation.
    """
    present = [prefix for prefix in prefixes if prefix is not None]
    if not present or isinstance(layer, operation.Identity | operation.Zero):
        return
    if isinstance(layer, operation.Pool):
        # All copies read the same, so their statistics are the same.
        if layer.norm is not None:
            yield from norm([f"{prefix}.1" for prefix in present], layer.norm)
        return
    if isinstance(layer, convolution_stack.FactorizedReduce):
        one_copy = _factorized_reduce
    elif isinstance(layer, convolution_stack.ConvolutionStack):
        one_copy = _stack
    else:
        raise ValueError(
            "The official code has names for the published operations only. "
            f"Received: {layer.name!r} at {present[0]!r}"
        )
    for copy, prefix in enumerate(prefixes):
        if prefix is not None:
            yield from one_copy(prefix, layer, copy, len(prefixes))


def _stack(prefix, layer, copy, copies):
    if not isinstance(layer, convolution_stack.Conv7x1):
        prefix += ".op"
    place = 0
    for stage, normalisation in zip(layer.stages, layer.norms, strict=True):
        place += 1  # the ReLU
        for convolution in stage:
            yield from kernel(f"{prefix}.{place}", convolution, copy, copies)
            place += 1
        yield from norm([f"{prefix}.{place}"], normalisation, copy, copies)
        place += 1


def _factorized_reduce(prefix, layer, copy, copies):
    yield from kernel(f"{prefix}.conv_1", layer.even, copy, copies)
    yield from kernel(f"{prefix}.conv_2", layer.odd, copy, copies)
    yield from norm([f"{prefix}.bn"], layer.norm, copy, copies)


def derived_cell(prefix, cell):
    """Yields the entries of the cell of a genotype.

    Args:
        prefix: String, the official name of the cell.
        cell: `ConvCell`.

    Yields:
        `Entry`.
    """
    yield from _preprocessing(prefix, cell)
    # In the order in which the genotype lists the edges.
    edges = [layer for layers in cell.operations for layer in layers]
    for k, layer in enumerate(edges):
        yield from operation_entries([f"{prefix}._ops.{k}"], layer)


def search_cell(prefix, cell, space):
    """Yields the entries of a cell with mixed edges.

    There, each edge is a module that counts its own primitives. Here, all
    edges that leave a node are one layer, with copies of every primitive; the
    copy of a primitive that an edge does not have has no official name.

    Args:
        prefix: String, the official name of the cell.
        cell: `ConvSearchCell`.
        space: `darts_tf.SearchSpace`.

    Yields:
        `Entry`.
    """
    yield from _preprocessing(prefix, cell)

    def name(primitive, edge):
        present = space.primitives_on(cell.cell_type, *edge)
        if primitive not in present:
            return None
        place = f"{space.edge_index(*edge)}._ops.{present.index(primitive)}"
        return f"{prefix}._ops.{place}"

    for source, mixed in enumerate(cell.mixed_ops):
        leaving = [edge for edge in space.edges if edge[0] == source]
        for primitive, layer in zip(
            mixed.primitives, mixed.operations, strict=True
        ):
            names = [name(primitive, edge) for edge in leaving]
            yield from operation_entries(names, layer)


def _preprocessing(prefix, cell):
    for k, layer in enumerate(cell.preprocess):
        yield from operation_entries([f"{prefix}.preprocess{k}"], layer)


def _part(variable, copy, copies):
    size = variable.shape[-1] // copies
    return (..., slice(copy * size, (copy + 1) * size))
