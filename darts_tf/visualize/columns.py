"""The order and the heights of things that stand in columns.

Items in one column are joined to items in the next. `order` chooses who stands
above whom, so that few of the joining wires cross; `set_heights` then moves
the items, so that the wires are short and straight.
"""

import itertools
import math

_ORDER_SWEEPS = 24
_HEIGHT_SWEEPS = 60
_DISTANCE = 8
# How much a piece of wire resists bending, by how many of its two ends are
# inside an edge instead of at a node.
_STRAIGHTNESS = (1, 2, 8)


class Item:
    """Something that takes a place in a column.

    Args:
        column: Integer, the number of the column.
        kind: String, `"label"` or `"passage"` for a piece of an edge, or the
            kind of a node.
        text: String to stand in it.
        width: Float, in pixels.
        height: Float, in pixels.
    """

    def __init__(self, column, kind, text, width, height):
        self.column = column
        self.kind = kind
        self.text = text
        self.width = width
        self.height = height
        self.before = []  # the items in the column to the left it is joined to
        self.after = []  # and to the right
        self.rank = 0  # counted from above
        self.y = 0.0  # of its middle

    def join(self, other):
        """Joins it to an item of the next column."""
        self.after.append(other)
        other.before.append(self)

    def is_inner(self):
        """Returns whether it lies inside an edge: a label or a passage."""
        return self.kind in ("label", "passage")


def order(columns):
    """Sorts each column so that few wires cross.

    Each item is drawn to the mean rank of its neighbours (the barycentre
    heuristic), then neighbours in a column change places where that helps.

    Args:
        columns: List of lists of items, sorted in place.
    """
    _number(columns)
    best, fewest = columns, _count_crossings(columns)
    for sweep in range(_ORDER_SWEEPS):
        forward = sweep % 2 == 0
        for column in columns if forward else reversed(columns):
            if sweep % 4 > 1:  # what stands equal gets another chance
                column.reverse()
            column.sort(key=lambda item: _barycentre(item, forward))
            _number([column])
        while any([_swap(column) for column in columns]):
            pass
        crossings = _count_crossings(columns)
        if crossings < fewest:
            best, fewest = [list(column) for column in columns], crossings
    columns[:] = best
    _number(columns)


def turn_over(columns):
    """Reverses each column; as many wires cross as before.

    Args:
        columns: List of lists of items, reversed in place.
    """
    for column in columns:
        column.reverse()
    _number(columns)


def _swap(column):
    """Lets neighbours change places; returns whether any two did."""
    swapped = False
    for k in range(len(column) - 1):
        above, below = column[k : k + 2]
        crossings = reverse = 0
        for one, other in (
            (above.before, below.before),
            (above.after, below.after),
        ):
            crossings += sum(a.rank > b.rank for a in one for b in other)
            reverse += sum(a.rank < b.rank for a in one for b in other)
        if reverse < crossings:
            column[k : k + 2] = below, above
            _number([column])
            swapped = True
    return swapped


def _number(columns):
    for column in columns:
        for rank, item in enumerate(column):
            item.rank = rank


def _barycentre(item, forward):
    neighbours = item.before if forward else item.after
    if not neighbours:
        return item.rank
    return sum(n.rank for n in neighbours) / len(neighbours)


def _count_crossings(columns):
    crossings = 0
    for column in columns:
        wires = [(i.rank, n.rank) for i in column for n in i.after]
        crossings += sum(
            (a[0] - b[0]) * (a[1] - b[1]) < 0
            for a, b in itertools.combinations(wires, 2)
        )
    return crossings


def set_heights(columns, chains):
    """Moves each item as near to its neighbours as the order allows.

    Args:
        columns: List of lists of items, ordered.
        chains: List of lists of items, those that each edge passes through.
    """
    for column in columns:
        _settle(column, [(0.0, 1)] * len(column))
    for sweep in range(_HEIGHT_SWEEPS):
        for column in columns if sweep % 2 == 0 else reversed(columns):
            _settle(column, [_pull(item) for item in column])
    # What one edge gives up may be what another needs: twice.
    for chain in chains + chains:
        _straighten(chain, columns)


def _pull(item):
    """Returns where the neighbours want an item to be, and how strongly."""
    total = weights = 0.0
    for neighbour in item.before + item.after:
        # A long wire had better be straight than its ends in the middle.
        weight = _STRAIGHTNESS[item.is_inner() + neighbour.is_inner()]
        total += weight * neighbour.y
        weights += weight
    return (total / weights, weights) if weights else (item.y, 1)


def _settle(column, wanted):
    """Sets the heights nearest to those wanted, by weight, that keep apart.

    It is the least-squares fit of an increasing sequence, once the distances
    are taken off: neighbours that come too near are pooled at their mean.
    """
    offsets = [0.0]
    for above, below in itertools.pairwise(column):
        offsets.append(offsets[-1] + _spacing(above, below))
    pools = []
    for (y, weight), offset in zip(wanted, offsets, strict=True):
        pool = (y - offset, weight, 1)
        while pools and pools[-1][0] > pool[0]:
            pool = _merge(pools.pop(), pool)
        pools.append(pool)
    means = [mean for mean, _, count in pools for _ in range(count)]
    for item, mean, offset in zip(column, means, offsets, strict=True):
        item.y = mean + offset


def _merge(pool, other):
    weight = pool[1] + other[1]
    mean = (pool[0] * pool[1] + other[0] * other[1]) / weight
    return mean, weight, pool[2] + other[2]


def _straighten(chain, columns):
    """Brings runs of items of one edge to one height, where there is room."""
    run, low, high = [], -math.inf, math.inf
    for item in chain[1:-1]:
        top, bottom = _room(item, columns[item.column])
        if max(low, top) > min(high, bottom):
            _level(run, low, high)
            run, low, high = [], -math.inf, math.inf
        run.append(item)
        low, high = max(low, top), min(high, bottom)
    _level(run, low, high)


def _room(item, column):
    """Returns between which heights an item can move."""
    top, bottom = -math.inf, math.inf
    if item.rank > 0:
        above = column[item.rank - 1]
        top = above.y + _spacing(above, item)
    if item.rank + 1 < len(column):
        below = column[item.rank + 1]
        bottom = below.y - _spacing(item, below)
    # Rounding may have taken a hair of the room where it stands.
    return min(top, item.y), max(bottom, item.y)


def _level(run, low, high):
    if run:
        mean = sum(item.y for item in run) / len(run)
        for item in run:
            item.y = min(max(mean, low), high)


def _spacing(above, below):
    return (above.height + below.height) / 2 + _DISTANCE
