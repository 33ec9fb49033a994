"""What an array of an official checkpoint is to a variable of ours."""

import typing
from collections.abc import Callable

import numpy as np


class Layout(typing.NamedTuple):
    """How the official array becomes ours, and ours the official one."""

    to_ours: Callable
    to_official: Callable


class Entry(typing.NamedTuple):
    """One official array and its place in a variable.

    Reading and writing both follow from it.

    Attributes:
        names: Tuple of strings, the official names. More than one: arrays that
            are the same, of which ours holds one.
        variable: `keras.Variable`.
        layout: `Layout`, between the official array and the part of ours.
        where: Index, the part of the variable. Defaults to all of it.
    """

    names: tuple[str, ...]
    variable: object
    layout: Layout
    where: object = ...

    def part(self, value):
        """Returns the official array.

        Args:
            value: Array, the value of the whole variable.

        Returns:
            Array.
        """
        return np.array(self.layout.to_official(value[self.where]), order="C")


def _unchanged(array):
    return array


SAME = Layout(_unchanged, _unchanged)
# Linear layers: (out, in) there, (in, out) here.
MATRIX = Layout(np.transpose, np.transpose)
# Convolutions: (out, in, height, width) there, (height, width, in, out) here.
# That of a depthwise one has one input there, and one here.
KERNEL = Layout(
    lambda array: array.transpose(2, 3, 1, 0),
    lambda array: array.transpose(3, 2, 0, 1),
)


def shared_by_nodes(num_nodes, momentum):
    """Returns the layout of statistics that all nodes of a cell share.

    There, the nodes move one array, one after the other; here, each has a row
    of its own. Reading gives every node the shared array, which computes what
    the official code computes. Writing blends the rows as if each node's had
    been constant for a long time while the nodes took turns.

    Args:
        num_nodes: Integer, the number of rows.
        momentum: Float, the part of the array kept at each turn.

    Returns:
        A `Layout`.
    """
    turns = momentum ** np.arange(num_nodes - 1, -1, -1.0)
    shares = turns / turns.sum()

    def blend(rows):
        # From the first row, so that equal rows come back bit for bit.
        moved = shares @ (rows - rows[0]).astype("float64")
        return (rows[0] + moved).astype(rows.dtype)

    def repeat(array):
        return np.broadcast_to(array, (num_nodes, *array.shape))

    return Layout(repeat, blend)
