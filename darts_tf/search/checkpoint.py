"""The state of a run in one file, whole or not at all."""

import json

import keras
import numpy as np

from darts_tf.spaces import atomic_file

_INFO = "info"


def save(path, groups, info):
    """Replaces a checkpoint in one step.

    Args:
        path: String or path, a file `.npz`. Its folder must exist.
        groups: Dictionary from a name to a list of variables, such as
            `{"model": model.variables}`.
        info: What `json.dumps` can write: the rest of the state.

    Raises:
        OSError: If the file cannot be written.

    Example:

    >>> import tempfile
    >>> from darts_tf.search import checkpoint
    >>> folder = tempfile.TemporaryDirectory()
    >>> weight = keras.Variable([1.0])
    >>> path = folder.name + "/checkpoint.npz"
    >>> checkpoint.save(path, {"model": [weight]}, {"epoch": 3})
    >>> _ = weight.assign([2.0])
    >>> checkpoint.restore(path, {"model": [weight]}), weight.numpy()
    ({'epoch': 3}, array([1.], dtype=float32))
    >>> folder.cleanup()
    """
    arrays = {
        f"{name}/{index}": _array(variable)
        for name, variables in groups.items()
        for index, variable in enumerate(variables)
    }
    with atomic_file.replacing(path) as temporary:
        np.savez(temporary, **arrays, **{_INFO: np.array(json.dumps(info))})


def restore(path, groups):
    """Gives variables the values of a checkpoint.

    Args:
        path: String or path, a file that `save` wrote.
        groups: Dictionary of the same names and of variables of the same
            shapes, in the same order, as were saved. None is changed unless
            all can be.

    Returns:
        The `info` that was saved.

    Raises:
        ValueError: If the file holds other variables.
        OSError: If it cannot be read.

    Example:

    >>> from darts_tf.search import checkpoint
    >>> checkpoint.restore("missing.npz", {})
    Traceback (most recent call last):
    ...
    FileNotFoundError: [Errno 2] No such file or directory: 'missing.npz'
    """
    variables = {
        f"{name}/{index}": variable
        for name, variables in groups.items()
        for index, variable in enumerate(variables)
    }
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    info = json.loads(str(arrays.pop(_INFO)))
    expected = {name: tuple(v.shape) for name, v in variables.items()}
    received = {name: value.shape for name, value in arrays.items()}
    if expected != received:
        differing = sorted(
            name
            for name in expected.keys() | received.keys()
            if expected.get(name) != received.get(name)
        )
        raise ValueError(
            "The checkpoint must be of a run with the same variables. "
            f"Received: {str(path)!r}, which differs in {differing[0]}: "
            f"{received.get(differing[0])} instead of "
            f"{expected.get(differing[0])}"
        )
    for name, variable in variables.items():
        variable.assign(arrays[name])
    return info


def _array(variable):
    # NumPy's files know no bfloat16; float32 holds its values exactly.
    if str(variable.dtype) == "bfloat16":
        variable = keras.ops.cast(variable, "float32")
    return keras.ops.convert_to_numpy(variable)
