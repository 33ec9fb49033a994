"""The options of `trainers.protocol`: of all, of images, and of texts."""

import dataclasses

from trainers import late
from trainers import options

with late.without_package():
    from darts_tf.spaces import paper

# What can be tuned, and where: minimum, maximum, sampling.
RANGES = {
    "xi": (0.0, 0.1, "linear"),
    "weight_decay": (1e-7, 1e-3, "log"),
    "alpha_learning_rate": (1e-4, 1e-1, "log"),
    "alpha_weight_decay": (1e-5, 1e-2, "log"),
}
_IMAGES, _TEXTS = ("conv",), ("recurrent",)


@dataclasses.dataclass(frozen=True)
class ProtocolOptions:
    """Options of the protocol that both spaces have."""

    workdir: str = options.option("Folder for everything; new, or to go on.")
    _: dataclasses.KW_ONLY
    space: str = options.option("conv or recurrent.", "conv")
    dataset: str = options.option(
        "Of images: digits, a data set of TensorFlow Datasets, or a folder; "
        "of texts: topics, ptb, wikitext-2, or a folder.",
        "cifar10",
    )
    data_dir: str | None = options.option(
        "Folder of prepared data sets or texts; none is the default one.", None
    )
    searches: int = options.option(
        "Searches, each with its own seed.", paper.Protocol.searches
    )
    random_cells: int | None = options.option(
        "Random cells; none is as many as fit in the time of the searches.",
        None,
    )
    tune: str | None = options.option(
        f"Hyperparameters to tune, of {', '.join(RANGES)}; none repeats the "
        "search.",
        None,
    )
    num_nodes: int | None = options.option(
        "Intermediate nodes of a cell; none is the paper's number.", None
    )
    primitives: str | None = options.option(
        "Candidate operations, separated by commas; none is the paper's.", None
    )
    search_epochs: int = options.option(
        "Epochs of a search.", paper.ConvSearch.epochs
    )
    batch_size: int = options.option(
        "Of a search.", paper.ConvSearch.batch_size
    )
    retrain_epochs: int = options.option(
        "Epochs of a short training.", paper.Protocol.short_epochs
    )
    retrain_batch_size: int = options.option(
        "Of a short training.", paper.ConvTraining.batch_size
    )
    runs: int = options.option(
        "Full trainings of the best cell.", paper.Protocol.runs
    )
    epochs: int = options.option(
        "Epochs of a full training.", paper.ConvTraining.epochs
    )
    train_batch_size: int = options.option(
        "Of the full training.", paper.ConvTraining.batch_size
    )
    seed: int = options.option("Of the first search, cell and training.", 0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageOptions:
    """Options of the protocol on images."""

    validation_fraction: float = options.option(
        "part of the training images that scores the cells; the searches "
        "halve the rest.",
        0.2,
        _IMAGES,
    )
    image_size: int | None = options.option(
        "height and width to resize to, in pixels; none keeps them.",
        None,
        _IMAGES,
    )
    max_samples: int | None = options.option(
        "number of training images to use; none uses all.", None, _IMAGES
    )
    test_fraction: float | None = options.option(
        "part of each class to hold out as test images, where a folder or "
        "table has none; none is 0.2.",
        None,
        _IMAGES,
    )
    search_filters: int = options.option(
        "of the supernet.", paper.ConvSearch.filters, _IMAGES
    )
    search_cells: int = options.option(
        "of the supernet.", paper.ConvSearch.num_cells, _IMAGES
    )
    filters: int = options.option(
        "of all trained networks.", paper.ConvTraining.filters, _IMAGES
    )
    num_cells: int = options.option(
        "of all trained networks.", paper.ConvTraining.num_cells, _IMAGES
    )
    auxiliary_weight: float = options.option(
        "of the auxiliary classifier in the full training.",
        paper.ConvTraining.auxiliary_weight,
        _IMAGES,
    )
    drop_path_rate: float = options.option(
        "where the ramp of the path dropout ends.",
        paper.ConvTraining.drop_path_rate,
        _IMAGES,
    )
    crop_padding: int = options.option(
        "pixels of padding for the random crop.",
        paper.ConvTraining.crop_padding,
        _IMAGES,
    )
    flip: bool = options.option(
        "flip them at random.", paper.ConvTraining.flip, _IMAGES
    )
    cutout: int = options.option(
        "side of the square cut out in the full training.",
        paper.ConvTraining.cutout,
        _IMAGES,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextOptions:
    """Options of the protocol on texts."""

    min_count: int | None = options.option(
        "words that occur less often in the training text become <unk>; none "
        "keeps all.",
        None,
        _TEXTS,
    )
    search_units: int = options.option(
        "width of the supernet.", paper.RecurrentSearch.units, _TEXTS
    )
    units: int = options.option(
        "width of all trained networks.",
        paper.RecurrentTraining.units,
        _TEXTS,
    )
    dropout_scale: float = options.option(
        "factor of all the paper's dropout rates.", 1.0, _TEXTS
    )
