"""Makes the network that an official checkpoint is of."""

import re

from darts_tf.interop import checkpoint_file
from darts_tf.interop import official
from darts_tf.models import conv_network
from darts_tf.models import recurrent_network
from darts_tf.spaces import paper

_CELL = re.compile(r"cells\.(\d+)\.")


def network_from_official(genotype, source, image_size=None):
    """Returns a network of a genotype with the weights of a checkpoint.

    What kind of network it is, its sizes and whether it has an auxiliary head
    follow from the names and shapes of the arrays.

    Args:
        genotype: `darts_tf.Genotype`, that of the checkpoint: its arrays do
            not tell all of it.
        source: A mapping of official names to arrays, or a file, as for
            `read_checkpoint`.
        image_size: Optional integer, height and width of the images that a
            convolutional network will see, in pixels. Defaults to `None`, 32,
            or 224 for a network with the stem for ImageNet.

    Returns:
        A `darts_tf.ConvNetwork` or `darts_tf.RecurrentNetwork`.

    Raises:
        ValueError: If the source is not of a derived network, or not of this
            genotype; or as for `load_official`.
        OSError: If the file cannot be read.
        ImportError: If the file needs PyTorch, which is not installed.

    Example:

    >>> genotype = darts_tf.zoo.RECURRENT_DARTS_V2
    >>> network = darts_tf.RecurrentNetwork(genotype, 20, units=8)
    >>> network.build()
    >>> darts_tf.interop.save_official(network, "model.npz")
    >>> again = darts_tf.interop.network_from_official(genotype, "model.npz")
    >>> tokens = np.zeros((2, 35), "int32")
    >>> bool(np.all(again(tokens)["logits"] == network(tokens)["logits"]))
    True
    """
    arrays = checkpoint_file.read_checkpoint(source)
    if "encoder.weight" in arrays:
        network = _recurrent(genotype, arrays, image_size)
    else:
        network = _conv(genotype, arrays, image_size)
    official.load_official(network, arrays)
    return network


def _recurrent(genotype, arrays, image_size):
    if image_size is not None:
        raise ValueError(
            "`image_size` is for convolutional networks; the checkpoint is of "
            f"a recurrent one. Received: image_size={image_size}"
        )
    vocabulary_size, units = _shape(arrays, "encoder.weight", 2)
    network = recurrent_network.RecurrentNetwork(
        genotype, vocabulary_size, units
    )
    network.build()
    return network


def _conv(genotype, arrays, image_size):
    if "stem0.0.weight" in arrays:
        stem, usual_size = "imagenet", paper.ImagenetTraining.image_size
        channels = _shape(arrays, "stem0.0.weight", 4)[1]
        filters = _shape(arrays, "stem1.1.weight", 4)[0]
    else:
        stem, usual_size = "cifar", paper.ConvTraining.image_size
        stem_filters, channels = _shape(arrays, "stem.0.weight", 4)[:2]
        filters = stem_filters // 3
    cells = [int(m[1]) for m in map(_CELL.match, arrays) if m]
    has_auxiliary = any(name.startswith("auxiliary_head.") for name in arrays)
    network = conv_network.ConvNetwork(
        genotype,
        num_classes=_shape(arrays, "classifier.bias", 1)[0],
        filters=filters,
        num_cells=max(cells, default=0) + 1,
        auxiliary_weight=paper.ConvTraining.auxiliary_weight
        if has_auxiliary
        else 0.0,
        stem=stem,
    )
    size = image_size or usual_size
    network.build((None, size, size, channels))
    return network


def _shape(arrays, name, rank):
    """Returns the shape of an array that says how large the network is."""
    if name not in arrays or arrays[name].ndim != rank:
        found = "none" if name not in arrays else f"shape {arrays[name].shape}"
        raise ValueError(
            f"A checkpoint of this kind of network has {name!r} of rank "
            f"{rank}. Received: {found}, among {len(arrays)} arrays"
        )
    return arrays[name].shape
