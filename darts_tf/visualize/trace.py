"""The op weights of a search, epoch by epoch, as its folder keeps them."""

import typing

import numpy as np

from darts_tf.spaces import discretization
from darts_tf.spaces import search_record
from darts_tf.spaces import search_space


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
    space = search_record.read_space(folder)
    epochs = search_record.read_op_weights(folder, space)
    return SearchTrace(space, tuple(epochs), tuple(epochs.values()))
