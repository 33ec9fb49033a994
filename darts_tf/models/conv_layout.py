"""How convolutional cells are stacked into a network."""

import typing

from darts_tf import checks
from darts_tf.layers import batch_norm
from darts_tf.layers import conv_stem
from darts_tf.layers import elementwise_kernels
from darts_tf.layers import residual_block
from darts_tf.spaces import paper


class CellPlan(typing.NamedTuple):
    """The place of one cell in a network."""

    cell_type: str
    previous_cell_type: str
    filters: int
    # Of the residual block before the cell; 0 if there is none.
    block_strides: int = 0


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


# The sizes of NAS-Bench-201's network: three stages of five cells.
STAGES = {"filters": 16, "num_cells": 15, "stem_multiplier": 1}


class Sizes(typing.NamedTuple):
    """The sizes of a network, those that were not given by default."""

    num_classes: int
    filters: int
    num_cells: int
    stem_multiplier: int


def sizes(defaults, skeleton, **given):
    """Returns the sizes of a network.

    Args:
        defaults: Dictionary of the sizes of the paper's network.
        skeleton: Optional `darts_tf.Stages`, whose network has other defaults.
        **given: The sizes; `None` for a default.

    Returns:
        `Sizes`.

    Raises:
        ValueError: If one is not a positive integer.
    """
    if skeleton is not None:
        defaults = {**defaults, **STAGES}
    values = {
        name: defaults[name] if value is None else value
        for name, value in given.items()
    }
    return Sizes(*checks.sizes(**{n: values[n] for n in Sizes._fields}))


def halvings(stem, plan):
    """Returns how often a network halves the resolution.

    Args:
        stem: String, `"cifar"` or `"imagenet"`.
        plan: List of `CellPlan`.
    """
    cells = sum(
        place.cell_type == "reduction" or place.block_strides == 2
        for place in plan
    )
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


def plan(cell_types, num_cells, filters, stem_cell_type, skeleton=None):
    """Returns the place of each cell.

    Args:
        cell_types: Strings, the types of cells that there are.
        num_cells: Integer, the number of cells.
        filters: Integer, the number of filters of the first cells.
        stem_cell_type: String, what the first cell sees before it.
        skeleton: Optional `darts_tf.Stages`. Defaults to `None`, reduction
            cells at 1/3 and 2/3 of the depth, if there are such cells.

    Returns:
        List of `CellPlan`.

    Raises:
        ValueError: If the skeleton cannot have so many cells, or has no place
            for cells of a type.
    """
    if skeleton is None:
        reductions = reduction_cells(num_cells)
        if "reduction" not in cell_types:
            reductions = ()
        return plan_cells(num_cells, filters, reductions, stem_cell_type)
    if tuple(cell_types) != ("normal",):
        raise ValueError(
            "A skeleton of stages is one of normal cells alone. "
            f"Received: skeleton={skeleton}, cells={tuple(cell_types)}"
        )
    plans, previous = [], None
    for index in range(num_cells):
        stage = skeleton.stage_of(index, num_cells)
        strides = 0
        if previous not in (None, stage):
            strides = skeleton.strides[stage - 1]
        # A cell sees a block that halves the resolution as a reduction cell.
        before = stem_cell_type if previous is None else "normal"
        if strides == 2:
            before = "reduction"
        width = filters * skeleton.multipliers[stage]
        plans.append(CellPlan("normal", before, width, strides))
        previous = stage
    return plans


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


class Trunk:
    """What stands between and after the cells of a network, by its skeleton.

    Stages have residual blocks between them, and a normalisation and a ReLU
    after the last cell. The paper's network has neither.

    Args:
        network: Keras model, which will own the layers.
        plan: List of `CellPlan`.
        skeleton: Optional `darts_tf.Stages`.
    """

    def __init__(self, network, plan, skeleton):
        self._blocks = {
            index: residual_block.ResidualBlock(
                place.filters, place.block_strides, name=f"block_{index}"
            )
            for index, place in enumerate(plan)
            if place.block_strides
        }
        self._last_norm = (
            None if skeleton is None else batch_norm.BatchNorm(name="last_norm")
        )
        network.blocks = list(self._blocks.values())
        network.last_norm = self._last_norm

    def build(self, index, before, shape):
        """Builds the block before a cell, and returns the cell's shapes."""
        if index not in self._blocks:
            return before, shape
        self._blocks[index].build(shape)
        return shape, self._blocks[index].compute_output_shape(shape)

    def build_last(self, shape):
        """Builds what follows the last cell."""
        if self._last_norm is not None:
            self._last_norm.build(shape)

    def enter(self, index, before, outputs):
        """Returns what a cell sees: the outputs of the two before it."""
        if index not in self._blocks:
            return before, outputs
        return outputs, self._blocks[index](outputs)

    def leave(self, outputs):
        """Returns what the pool sees."""
        if self._last_norm is None:
            return outputs
        return elementwise_kernels.relu(self._last_norm(outputs))


def keeps_channels(num_inputs, num_joined, skeleton):
    """Tells whether cells need no 1x1 convolution before them.

    In stages, what one cell returns has the filters of the next, if cells have
    one input and return one node.

    Args:
        num_inputs: Integer, the inputs of a cell.
        num_joined: Integer, the nodes that are joined in its output.
        skeleton: Optional `darts_tf.Stages`.
    """
    return skeleton is not None and num_inputs == num_joined == 1
