"""Weights of a supernet as the start of a network derived from it."""

import dataclasses

import keras

from darts_tf.layers import operation


@dataclasses.dataclass(frozen=True)
class Inheritance:
    """What a derived network took from a supernet, and what it did not.

    Args:
        taken: Tuple of strings, the paths of the network's variables that have
            the supernet's values.
        fresh: Tuple of strings, the paths of the variables that were left as
            they are: what the supernet does not have, such as scales and
            offsets of normalisations, or has in another shape.
        lost: Tuple of strings, the layers of the supernet's chosen operations
            that the network has no place for: the normalisation after a pool.

    Example:

    >>> report = darts_tf.models.Inheritance(("stem/kernel",), (), ())
    >>> print(report)
    1 variable inherited, 0 left as they were, 0 layers lost
    """

    taken: tuple
    fresh: tuple
    lost: tuple

    def __str__(self):
        return (
            f"{len(self.taken)} variable{'s' * (len(self.taken) != 1)} "
            f"inherited, {len(self.fresh)} left as they were, "
            f"{len(self.lost)} layers lost"
        )


def inherit_weights(network, supernet):
    """Gives a derived network the weights of a supernet where shapes agree.

    Stem, preprocessing, classifier, and on each edge the copy of the chosen
    operation, cut out of the merged kernels, together with the statistics of
    normalisations. Scales and offsets, which a search does not have, stay
    at 1 and 0. Cells belong together by their place in the network.

    In inference the network then computes what the supernet would if the op
    weights were 1 for the chosen operations and for `none` on all other
    edges, as long as no pool was chosen.

    Args:
        network: A `darts_tf.ConvNetwork`, built.
        supernet: A `darts_tf.ConvSupernet`, built.

    Returns:
        An `Inheritance`.

    Raises:
        ValueError: If one of the two is not built.

    Example:

    >>> space = darts_tf.SearchSpace.conv(["none", "sep_conv_3x3"], num_nodes=1)
    >>> supernet = darts_tf.ConvSupernet(space, filters=2, num_cells=3)
    >>> network = darts_tf.ConvNetwork(
    ...     space.random_genotype(0), filters=2, num_cells=3
    ... )
    >>> for model in (supernet, network):
    ...     model.build((None, 8, 8, 1))
    >>> print(darts_tf.models.inherit_weights(network, supernet))
    74 variables inherited, 36 left as they were, 0 layers lost
    """
    for model in (network, supernet):
        if not model.built:
            raise ValueError(
                "Both must be built on the shape of the images. "
                f"Received: {model.name!r}, which is not"
            )
    taken, lost = [], []
    for target, source, copy, copies in _pairs(network, supernet):
        if isinstance(target, operation.Pool):
            if source.norm is None:
                continue
            lost += [source.norm.path]
            continue
        for mine, theirs in zip(_leaves(target), _leaves(source), strict=True):
            taken += _take(mine, theirs, copy, copies)
    everything = [
        v.path for v in network.weights if v is not network.drop_path_rate
    ]
    found = set(taken)
    return Inheritance(
        tuple(taken),
        tuple(path for path in everything if path not in found),
        tuple(lost),
    )


def _pairs(network, supernet):
    """Yields layers that belong together, and which of how many copies."""
    yield network.stem, supernet.stem, 0, 1
    yield network.classifier, supernet.classifier, 0, 1
    if network.skeleton == supernet.space.skeleton:
        for mine, theirs in zip(network.blocks, supernet.blocks, strict=False):
            yield mine, theirs, 0, 1
        if network.last_norm is not None:
            yield network.last_norm, supernet.last_norm, 0, 1
    for cell, searched in zip(network.cells, supernet.cells, strict=False):
        if (cell.cell_type, cell.num_inputs) != (
            searched.cell_type,
            searched.num_inputs,
        ):
            continue
        for mine, theirs in zip(
            cell.preprocess, searched.preprocess, strict=False
        ):
            if type(mine) is type(theirs):
                yield mine, theirs, 0, 1
        for node, edge, layer in cell.chosen_operations():
            yield from _pair_of_edge(layer, searched, edge, node)


def _pair_of_edge(layer, searched, edge, node):
    found = searched.copy_of(edge.primitive, edge.source, node)
    if found is None:
        return
    source, copy = found
    if isinstance(layer, operation.Replicated):
        yield layer.layers[0], source.layers[copy], 0, 1
    else:
        yield layer, source, copy, source.copies


def _leaves(layer):
    """Returns the layers without sublayers that have variables, in order."""
    layers = layer._flatten_layers(include_self=True, recursive=True)
    return [
        leaf
        for leaf in layers
        if leaf.weights and not leaf._flatten_layers(include_self=False)
    ]


def _take(mine, theirs, copy, copies):
    """Copies the variables of equal names, and returns their paths."""
    by_name = {variable.name: variable for variable in theirs.weights}
    taken = []
    for variable in mine.weights:
        source = by_name.get(variable.name)
        # Copies stand side by side in the last axis, whatever the variable.
        *others, size = variable.shape
        if source is None or tuple(source.shape) != (*others, copies * size):
            continue
        values = keras.ops.convert_to_tensor(source.value)
        variable.assign(values[..., copy * size : (copy + 1) * size])
        taken.append(variable.path)
    return taken
