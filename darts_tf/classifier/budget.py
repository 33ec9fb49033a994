"""Finds the largest network that keeps the limits of its files."""

from darts_tf.classifier import shipping

# How what is limited grows with the filters: no faster than this power, so
# that a network made smaller by it is not made too small.
_POWERS = {"max_bytes": 1.6, "max_ram_bytes": 1.0, "max_ms": 1.6}
_TRIES = 6
LEAST_FILTERS = 2
# A latency is never measured twice the same.
_ROOM = {"max_ms": 0.9}


def check(budgets):
    """Raises an error for limits that nothing can keep.

    Args:
        budgets: Dictionary from the names of `shipping.BUDGETS` to numbers.

    Raises:
        ValueError: If one is not positive.
    """
    for name, limit in budgets.items():
        if not limit > 0:
            raise ValueError(
                f"`{name}` must be positive. Received: {name}={limit}"
            )


def largest_filters(filters, network_of, images, budgets, costs=None, step=1):
    """Returns the largest number of filters with which a network fits.

    Args:
        filters: Integer, the most that are wanted.
        network_of: Callable from a number of filters to a built network.
        images: uint8 array of images of its size.
        budgets: Dictionary from the names of `shipping.BUDGETS` to limits.
        costs: Optional callable, as `shipping.costs`. Defaults to `None`,
            that.
        step: Integer, of which the filters are a multiple. Defaults to `1`.

    Returns:
        Integer, or `None` if no number fits.

    Example:

    >>> from darts_tf.classifier import budget
    >>> budget.largest_filters(
    ...     32,
    ...     network_of=lambda filters: filters,
    ...     images=None,
    ...     budgets={"max_bytes": 1000},
    ...     costs=lambda network, *_: {"max_bytes": 10 * network**2},
    ... )
    9
    """
    costs = costs or shipping.costs
    aims = {name: limit * _ROOM.get(name, 1) for name, limit in budgets.items()}
    of_files = {n: v for n, v in aims.items() if n in shipping.OF_FILES}
    counted = {n: v for n, v in aims.items() if n not in of_files}

    def fits(number):
        taken = costs(network_of(number), images, counted)
        return not shipping.over(taken, counted)

    if counted and not fits(filters):
        filters = _largest(fits, filters - 1, step)
    for _ in range(_TRIES if of_files and filters else 0):
        taken = costs(network_of(filters), images, of_files)
        if not shipping.over(taken, of_files):
            return filters
        shrunk = min(
            filters * (limit / taken[name]) ** (1 / _POWERS[name])
            for name, limit in of_files.items()
        )
        filters = min(filters - step, int(shrunk) // step * step)
        if filters < LEAST_FILTERS:
            return None
    return None if of_files or not filters else filters


def _largest(fits, most, step):
    """Returns the largest number up to `most` that fits, or 0."""
    low, high = 0, most // step
    while low < high:
        middle = (low + high + 1) // 2
        if fits(max(middle * step, LEAST_FILTERS)):
            low = middle
        else:
            high = middle - 1
    return low * step if low * step >= LEAST_FILTERS else 0
