"""The state of a run in one file, whole or not at all, and the one before."""

import errno
import io
import json
import pathlib
import warnings
import zipfile

import keras
import numpy as np

from darts_tf.files import atomic_file

_INFO = "info"
_FORMAT = "darts_tf.checkpoint.1"


def save(path, groups, info, configuration=None):
    """Replaces a checkpoint in one step, and keeps the one before.

    Args:
        path: String or path, a file `.npz`. Its folder must exist. What was
            there is renamed to `previous(path)`.
        groups: Dictionary from a name to a list of variables, such as
            `{"model": model.variables}`.
        info: What `json.dumps` can write: the rest of the state.
        configuration: Optional dictionary from names to what `json.dumps` can
            write: what a run must have in common to go on from here. Defaults
            to `None`, nothing but the variables.

    Raises:
        OSError: If the file cannot be written. The last checkpoint is whole.

    Example:

    >>> import tempfile
    >>> from darts_tf.callbacks import checkpoint
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
        name: _array(variable) for name, variable in _named(groups).items()
    }
    head = {
        "format": _FORMAT,
        "configuration": configuration or {},
        "info": info,
    }
    try:
        with atomic_file.replacing(path, previous(path)) as temporary:
            np.savez(temporary, **arrays, **{_INFO: np.array(json.dumps(head))})
    except OSError as error:
        raise OSError(
            error.errno or errno.EIO,
            f"The state could not be saved ({error.strerror or error}); the "
            f"last checkpoint in {str(pathlib.Path(path).parent)!r} is whole",
        ) from error


def previous(path):
    """Returns where the checkpoint before the last one is kept.

    Args:
        path: String or path, of the last one.

    Returns:
        A `pathlib.Path`.
    """
    path = pathlib.Path(path)
    return path.with_name(f"{path.stem}.previous{path.suffix}")


def load(path, groups, configuration=None):
    """Reads the last checkpoint that fits, and changes nothing.

    A file that is torn, is no checkpoint, or is one of another run is refused
    with a warning, and the one before it is read.

    Args:
        path: String or path, a file that `save` wrote.
        groups: Dictionary of the same names and of variables of the same
            shapes, in the same order, as were saved.
        configuration: Optional dictionary, as for `save`.

    Returns:
        A dictionary of arrays, for `assign`, and the `info` that was saved.

    Raises:
        ValueError: If there are files, but none fits; it says why.
        FileNotFoundError: If there is none.
    """
    reasons = []
    for file in (pathlib.Path(path), previous(path)):
        if not file.exists():
            continue
        try:
            head, arrays = _read(file)
            _check_fits(head, arrays, groups, configuration or {})
        except ValueError as error:
            reasons.append(f"{str(file)!r}: {error}")
            continue
        for reason in reasons:
            warnings.warn(
                f"A checkpoint is left aside, and the one before it used. "
                f"Received: {reason}",
                stacklevel=2,
            )
        return arrays, head["info"]
    if not reasons:
        raise FileNotFoundError(
            errno.ENOENT, "There is no checkpoint", str(path)
        )
    raise ValueError(
        "A checkpoint must be whole, and of a run with the same variables and "
        f"options. Received: {'; '.join(reasons)}"
    )


def assign(groups, arrays):
    """Gives variables the values that `load` returned.

    Args:
        groups: Dictionary, as for `load`.
        arrays: Dictionary of arrays.
    """
    for name, variable in _named(groups).items():
        variable.assign(arrays[name])


def restore(path, groups, configuration=None):
    """Gives variables the values of the last checkpoint that fits.

    Args:
        path: String or path, as for `load`.
        groups: Dictionary, as for `load`. No variable is changed unless all
            can be.
        configuration: Optional dictionary, as for `save`.

    Returns:
        The `info` that was saved.

    Raises:
        ValueError: As `load`.
        FileNotFoundError: As `load`.

    Example:

    >>> from darts_tf.callbacks import checkpoint
    >>> checkpoint.restore("missing.npz", {})
    Traceback (most recent call last):
    ...
    FileNotFoundError: [Errno 2] There is no checkpoint: 'missing.npz'
    """
    arrays, info = load(path, groups, configuration)
    assign(groups, arrays)
    return info


def _read(path):
    try:
        with zipfile.ZipFile(path) as archive:
            # The checksum is compared before anything in a file is understood.
            arrays = {
                name.removesuffix(".npy"): np.load(
                    io.BytesIO(archive.read(name)), allow_pickle=False
                )
                for name in archive.namelist()
            }
        head = json.loads(str(arrays.pop(_INFO)))
        if head["format"] != _FORMAT:
            raise ValueError(f"format={head['format']!r}")
        return head, arrays
    # Neither `zipfile` nor NumPy says what it raises for a file that is
    # damaged, or is another thing; whatever it is, there is the one before.
    except Exception as error:
        raise ValueError(
            f"the file is torn, or no checkpoint of this library ({error!r})"
        ) from error


def _check_fits(head, arrays, groups, configuration):
    """Raises an error that lists what differs."""
    # As JSON gives it back: tuples are lists there.
    mine = json.loads(json.dumps(configuration))
    mine |= {n: tuple(v.shape) for n, v in _named(groups).items()}
    theirs = head["configuration"] | {n: a.shape for n, a in arrays.items()}
    differing = [
        f"{name}: {theirs.get(name)} instead of {mine.get(name)}"
        for name in sorted(mine.keys() | theirs.keys())
        if mine.get(name) != theirs.get(name)
    ]
    if differing:
        listed = ", ".join(differing[:10])
        more = f" and {len(differing) - 10} more" if len(differing) > 10 else ""
        raise ValueError(f"it differs in {listed}{more}")


def _named(groups):
    return {
        f"{name}/{index}": variable
        for name, variables in groups.items()
        for index, variable in enumerate(variables)
    }


def _array(variable):
    # NumPy's files know no bfloat16; float32 holds its values exactly.
    if str(variable.dtype) == "bfloat16":
        variable = keras.ops.cast(variable, "float32")
    return keras.ops.convert_to_numpy(variable)
