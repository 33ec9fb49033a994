"""The op weights of a search, epoch by epoch, as its folder keeps them."""

import json
import pathlib
import typing

import numpy as np

from darts_tf.spaces import discretization
from darts_tf.spaces import search_space

SPACE_FILE = "space.json"
ALPHAS_FILE = "alphas.jsonl"


class SearchTrace(typing.NamedTuple):
    """What a search thought of its operations, over its epochs.

    `op_weights` has for each of the `epochs` a dictionary by cell type of
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
    """
    folder = pathlib.Path(folder)
    space = search_space.SearchSpace.from_config(
        json.loads((folder / SPACE_FILE).read_text(encoding="utf-8"))
    )
    entries = {}
    for line in read_lines(folder / ALPHAS_FILE):
        try:
            entries[line["epoch"]] = {
                name: np.array(line[f"op_weights_{name}"])
                for name in space.cell_types
            }
        except KeyError as error:
            raise ValueError(
                "Each line of `alphas.jsonl` must have an epoch and the op "
                f"weights of each cell. Received: one without {error}"
            ) from None
    if not entries:
        raise ValueError(
            "`alphas.jsonl` must have a line for each epoch. "
            f"Received: an empty {folder / ALPHAS_FILE}"
        )
    epochs = tuple(sorted(entries))
    return SearchTrace(space, epochs, tuple(entries[k] for k in epochs))


def read_lines(path):
    """Reads a file of JSON lines to which another process may be writing.

    Args:
        path: String or path.

    Returns:
        A list of dictionaries. A last line without its end is left out.

    Raises:
        ValueError: If a line is no JSON object.
        OSError: If the file cannot be read.
    """
    text = pathlib.Path(path).read_text(encoding="utf-8")
    values = []
    for number, line in enumerate(text.split("\n")[:-1], 1):
        try:
            value = json.loads(line)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise ValueError(
                f"{path} must have a JSON object in each line. "
                f"Received: line {number}, {line[:60]!r}"
            )
        values.append(value)
    return values
