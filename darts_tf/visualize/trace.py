"""The op weights of a search, epoch by epoch, read from its folder."""

import typing

import numpy as np

from darts_tf.spaces import discretization
from darts_tf.spaces import search_record
from darts_tf.spaces import search_space


class SearchTrace(typing.NamedTuple):
    """The op weights of a search over its epochs.

    Args:
        space: The `darts_tf.SearchSpace`.
        epochs: Tuple of integers, ascending. Epoch 0 is before the search.
        op_weights: Tuple with, for each of the epochs, a dictionary by cell
            type of arrays of shape `(num_edges, num_primitives)`.

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
        """Returns a list with the most likely genotype of each epoch."""
        return [
            discretization.discretize(self.space, op_weights)
            for op_weights in self.op_weights
        ]

    def over_time(self, cell_type):
        """Returns an array of shape `(epochs, num_edges, num_primitives)`."""
        return np.array([entry[cell_type] for entry in self.op_weights])


def read_trace(folder):
    """Reads what `darts_tf.SearchLog` wrote, also while the search runs.

    Args:
        folder: String or path, the folder with `space.json` and
            `alphas.jsonl`.

    Returns:
        A `SearchTrace`. If an epoch was written twice, because the search was
        resumed, it has the later values.

    Raises:
        ValueError: If the files do not have the form that `SearchLog` writes.
        OSError: If a file is missing or cannot be read.

    Example:

    >>> import tempfile
    >>> import darts_tf
    >>> from darts_tf import visualize
    >>> from darts_tf.spaces import search_record
    >>> folder = tempfile.TemporaryDirectory()
    >>> space = darts_tf.SearchSpace.recurrent(["none", "tanh"], num_nodes=1)
    >>> search_record.write_space(folder.name, space)  # as `SearchLog` does
    >>> search_record.append_alphas(
    ...     folder.name, 0, {"recurrent": [[0, 0]]}, {"recurrent": [[0.5, 0.5]]}
    ... )
    >>> visualize.read_trace(folder.name).epochs
    (0,)
    >>> folder.cleanup()
    """
    space = search_record.read_space(folder)
    epochs = search_record.read_op_weights(folder, space)
    return SearchTrace(space, tuple(epochs), tuple(epochs.values()))
