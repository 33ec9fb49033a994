"""Reads and writes official state dictionaries: mappings, `.npz` and `.pt`."""

import os
import pathlib
import reprlib
from collections.abc import Mapping

import numpy as np

_NPZ = ".npz"
# What `torch.nn.DataParallel` puts before every name.
_PARALLEL = "module."
_COUNTER = ".num_batches_tracked"
_STATISTIC = ".running_mean"


def read_checkpoint(source):
    """Reads the arrays of an official state dictionary.

    What official training scripts put around it is taken off: the dictionary
    with the `"state_dict"` in it, and the `"module."` before each name that
    comes of data parallelism. The `num_batches_tracked` that PyTorch counts
    since 0.4.1 beside the statistics of each normalisation is left out: it
    does not enter the results at the published momentum.

    Args:
        source: A mapping of names to arrays; or a path: of an `.npz` file, or
            of any other name a file of `torch.save`, in its present or its
            old format. The latter needs PyTorch (`pip install
            'darts-tf[interop]'`) and is loaded as weights only, so no code in
            it runs.

    Returns:
        A dictionary of names to NumPy arrays.

    Raises:
        ValueError: If it is no mapping of names to arrays of floating point
            numbers.
        OSError: If the file cannot be read.
        ImportError: If the file needs PyTorch, which is not installed.

    Example:

    >>> arrays = darts_tf.interop.read_checkpoint(
    ...     {"state_dict": {"module.decoder.bias": np.zeros(3, "float32")}}
    ... )
    >>> list(arrays)
    ['decoder.bias']
    """
    if isinstance(source, Mapping):
        values = source
    elif not isinstance(source, str | os.PathLike):
        raise ValueError(
            "`source` must be a mapping of names to arrays, or a path. "
            f"Received: source={reprlib.repr(source)}"
        )
    elif pathlib.Path(source).suffix == _NPZ:
        values = _read_npz(source)
    else:
        values = _read_torch(source)
    values = values.get("state_dict", values)
    if not isinstance(values, Mapping) or not values:
        raise ValueError(
            "A checkpoint must hold a state dictionary, names with arrays. "
            f"Received: {type(values).__name__} in source={_brief(source)}"
        )
    if all(str(name).startswith(_PARALLEL) for name in values):
        values = {
            name.removeprefix(_PARALLEL): value
            for name, value in values.items()
        }
    return {
        name: _to_array(name, value)
        for name, value in values.items()
        if not _is_counter(name, values)
    }


def write_checkpoint(arrays, path):
    """Writes arrays in a form that `read_checkpoint` reads.

    Args:
        arrays: Dictionary of names to NumPy arrays.
        path: String or path of a new file. The name says the form: `.npz`, or
            any other for `torch.save`, which needs PyTorch.

    Raises:
        FileExistsError: If there is something at the path.
        ImportError: If the form needs PyTorch, which is not installed.
    """
    path = pathlib.Path(path)
    torch = None if path.suffix == _NPZ else _import_torch(path)
    with open(path, "xb") as file:
        if torch is None:
            np.savez(file, **arrays)
        else:
            # A copy: PyTorch warns of arrays that cannot be written to.
            tensors = {
                name: torch.from_numpy(np.array(array))
                for name, array in arrays.items()
            }
            torch.save(tensors, file)


def _read_npz(path):
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except OSError:
        raise
    # An array alone, no zip file, a broken one, objects in it.
    except Exception as error:
        raise ValueError(
            f"The file must hold named arrays of numbers ({error}). "
            f"Received: source={str(path)!r}"
        ) from error


def _read_torch(path):
    torch = _import_torch(path)
    try:
        values = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    # PyTorch does not say what it raises for what is no checkpoint.
    except Exception as error:
        raise ValueError(
            "The file must hold a state dictionary that `torch.save` wrote. "
            "If it holds a whole model, as the official recurrent code writes, "
            "save its `state_dict()` where that code runs: reading the model "
            f"would run code of the file. Received: source={str(path)!r}"
        ) from error
    return values if isinstance(values, Mapping) else {"state_dict": values}


def _import_torch(path):
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            "A file of PyTorch needs it: pip install 'darts-tf[interop]'. An "
            f".npz file does not. Received: {str(path)!r}"
        ) from error
    return torch


def _to_array(name, value):
    if hasattr(value, "detach"):  # PyTorch, which need not be installed
        value = value.detach().cpu()
    try:
        array = np.asarray(value)
    # NumPy knows neither ragged lists nor all types of PyTorch.
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name!r} must be an array of floating point numbers ({error}). "
            f"Received: {type(value).__name__}"
        ) from error
    if array.dtype.kind != "f":
        raise ValueError(
            f"{name!r} must hold floating point numbers. "
            f"Received: {type(value).__name__} of dtype {array.dtype}"
        )
    return array


def _is_counter(name, values):
    """Returns whether it is the counter of a normalisation of the mapping."""
    if not isinstance(name, str) or not name.endswith(_COUNTER):
        return False
    return name.removesuffix(_COUNTER) + _STATISTIC in values


def _brief(source):
    return "a mapping" if isinstance(source, Mapping) else repr(str(source))
