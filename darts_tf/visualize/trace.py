"""The op weights of a search, epoch by epoch, as its folder keeps them."""

import pathlib
import typing

import numpy as np

from darts_tf.files import json_file
from darts_tf.spaces import discretization
from darts_tf.spaces import search_space

SPACE_FILE = "space.json"
ALPHAS_FILE = "alphas.jsonl"


class SearchTrace(typing.NamedTuple):
    """What a search thought of its operations, over its epochs.

    Args:
        space: The `darts_tf.SearchSpace`.
        epochs: Tuple of integers.
        op_weights: Tuple with, for each of them, a dictionary by cell type of
            arrays of shape `(num_edges, num_primitives)`.

    Example:

    >>> import darts_tf
    >>> from darts_tf import visualize
    >>> space = darts_tf.SearchSpace.recurrent(["none", "tanh", "relu"], 1)
    >>> trace = visualize.SearchTrace(
    ...     space, (0, 1), ({"recurrent": [[0.2, 0.4, 0.4]]},
    ...                     {"recurrent": [[0.2, 0.3, 0.5]]})
    ... )
    >>> [genotype.recurrent.nodes[0][0].primitive
    ...  for genotype in trace.genotypes()]
    ['tanh', 'relu']
    """

    space: search_space.SearchSpace
    epochs: tuple[int, ...]
    op_weights: tuple[dict, ...]

    def genotypes(self):
        """Returns the most likely genotype of each epoch, a list."""
        return [
            discretization.discretize(self.space, op_weights)
            for op_weights in self.op_weights
        ]

    def over_time(self, cell_type):
        """Returns an array of shape `(epochs, num_edges, num_primitives)`."""
        return np.array([entry[cell_type] for entry in self.op_weights])


def read_trace(folder):
    """Reads what `darts_tf.SearchLog` wrote, of a search that may still run.

    Args:
        folder: String or path, the folder with `space.json` and
            `alphas.jsonl`.

    Returns:
        A `SearchTrace`. Of an epoch that was written twice, because the
        search was resumed, it has the later values.

    Raises:
        ValueError: If the files do not have the form that `SearchLog` writes.
        OSError: If they are not there.

    Example:

    >>> import darts_tf
    >>> darts_tf.visualize.read_trace("no_such_folder")
    Traceback (most recent call last):
    ...
    FileNotFoundError: ...
    """
    folder = pathlib.Path(folder)
    space = _read_space(folder / SPACE_FILE)
    path = folder / ALPHAS_FILE
    entries = {}
    for number, line in enumerate(json_file.read_lines(path), 1):
        entries[line["epoch"]] = {
            name: _op_weights(path, number, line, space, f"op_weights_{name}")
            for name in space.cell_types
        }
    if not entries:
        raise ValueError(
            "`alphas.jsonl` must have a line for each epoch. "
            f"Received: an empty {str(path)!r}"
        )
    epochs = tuple(sorted(entries))
    return SearchTrace(space, epochs, tuple(entries[k] for k in epochs))


def _read_space(path):
    try:
        return search_space.SearchSpace.from_config(json_file.read_object(path))
    except ValueError as error:
        raise ValueError(
            f"The file must hold a search space ({error}). "
            f"Received: {str(path)!r}"
        ) from error


def _op_weights(path, number, line, space, name):
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
