"""The sizes that networks may have, and networks of equal parameters."""

import dataclasses

from darts_tf.classifier import plans
from darts_tf.models import conv_network
from darts_tf.models import counting
from darts_tf.models import plain_network
from darts_tf.spaces import search_space

PRIMITIVES = (
    "max_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
)
# From the smallest to the largest: size of images, cells, filters. Photographs
# go through a stem that halves them three times.
_PHOTOS = (
    (64, 3, 8),
    (64, 3, 16),
    (96, 3, 16),
    (96, 6, 16),
    (96, 6, 24),
    (128, 6, 24),
    (128, 6, 32),
    (160, 8, 36),
    (192, 8, 48),
    (224, 14, 48),
)
_SMALL = (
    (3, 4),
    (3, 8),
    (3, 16),
    (6, 16),
    (6, 24),
    (8, 32),
    (14, 36),
    (20, 36),
)
# Of a search: cells, filters, nodes of a cell.
_SEARCHES = ((3, 4, 2), (3, 8, 2), (3, 8, 3), (5, 12, 3), (5, 16, 4))
_LARGEST_SEARCH_IMAGE = 96
# Up to this size images keep their resolution.
_LARGEST_SMALL = 40


def stem_of(image_size):
    """Returns the stem for images of a size.

    Args:
        image_size: Integer.
    """
    return "cifar" if image_size <= _LARGEST_SMALL else "imagenet"


def step_of(stem):
    """Returns of what the filters of a network are a multiple.

    Args:
        stem: String. A reduction halves its filters, and the first cell
            after the stem for photographs begins with one.
    """
    return 2 if stem == "imagenet" else 1


def ladder(native_size, image_size=None):
    """Returns the sizes to choose from, from the smallest to the largest.

    Args:
        native_size: Integer, the smaller side of the images as they are.
        image_size: Optional integer, the only size of images that is wanted.
            Defaults to `None`.

    Returns:
        List of tuples `(image_size, num_cells, filters)`.

    Example:

    >>> from darts_tf.classifier import sizes
    >>> sizes.ladder(8)[0], sizes.ladder(224)[-1], sizes.ladder(100)[-1]
    ((8, 3, 4), (224, 14, 48), (96, 6, 24))
    """
    size = image_size or native_size
    if size <= _LARGEST_SMALL:
        return [(size, *rest) for rest in _SMALL]
    if image_size is not None:
        rungs = [(image_size, *rest) for _, *rest in _PHOTOS]
        return list(dict.fromkeys(rungs))
    # Images are not enlarged, but for the smallest that this stem takes.
    return [rung for rung in _PHOTOS if rung[0] <= max(native_size, 64)]


def settings(rungs, genotype, num_classes, channels):
    """Returns the settings of the networks of a genotype.

    What the first one counts is scaled to the other sizes.

    Args:
        rungs: List from `ladder`.
        genotype: A `darts_tf.Genotype`.
        num_classes: Integer.
        channels: Integer, of the images.

    Returns:
        List of `plans.Setting`.
    """
    size, cells, filters = rungs[0]
    network = build(genotype, *rungs[0], num_classes, channels)
    multiply_adds = counting.count_multiply_adds(network)
    parameters = counting.count_parameters(network)
    found = []
    for new_size, new_cells, new_filters in rungs:
        growth = new_cells / cells * (new_filters / filters) ** 2
        found.append(
            plans.Setting(
                new_size,
                stem_of(new_size),
                new_cells,
                new_filters,
                int(multiply_adds * growth * (new_size / size) ** 2),
                int(parameters * growth),
            )
        )
    return found


def search_settings(image_size, num_classes, channels):
    """Returns the settings of searches, from the smallest to the largest.

    The multiply-adds are those of a network of one operation on each edge
    that a supernet has; the first is counted and scaled to the others.

    Args:
        image_size: Integer, of the images that there are.
        num_classes: Integer.
        channels: Integer.

    Returns:
        List of `plans.Setting`.
    """
    size = min(image_size, _LARGEST_SEARCH_IMAGE)
    cells, filters, nodes = _SEARCHES[0]
    network = build(
        reference(nodes), size, cells, filters, num_classes, channels
    )
    counted = counting.count_multiply_adds(network)
    found = []
    for new_cells, new_filters, new_nodes in _SEARCHES:
        setting = plans.Setting(
            size, stem_of(size), new_cells, new_filters, 0, num_nodes=new_nodes
        )
        # A cell keeps two edges for each node.
        growth = setting.num_edges / (2 * nodes) * new_cells / cells
        growth *= (new_filters / filters) ** 2
        found.append(
            dataclasses.replace(setting, multiply_adds=int(counted * growth))
        )
    return found


def space(num_nodes):
    """Returns the search space.

    Args:
        num_nodes: Integer, intermediate nodes of a cell.
    """
    return search_space.SearchSpace.conv(PRIMITIVES, num_nodes)


def reference(num_nodes):
    """Returns a genotype to count with, before one is found.

    Args:
        num_nodes: Integer, intermediate nodes of a cell.
    """
    only = search_space.SearchSpace.conv(("sep_conv_3x3",), num_nodes)
    return only.random_genotype(0)


def build(genotype, image_size, num_cells, filters, num_classes, channels):
    """Returns a built network: of a genotype, or without one the plain one.

    Args:
        genotype: A `darts_tf.Genotype`, or `None`.
        image_size: Integer.
        num_cells: Integer.
        filters: Integer.
        num_classes: Integer.
        channels: Integer.

    Returns:
        A `darts_tf.ConvNetwork` or `darts_tf.models.PlainNetwork`.
    """
    stem = stem_of(image_size)
    if genotype is None:
        network = plain_network.PlainNetwork(
            num_classes, filters, num_cells, stem
        )
    else:
        network = conv_network.ConvNetwork(
            genotype, num_classes, filters, num_cells, stem=stem
        )
    network.build((None, image_size, image_size, channels))
    return network
