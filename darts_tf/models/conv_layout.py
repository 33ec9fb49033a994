"""How convolutional cells are stacked into a network."""

import typing

from darts_tf.layers import conv_stem
from darts_tf.spaces import paper


class CellPlan(typing.NamedTuple):
    """The place of one cell in a network."""

    cell_type: str
    previous_cell_type: str
    filters: int


class _Form(typing.NamedTuple):
    """A published form of network: its stem, and its sizes."""

    num_classes: int
    filters: int
    num_cells: int
    stem_multiplier: int
    stem_cell_type: str
    stem_halvings: int

    def make_stem(self, filters):
        """Returns the layer that comes before the cells.

        Args:
            filters: Integer, the filters that it ends with.
        """
        if not self.stem_halvings:
            return conv_stem.ConvStem((filters,), name="stem")
        return conv_stem.ConvStem(
            (filters // 2, filters, filters), strides=2, name="stem"
        )


def _of_paper(phase, stem_multiplier, stem_cell_type, stem_halvings):
    return _Form(
        phase.num_classes,
        phase.filters,
        phase.num_cells,
        stem_multiplier,
        stem_cell_type,
        stem_halvings,
    )


_FORMS = {
    "cifar": _of_paper(
        paper.ConvTraining, paper.ConvSearch.stem_multiplier, "normal", 0
    ),
    "imagenet": _of_paper(paper.ImagenetTraining, 1, "reduction", 3),
}


def form(stem):
    """Returns what belongs to a stem.

    Args:
        stem: String, `"cifar"` or `"imagenet"`.

    Returns:
        A tuple with the default sizes of the derived network, the type of the
        cell that the first cell sees before it, and `make_stem`.

    Raises:
        ValueError: If the stem is unknown.
    """
    if stem not in _FORMS:
        raise ValueError(
            f"`stem` must be one of {sorted(_FORMS)}. Received: stem={stem!r}"
        )
    return _FORMS[stem]


def halvings(stem, plan):
    """Returns how often a network halves the resolution.

    Args:
        stem: String, `"cifar"` or `"imagenet"`.
        plan: List of `CellPlan`.
    """
    cells = sum(place.cell_type == "reduction" for place in plan)
    return form(stem).stem_halvings + cells


def reduction_cells(num_cells):
    """Returns the places of the reduction cells: at 1/3 and 2/3 of the depth.

    Args:
        num_cells: Integer, the number of cells.

    Returns:
        Tuple of indices, ascending.

    Reference:
        Section 3.1 of the DARTS paper, arXiv:1806.09055.
    """
    return tuple(sorted({num_cells // 3, 2 * num_cells // 3}))


def plan_cells(num_cells, filters, reductions, stem_cell_type="normal"):
    """Returns the type and width of each cell; a reduction doubles the width.

    Args:
        num_cells: Integer, the number of cells.
        filters: Integer, the number of filters of the first cells.
        reductions: Iterable of the indices of reduction cells.
        stem_cell_type: String, what the first cell sees before it; a stem
            that has halved the resolution counts as `"reduction"`.

    Returns:
        List of `CellPlan`.
    """
    plans, previous = [], stem_cell_type
    for index in range(num_cells):
        cell_type = "reduction" if index in reductions else "normal"
        filters *= 2 if cell_type == "reduction" else 1
        plans.append(CellPlan(cell_type, previous, filters))
        previous = cell_type
    return plans


def check_images(input_shape, halvings):
    """Raises an error for images that a network cannot take.

    Args:
        input_shape: Tuple, the shape of a batch of images.
        halvings: Integer, how often the network halves the resolution.

    Raises:
        ValueError: If the shape is not that of a batch of images, or the
            images are too small.
    """
    if len(input_shape) != 4 or input_shape[-1] is None:
        raise ValueError(
            "Images must have the shape (batch, height, width, channels). "
            f"Received: shape={tuple(input_shape)}"
        )
    smallest = 2**halvings
    if any(size is not None and size < smallest for size in input_shape[1:3]):
        raise ValueError(
            f"The network halves the resolution {halvings} times, so images "
            f"must be at least {smallest} pixels high and wide. "
            f"Received: shape={tuple(input_shape)}"
        )
