"""Pictures of a search at one epoch, for its log."""

from darts_tf.spaces import discretization
from darts_tf.visualize import cells
from darts_tf.visualize import op_weights as op_weights_lib
from darts_tf.visualize import png


def search_pictures(space, op_weights):
    """Draws the most likely cells, and the heat map of each cell type.

    Pass this function to `darts_tf.SearchLog`, which calls it at each epoch.

    Args:
        space: A `darts_tf.SearchSpace`.
        op_weights: Dictionary by cell type of arrays of shape
            `(num_edges, num_primitives)`.

    Returns:
        A dictionary from the name of each picture to an array of shape
        `(height, width, 3)` and type `uint8`.

    Example:

    >>> import darts_tf
    >>> from darts_tf import visualize
    >>> space = darts_tf.SearchSpace.recurrent(["none", "tanh", "relu"], 1)
    >>> pictures = visualize.search_pictures(
    ...     space, {"recurrent": [[0.2, 0.3, 0.5]]}
    ... )
    >>> sorted(pictures)
    ['cell_recurrent', 'op_weights_recurrent']
    """
    genotype = discretization.discretize(space, op_weights)
    pictures = {}
    for cell_type, cell in genotype.cells.items():
        pictures[f"cell_{cell_type}"] = png.to_pixels(cells.draw_cell(cell))
        pictures[f"op_weights_{cell_type}"] = png.to_pixels(
            op_weights_lib.draw_op_weights(space, op_weights, cell_type)
        )
    return pictures
