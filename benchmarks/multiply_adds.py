"""Counts the multiply-adds that a step needs, by the formulas of its layers.

One multiplication and the addition of its product count as one. Counted are
convolutions and matrix products, by the paper's operations and not by ours:
where a faster kernel does more of them, it gains nothing here. Not counted are
normalisation, activations, pools and sums.

With F for the forward pass of a whole batch, the gradient for the inputs of all
products takes F, too, and so does the gradient for the matrices. So a pass
takes

- 3 F with the gradient for the weights, with or without that for the alphas;
- 2 F with the gradient for the alphas alone, which needs no gradient for the
  matrices;
- 7 F for the exact mixed product: of y = x K, the pass with the gradients
  dy K' and x' dy (3 F); back through x' dy with respect to x and dy (2 F),
  through dy K' with respect to dy (1 F), and then through y itself (1 F).

The first layers need less: nothing before them asks for a gradient. These few
per cent are not taken off.
"""

# How often F a step takes, Algorithm 1 with each hypergradient.
_WEIGHTS, _BOTH, _ALPHAS, _MIXED = 3, 3, 2, 7
_PASSES = {
    "first_order": (_ALPHAS, _WEIGHTS),
    "finite_difference": (_WEIGHTS, _BOTH, _ALPHAS, _ALPHAS, _WEIGHTS),
    "exact": (_WEIGHTS, _BOTH, _MIXED, _WEIGHTS),
    "training": (_WEIGHTS,),
}
_NODES = 4


def of_step(method, forward):
    """Returns the multiply-adds of a step.

    Args:
        method: String, the hypergradient, or `"training"` for a step of the
            weights alone.
        forward: Integer, the multiply-adds of the forward pass of a batch.

    Returns:
        Integer.
    """
    return sum(_PASSES[method]) * forward


def conv_supernet(filters, num_cells, image_size, num_classes=10):
    """Returns the multiply-adds of the paper's supernet for one image.

    Args:
        filters: Integer, the filters of the first cells.
        num_cells: Integer.
        image_size: Integer, pixels in height and width.
        num_classes: Integer. Defaults to `10`.

    Returns:
        Integer.
    """
    channels, pixels = 3 * filters, image_size**2
    total = 9 * 3 * channels * pixels
    inputs = (channels, channels)
    for index in range(num_cells):
        reduction = index in (num_cells // 3, 2 * num_cells // 3)
        filters *= 2 if reduction else 1
        # The inputs are brought to the cell's filters at their own size.
        total += sum(inputs) * filters * pixels
        pixels //= 4 if reduction else 1
        total += _edges(filters, reduction) * pixels
        inputs = (inputs[1], _NODES * filters)
    return total + inputs[1] * num_classes


def _edges(filters, reduction):
    """Returns the multiply-adds of all edges of a cell, for one pixel."""
    separable, halving = 0, filters**2
    # Two kernels in a row in sep_conv_3x3 and 5x5, one in dil_conv_3x3 and 5x5.
    for size, times in ((3, 2), (5, 2), (3, 1), (5, 1)):
        separable += times * (size**2 * filters + filters**2)
    num_edges = sum(2 + node for node in range(_NODES))
    num_halving = 2 * _NODES if reduction else 0
    return num_edges * separable + num_halving * halving


def recurrent_supernet(units, vocabulary_size, num_nodes=8):
    """Returns the multiply-adds of the paper's recurrent supernet for a word.

    Args:
        units: Integer, of embedding and cell.
        vocabulary_size: Integer.
        num_nodes: Integer. Defaults to `8`.

    Returns:
        Integer.
    """
    num_edges = num_nodes * (num_nodes + 1) // 2
    return recurrent_network(units, vocabulary_size, num_edges)


def recurrent_network(units, vocabulary_size, num_products=8):
    """Returns the multiply-adds of a derived language model for a word.

    Args:
        units: Integer, of embedding and cell.
        vocabulary_size: Integer.
        num_products: Integer, the products of a state by a matrix besides
            the first, one for each node. Defaults to `8`.

    Returns:
        Integer.
    """
    first = 2 * units * 2 * units
    return first + num_products * units * 2 * units + units * vocabulary_size
