"""Searches a convolutional cell.

    python -m trainers.cnn_search --preset=quick --workdir=RUN
    python -m trainers.cnn_search --preset=paper --data_dir=DATA --workdir=RUN
    python -m trainers.cnn_search --preset=nas_bench_201 --data_dir=DATA \
        --workdir=RUN

The preset `quick` searches on scikit-learn's digits, which need no download,
in a few minutes on 2 CPU cores; `paper` is the protocol of Section 3.1.1 and
Appendix A.1.1 of the DARTS paper, on CIFAR-10, second order, and
`nas_bench_201` the usual protocol on the space of that benchmark. The training
images are split in halves for the weights and for the alphas; the test images
are not touched.

The folder `workdir`, which `trainers.cnn_train` takes as `--search`, gets, as
the search goes on, `config.json`, `data.json`, `genotype.json`, the drawn
`cell.svg`, `alphas.jsonl`, `history.jsonl`, `space.json`, `tensorboard/` and
the state in `checkpoint.npz`; at the end `metrics.json`, `report.html`, which
explains the cell, and `environment.json`. The same command on the folder of a
run that was stopped goes on at the step where it was.
"""

import dataclasses

from trainers import images
from trainers import late
from trainers import method_options
from trainers import options
from trainers import search_run
from trainers import spaces
from trainers import strategies
from trainers import workdir

with late.without_package():
    from darts_tf.spaces import paper

with late.imports():
    import keras

    import darts_tf
    from darts_tf.callbacks import schedules
    from darts_tf.data import augmentation
    from darts_tf.data import splitting
    from darts_tf.data import streams
    from trainers import expected_time

_PAPER = paper.ConvSearch


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config(
    images.CifarOptions,
    images.NetworkOptions,
    images.DataOptions,
    spaces.SpaceOption,
    search_run.SearchOptions,
):
    """Options of the search; each field is a flag of the same name."""

    train_fraction: float = options.option(
        "Part of the training images for the weights; the rest is for the "
        "alphas.",
        _PAPER.train_fraction,
    )
    epochs: int = options.option(
        "Passes over the weights' part.", _PAPER.epochs
    )
    batch_size: int = options.option(
        "Images in either batch of a step.", _PAPER.batch_size
    )
    filters: int = _PAPER.filters
    num_cells: int = options.option("Cells of the supernet.", _PAPER.num_cells)
    num_nodes: int = options.option(
        "Intermediate nodes of a cell.", _PAPER.num_nodes
    )
    primitives: str = options.option(
        "Candidate operations, separated by commas.",
        ",".join(_PAPER.primitives),
    )
    learning_rate: float = options.option(
        "Of the network weights, in the first epoch.", _PAPER.learning_rate
    )
    final_learning_rate: float = _PAPER.final_learning_rate
    momentum: float = _PAPER.momentum
    weight_decay: float = _PAPER.weight_decay
    clipnorm: float = _PAPER.clipnorm
    alpha_learning_rate: float = _PAPER.alpha_learning_rate
    alpha_weight_decay: float = _PAPER.alpha_weight_decay
    cutout: int = _PAPER.cutout
    micro_batch: int | None = options.option(
        "Images at a time on a device, to save memory; none is all.", None
    )
    rematerialize: bool = options.option(
        "Compute cells again for their gradient, to save memory.", False
    )

    def __post_init__(self):
        """Fails on values that would only show after a long time."""
        search_run.check(self, "filters", "num_cells")
        defaults = {
            field.name: field.default for field in dataclasses.fields(self)
        }
        for name in ("num_nodes", "primitives"):
            value = getattr(self, name)
            if self.space != "conv" and value != defaults[name]:
                raise ValueError(
                    f"`{name}` belongs to --space=conv; another space has its "
                    f"own. Received: {name}={value!r}, space={self.space!r}"
                )


PRESETS = {
    "quick": {
        "dataset": "digits",
        "epochs": 10,
        "batch_size": 32,
        "filters": 4,
        "num_cells": 3,
        "alpha_learning_rate": 3e-2,
        "crop_padding": 1,
        "flip": False,
    },
    "paper": {},
    "nas_bench_201": {
        "space": "nas_bench_201",
        "num_cells": 15,
        "hypergradient": "first_order",
        "crop_padding": 4,
        "cutout": 0,
    },
}


def run(config):
    """Runs the search.

    Args:
        config: A `Config`.

    Returns:
        The `darts_tf.Genotype` that was found.
    """
    workdir.check(config.workdir, options.to_json(config))
    images.check(config.dataset, config.data_dir)
    spaces.check(config.space)
    strategies.limit_threads(config.intra_op_threads)
    strategy = strategies.make(config)
    keras.utils.set_random_seed(config.seed)
    dataset = images.load(config)
    with strategy.scope():
        model = make_model(config, dataset)
    pairs_from, steps = pairs(config, dataset)
    height, width, _ = dataset.image_shape
    expected_time.say_if_search_is_long(
        config.epochs * steps * config.batch_size,
        height * width,
        config.filters * config.num_cells,
    )
    return search_run.search(
        model,
        pairs_from,
        config,
        steps,
        f"Searching on {images.describe(dataset)}",
        schedules.CosineDecay(
            config.learning_rate, config.final_learning_rate, config.epochs
        ),
        data={
            "class_names": list(dataset.class_names),
            "image_shape": list(dataset.image_shape),
            "train_images": len(dataset.train[1]),
            "test_images": len(dataset.test[1]),
        },
    )


def make_model(config, dataset):
    """Makes the search model, built and compiled; fails on what cannot work."""
    if config.space == "conv":
        space = darts_tf.SearchSpace.conv(
            [name.strip() for name in config.primitives.split(",")],
            config.num_nodes,
        )
    else:
        space = spaces.read(config.space)
    model = darts_tf.DartsSearchModel(
        space,
        config.hypergradient,
        config.xi,
        seed=config.seed,
        micro_batch=config.micro_batch,
        **method_options.arguments(config),
        num_classes=dataset.num_classes,
        filters=config.filters,
        num_cells=config.num_cells,
        rematerialize=config.rematerialize,
    )
    model.compile(
        darts_tf.optimizers.SGD(
            config.learning_rate,
            config.momentum,
            config.weight_decay,
            config.clipnorm,
        ),
        darts_tf.optimizers.Adam(
            config.alpha_learning_rate,
            coupled_weight_decay=config.alpha_weight_decay,
        ),
    )
    model.build((None, *dataset.image_shape))
    return model


def pairs(config, dataset):
    """Returns the pairs from a step on, and how many an epoch has."""
    x, y = dataset.train
    parts = splitting.split_indices(y, config.train_fraction, config.seed)
    train, alpha = ((x[part], y[part]) for part in parts)
    steps = streams.steps_per_epoch(len(train[1]), config.batch_size)
    transform = augmentation.training_transform(
        dataset.mean,
        dataset.std,
        config.crop_padding,
        config.flip,
        config.cutout,
    )

    def pairs_from(step):
        return streams.paired(
            train,
            alpha,
            config.batch_size,
            seed=config.seed,
            start_step=step,
            transform=transform,
        )

    pairs_from(0)  # says now what does not fit
    return pairs_from, config.steps_per_epoch or steps


if __name__ == "__main__":
    options.main(Config, run, PRESETS)
