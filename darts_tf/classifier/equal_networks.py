"""Networks of equal parameters, by choosing their filters."""

import keras
import numpy as np

from darts_tf.classifier import sizes
from darts_tf.models import counting

# How far the parameters of two networks may be apart.
_NEAR = 0.04
# Even, as a stem halves them.
_WIDTHS = (2, 4)


def filters_for(parameters, count, step=1):
    """Returns the filters with which a network has so many parameters.

    Args:
        parameters: Integer, how many it is to have.
        count: Callable from a number of filters to the parameters.
        step: Integer, of which the filters are a multiple. Defaults to `1`.

    Returns:
        Tuple of the filters and the parameters that are nearest.

    Example:

    >>> from darts_tf.classifier import equal_networks
    >>> equal_networks.filters_for(1000, lambda filters: filters**2)
    (32, 1024)
    """
    low, high = 1, 2
    while count(high * step) < parameters:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if count(middle * step) < parameters:
            low = middle
        else:
            high = middle
    return min(
        ((number * step, count(number * step)) for number in (low, high)),
        key=lambda found: abs(found[1] - parameters),
    )


def random_cell(parameters, setting, num_nodes, seed, count, tries=5):
    """Draws a random cell whose network can have so many parameters.

    Args:
        parameters: Integer, of the network beside which it stands.
        setting: The `plans.Setting` of that.
        num_nodes: Integer, of the space.
        seed: Integer, of the first cell that is drawn.
        count: Callable from a genotype and a number of filters to the
            parameters.
        tries: Integer, how many are drawn if none is near. Defaults to `5`.

    Returns:
        Tuple of the genotype, its filters and its parameters: of the first
        cell that is near enough, or of the nearest.
    """
    best = None
    for number in range(tries):
        genotype = sizes.space(num_nodes).random_genotype(seed + number)
        filters, found = filters_for(
            parameters,
            lambda width, cell=genotype: count(cell, width),
            sizes.step_of(setting.stem),
        )
        gap = abs(found / parameters - 1)
        if best is None or gap < best[0]:
            best = gap, genotype, filters, found
        if gap <= _NEAR:
            break
    return best[1:]


def counter(setting, num_classes, channels):
    """Returns a function that counts networks of a setting.

    The parameters are a polynomial of the second degree in the filters, and
    without any the biases of the classes are left; so two small networks of
    each genotype are built and no more.

    Args:
        setting: A `plans.Setting`.
        num_classes: Integer.
        channels: Integer.

    Returns:
        Callable from a genotype (`None`: the plain network) and a number of
        filters to the parameters.
    """
    polynomials = {}

    def count(genotype, filters):
        if genotype not in polynomials:
            counts = []
            for width in _WIDTHS:
                network = sizes.build(
                    genotype,
                    setting.image_size,
                    setting.num_cells,
                    width,
                    num_classes,
                    channels,
                )
                counts.append(counting.count_parameters(network))
                keras.backend.clear_session()
            polynomials[genotype] = np.polyfit(
                [0, *_WIDTHS], [num_classes, *counts], 2
            )
        return round(float(np.polyval(polynomials[genotype], filters)))

    return count
