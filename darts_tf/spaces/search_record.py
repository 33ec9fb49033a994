"""The record of a search on disk: its space, and its op weights over time.

`darts_tf.SearchLog` writes two files in the folder of a search, and everyone
else reads them by this module:

- `space.json`, the search space;
- `alphas.jsonl`, a line for each epoch, the first (epoch 0) from before the
  search: the architecture logits and the op weights of each cell type, of
  shape `(num_edges, num_primitives)`.
"""

import os
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from darts_tf.files import json_file
from darts_tf.spaces import discretization
from darts_tf.spaces import search_space

SPACE_FILE = "space.json"
ALPHAS_FILE = "alphas.jsonl"


def write_space(
    directory: str | os.PathLike[str], space: search_space.SearchSpace
) -> None:
    """Writes the search space, in one step.

    Args:
        directory: String or path, the folder of the search.
        space: A `darts_tf.SearchSpace`.

    Raises:
        OSError: If the file cannot be written.
    """
    json_file.write(pathlib.Path(directory, SPACE_FILE), space.get_config())


def has_space(directory: str | os.PathLike[str]) -> bool:
    """Tells whether a folder holds the record of a search.

    Args:
        directory: String or path. The folder may be missing.
    """
    return pathlib.Path(directory, SPACE_FILE).is_file()


def read_space(directory: str | os.PathLike[str]) -> search_space.SearchSpace:
    """Reads the search space.

    Args:
        directory: String or path, the folder of the search.

    Returns:
        A `darts_tf.SearchSpace`.

    Raises:
        ValueError: If the file does not hold a search space.
        OSError: If the file cannot be read.
    """
    path = pathlib.Path(directory, SPACE_FILE)
    try:
        return search_space.SearchSpace.from_config(json_file.read_object(path))
    except ValueError as error:
        raise ValueError(
            f"The file must hold a search space ({error}). "
            f"Received: {str(path)!r}"
        ) from error


def append_alphas(
    directory: str | os.PathLike[str],
    epoch: int,
    alphas: Mapping[str, npt.ArrayLike],
    op_weights: Mapping[str, npt.ArrayLike],
) -> None:
    """Writes the line of an epoch.

    Args:
        directory: String or path, the folder of the search.
        epoch: Integer, the number of epochs that are done.
        alphas: Dictionary by cell type of arrays of shape `(num_edges,
            num_primitives)`, the architecture logits.
        op_weights: Dictionary by cell type of arrays of the same shape.

    Raises:
        OSError: If the line cannot be written.

    Example:

    >>> import tempfile
    >>> import darts_tf
    >>> from darts_tf.spaces import search_record
    >>> folder = tempfile.TemporaryDirectory()
    >>> space = darts_tf.SearchSpace.recurrent(["none", "tanh"], num_nodes=1)
    >>> search_record.write_space(folder.name, space)
    >>> search_record.append_alphas(
    ...     folder.name, 0, {"recurrent": [[0, 0]]}, {"recurrent": [[0.5, 0.5]]}
    ... )
    >>> search_record.read_op_weights(folder.name, space)
    {0: {'recurrent': array([[0.5, 0.5]])}}
    >>> folder.cleanup()
    """
    line: dict[str, object] = {"epoch": epoch}
    for prefix, values in (("alphas", alphas), ("op_weights", op_weights)):
        for cell_type, array in values.items():
            line[f"{prefix}_{cell_type}"] = np.asarray(array).tolist()
    json_file.append_line(pathlib.Path(directory, ALPHAS_FILE), line)


def has_alphas(directory: str | os.PathLike[str]) -> bool:
    """Tells whether the folder of a search has the line of an epoch.

    Args:
        directory: String or path, the folder of the search.
    """
    path = pathlib.Path(directory, ALPHAS_FILE)
    return path.exists() and path.stat().st_size > 0


def drop_later_alphas(directory: str | os.PathLike[str], epoch: int) -> None:
    """Removes the lines of later epochs, which a resumed search repeats.

    Args:
        directory: String or path, the folder of the search.
        epoch: Integer, the last epoch that stays.

    Raises:
        ValueError: If the file has a damaged line.
        OSError: If the file cannot be read or written.
    """
    json_file.drop_later_lines(pathlib.Path(directory, ALPHAS_FILE), epoch)


def read_op_weights(
    directory: str | os.PathLike[str], space: search_space.SearchSpace
) -> dict[int, dict[str, npt.NDArray[Any]]]:
    """Reads the op weights of each epoch, also while the search runs.

    Args:
        directory: String or path, the folder of the search.
        space: The `darts_tf.SearchSpace` of the search.

    Returns:
        A dictionary from the epochs, ascending, to dictionaries by cell type
        of arrays of shape `(num_edges, num_primitives)`. If an epoch was
        written twice, because the search was resumed, the later values count.

    Raises:
        ValueError: If a line does not fit the space, or there is none.
        OSError: If the file cannot be read.
    """
    path = pathlib.Path(directory, ALPHAS_FILE)
    epochs: dict[int, dict[str, npt.NDArray[Any]]] = {}
    for number, line in enumerate(json_file.read_lines(path), 1):
        found = {
            cell_type: _array(
                path, number, line, space, f"op_weights_{cell_type}"
            )
            for cell_type in space.cell_types
        }
        try:
            discretization.explain(space, found)
        except ValueError as error:
            expected = f"hold op weights of the space ({error})"
            raise json_file.line_error(path, number, expected, line) from error
        epochs[line["epoch"]] = found
    if not epochs:
        raise ValueError(
            f"`{ALPHAS_FILE}` must have a line for each epoch. "
            f"Received: an empty {str(path)!r}"
        )
    return {epoch: epochs[epoch] for epoch in sorted(epochs)}


def _array(
    path: pathlib.Path,
    number: int,
    line: dict[str, Any],
    space: search_space.SearchSpace,
    name: str,
) -> npt.NDArray[Any]:
    """Returns the array of that name, if the line has it."""
    shape = len(space.edges), len(space.primitives)
    try:
        array = np.array(line[name])
        if array.shape == shape and array.dtype.kind in "if":
            return array
    except (KeyError, ValueError):  # it is missing, or the rows differ
        pass
    raise json_file.line_error(
        path,
        number,
        f"have numbers of shape {shape}, of the edges and the primitives, as "
        f"{name!r}",
        line.get(name),
    )
