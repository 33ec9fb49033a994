"""Moves weights between a network and the official code."""

import keras
import numpy as np

from darts_tf.interop import checkpoint_file
from darts_tf.interop import network_names

# Our names of what the official code calls otherwise.
_ALIASES = {
    f"alphas_{cell_type}": name
    for cell_type, name in network_names.ALPHAS.items()
}
_LONGEST_LIST = 50


def load_official(model, source, alphas=True):
    """Loads a state dictionary of the official code into a network.

    Every array of the source is used, once, and every variable that the
    official code has gets its values: weights, running statistics, and the
    logits of a supernet. If anything does not fit, nothing is changed.

    Args:
        model: A built `darts_tf.ConvNetwork`, `ConvSupernet`,
            `RecurrentNetwork` or `RecurrentSupernet`.
        source: A mapping of official names to arrays, such as
            `cells.3._ops.5._ops.4.op.1.weight`, or a file, as for
            `read_checkpoint`.
        alphas: Boolean, whether the source holds a supernet's logits, by the
            official names `alphas_normal`, `alphas_reduce` and, recurrent,
            `weights`, or by ours, `alphas_reduction` and `alphas_recurrent`.
            The official code keeps them outside of its state dictionary: load
            that with `False`, which leaves the model's as they are. Defaults
            to `True`.

    Returns:
        Tuple of the official names that were read.

    Raises:
        ValueError: If names are missing or left over, a shape is another, or
            arrays differ that the network holds once (the statistics of a
            supernet's pools on edges that leave one node, the embedding and
            the softmax); all are listed. Also if the model is not one of these
            or not built, or the source no state dictionary.
        OSError: If the file cannot be read.
        ImportError: If the file needs PyTorch, which is not installed.

    Example:

    >>> network = darts_tf.RecurrentNetwork(
    ...     darts_tf.zoo.RECURRENT_DARTS_V2, vocabulary_size=20, units=8
    ... )
    >>> network.build()
    >>> arrays = darts_tf.interop.to_official(network)
    >>> arrays["rnns.0._W0"] = np.zeros((16, 16), "float32")
    >>> names = darts_tf.interop.load_official(network, arrays)
    >>> names[:3]
    ('encoder.weight', 'decoder.weight', 'decoder.bias')
    >>> float(np.abs(network.cell.initial_kernel).max())
    0.0
    """
    table = network_names.table(model, alphas)
    arrays = checkpoint_file.read_checkpoint(source)
    for alias, name in _ALIASES.items():
        if alias in arrays and name not in arrays:
            arrays[name] = arrays.pop(alias)
    variables = {id(each.variable): each.variable for each in table}
    values = _values(variables)
    _check(table, arrays, values)
    for each in table:
        value = values[id(each.variable)]
        value[each.where] = each.layout.to_ours(arrays[each.names[0]])
    for key, variable in variables.items():
        variable.assign(values[key])
    return tuple(name for each in table for name in each.names)


def to_official(model, alphas=True):
    """Returns the weights of a network as a state dictionary.

    Args:
        model: A built `darts_tf.ConvNetwork`, `ConvSupernet`,
            `RecurrentNetwork` or `RecurrentSupernet`.
        alphas: Boolean, whether a supernet's logits are in it. The official
            `load_state_dict` expects a dictionary without them. Defaults to
            `True`.

    Returns:
        A dictionary of official names to NumPy arrays, which `load_official`
        reads.

    Raises:
        ValueError: If the model is not one of these, is not built, or holds an
            custom operation, which the official code has no name for.

    Example:

    >>> network = darts_tf.ConvNetwork(
    ...     darts_tf.zoo.DARTS_V2, filters=2, num_cells=3
    ... )
    >>> network.build((None, 8, 8, 3))
    >>> arrays = darts_tf.interop.to_official(network)
    >>> arrays["cells.0._ops.0.op.1.weight"].shape
    (2, 1, 3, 3)
    """
    table = network_names.table(model, alphas)
    values = _values({id(each.variable): each.variable for each in table})
    return {
        name: each.part(values[id(each.variable)])
        for each in table
        for name in each.names
    }


def save_official(model, path, alphas=True):
    """Writes what `to_official` returns to a file.

    Args:
        model: As for `to_official`.
        path: String or path of a new file. The name says the form: `.npz`, or
            any other for `torch.save`, which needs PyTorch (`pip install
            'darts-tf[interop]'`).
        alphas: As for `to_official`. Defaults to `True`.

    Raises:
        ValueError: As for `to_official`.
        FileExistsError: If there is something at the path.
        ImportError: If the form needs PyTorch, which is not installed.

    Example:

    >>> network = darts_tf.RecurrentNetwork(
    ...     darts_tf.zoo.RECURRENT_DARTS_V2, vocabulary_size=20, units=8
    ... )
    >>> network.build()
    >>> darts_tf.interop.save_official(network, "network.npz")
    >>> len(darts_tf.interop.read_checkpoint("network.npz"))
    12
    """
    checkpoint_file.write_checkpoint(to_official(model, alphas), path)


def _values(variables):
    """Returns the values of variables, each by its key, as new arrays."""
    return {
        key: np.array(keras.ops.convert_to_numpy(variable.value))
        for key, variable in variables.items()
    }


def _check(table, arrays, values):
    """Raises an error that lists everything that does not fit."""
    expected = {
        name: each.part(values[id(each.variable)]).shape
        for each in table
        for name in each.names
    }
    missing = [name for name in expected if name not in arrays]
    left_over = [name for name in arrays if name not in expected]
    shapes = [
        f"{name} (expected {shape}, is {arrays[name].shape})"
        for name, shape in expected.items()
        if name in arrays and arrays[name].shape != shape
    ]
    differing = [
        f"{name} (from {each.names[0]})"
        for each in table
        for name in each.names[1:]
        if not missing
        and not shapes
        # A rounding error is what two kernels may differ by in one statistic.
        and not np.allclose(
            arrays[name], arrays[each.names[0]], rtol=1e-5, atol=1e-7
        )
    ]
    found = {
        "missing": missing,
        "left over": left_over,
        "of another shape": shapes,
        "different, which the network holds once": differing,
    }
    if not any(found.values()):
        return
    logits = set(network_names.ALPHAS.values())
    hint = ""
    if missing and set(missing) <= logits:
        hint = (
            " The official state dictionary has no logits: `alphas=False` "
            "loads it without them."
        )
    elif any(name.startswith("auxiliary_head.") for name in left_over):
        hint = " A network with `auxiliary_weight` has an auxiliary head."
    raise ValueError(
        f"The source must hold the network's {len(expected)} official arrays "
        f"and no others.{hint} Received: "
        + "; ".join(
            f"{kind}: {_listed(names)}"
            for kind, names in found.items()
            if names
        )
    )


def _listed(names):
    more = len(names) - _LONGEST_LIST
    return ", ".join(map(str, names[:_LONGEST_LIST])) + (
        f" and {more} more" if more > 0 else ""
    )
