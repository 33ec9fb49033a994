"""Trains the ImageNet network of a convolutional genotype from scratch.

    python -m trainers.imagenet_train --preset=quick --genotype=DARTS_V2 \
        --workdir=RUN
    python -m trainers.imagenet_train --preset=paper --genotype=DARTS_V2 \
        --dataset=IMAGENET --workdir=RUN

The preset `quick` trains a small network on scikit-learn's digits, enlarged, in
about two minutes on 2 CPU cores; `paper` is the protocol of Appendix A.2.2 of
the DARTS paper (26.7 % top-1 and 8.7 % top-5 test error there, after GPU
weeks). `--dataset` is a folder in the layout of ImageNet, `train/<class>/*` and
`val/<class>/*`, or a set of TensorFlow Datasets such as `imagenet2012`; images
are read while they are used. The test images, those of `val`, are looked at
once, after training.

The folder `workdir` gets `config.json`, `genotype.json`, and as training goes
on `history.jsonl`, `tensorboard/` and the state in `checkpoint.npz`; at the end
`evaluation.json`, what was taken for what, `metrics.json`, `network.keras`,
`report.html` and `environment.json`. The same command on the
folder of a run that was stopped goes on at the step where it was.
"""

import dataclasses
import time

from trainers import count
from trainers import device
from trainers import evaluation
from trainers import from_search
from trainers import genotypes
from trainers import images
from trainers import late
from trainers import options
from trainers import resumable
from trainers import strategies
from trainers import training_options
from trainers import workdir

with late.without_package():
    from darts_tf.spaces import paper

with late.imports():
    import keras

    import darts_tf
    from darts_tf.callbacks import schedules
    from darts_tf.data import imagenet_augmentation
    from darts_tf.data import streams
    from darts_tf.distribution import replicas
    from darts_tf.files import json_file
    from trainers import expected_time


_PAPER = paper.ImagenetTraining


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config(training_options.ImageTrainingOptions):
    """Options of the training; each field is a flag of the same name."""

    dataset: str = options.option(
        "A folder of images, a data set of TensorFlow Datasets, or digits.",
        "imagenet2012",
    )
    max_samples: int | None = options.option(
        "Number of training images to use, of a folder; none uses all.", None
    )
    image_size: int = options.option(
        "Height and width of the images after the crop, in pixels.",
        _PAPER.image_size,
    )
    epochs: int = _PAPER.epochs
    batch_size: int = options.option(
        "Images in a batch, on all devices.", _PAPER.batch_size
    )
    filters: int = _PAPER.filters
    num_cells: int = _PAPER.num_cells
    auxiliary_weight: float = _PAPER.auxiliary_weight
    drop_path_rate: float = _PAPER.drop_path_rate
    label_smoothing: float = options.option(
        "Part of the target that is divided among all classes.",
        _PAPER.label_smoothing,
    )
    learning_rate: float = _PAPER.learning_rate
    learning_rate_decay: float = options.option(
        "Factor of the learning rate after each epoch.",
        _PAPER.learning_rate_decay,
    )
    momentum: float = _PAPER.momentum
    weight_decay: float = _PAPER.weight_decay
    clipnorm: float = _PAPER.clipnorm
    smallest_area: float = options.option(
        "Least share of an image that the random crop has.",
        _PAPER.smallest_area,
    )
    brightness: float = options.option(
        "Largest change of a factor of 1.", _PAPER.brightness
    )
    contrast: float = options.option(
        "Largest change of a factor of 1.", _PAPER.contrast
    )
    saturation: float = options.option(
        "Largest change of a factor of 1.", _PAPER.saturation
    )
    hue: float = options.option(
        "Largest turn, in parts of the circle.", _PAPER.hue
    )
    budget: int | None = options.option(
        "Most multiply-adds of the mobile setting; none sets no limit.",
        _PAPER.budget,
    )
    over_budget: str = options.option(
        "What a larger network meets: refuse or warn.", "refuse"
    )

    def __post_init__(self):
        """Fails on values that would only show after a long time."""
        super().__post_init__()
        options.check_positive(self, "image_size")
        options.check_choice(self, "over_budget", ("refuse", "warn"))

    @classmethod
    def inherited(cls, given):
        """Returns what the search of `--search` says, for `options.resolve`.

        That is its cell alone: the cell is trained on other, larger images.
        """
        found = from_search.values(given, "dataset")
        return {n: v for n, v in found.items() if n == "genotype"}


PRESETS = {
    "quick": {
        "dataset": "digits",
        "image_size": 32,
        "epochs": 8,
        "batch_size": 32,
        "filters": 16,
        "num_cells": 3,
        "auxiliary_weight": 0.0,
        "smallest_area": 0.6,
        "flip": False,
    },
    "paper": {},
}


def run(config):
    """Trains and evaluates the network.

    Args:
        config: A `Config`.

    Returns:
        A dictionary of the figures written to `metrics.json`.
    """
    workdir.check(config.workdir, options.to_json(config))
    genotypes.check(config.genotype)
    images.check(config.dataset, config.data_dir)
    strategy = strategies.make(config)
    genotype = genotypes.read(config.genotype, "conv")
    dataset = images.find(config)
    whole_pass = streams.steps_per_epoch(dataset.num_train, config.batch_size)
    steps = config.steps_per_epoch or whole_pass
    transform = imagenet_augmentation.training_transform(
        config.image_size,
        amounts=(
            config.brightness,
            config.contrast,
            config.saturation,
            config.hue,
        ),
        smallest_area=config.smallest_area,
        flip=config.flip,
    )
    _say_if_long(config, genotype, dataset, steps)
    keras.utils.set_random_seed(config.seed)
    with strategy.scope():
        network = _make_network(config, genotype, dataset.class_names)
    metrics = _sizes(config, network)
    folder, finished = resumable.open_folder(config, strategy)
    if finished:
        return json_file.read(folder / workdir.METRICS_FILE)
    resumable.keep_genotype(folder, genotype, strategy)
    print(
        f"{device.start_line()}\n"
        f"Training on {dataset.describe()} Cropped to {config.image_size}x"
        f"{config.image_size}.\n{steps} steps an epoch, "
        f"{strategy.num_replicas_in_sync} device(s), "
        f"{metrics['parameters']:,} parameters. Results go to {folder}.",
        flush=True,
    )
    start = time.perf_counter()
    resumable.fit(
        network,
        lambda step: dataset.train(
            config.batch_size, config.seed, step, transform
        ),
        steps,
        config.epochs,
        [
            schedules.ExponentialDecay(
                config.learning_rate, config.learning_rate_decay
            ),
            darts_tf.LinearDropPath(config.drop_path_rate, config.epochs),
            darts_tf.callbacks.TrainingLog(folder, options.to_json(config)),
            darts_tf.ExactResume(folder, config.checkpoint_every),
        ],
    )
    metrics["train_seconds"] = round(time.perf_counter() - start, 1)
    test = strategies.read_by_all(
        dataset.test(
            config.batch_size,
            imagenet_augmentation.evaluation_transform(config.image_size),
        )
    )
    evaluated = network.evaluate(test, verbose=0, return_dict=True)
    if replicas.is_chief(strategy):
        evaluation.of_network(network, test).save(folder)
    for name, value in evaluated.items():
        metrics[f"test_{name}"] = float(value)
    print(
        f"Test accuracy: top-1 {metrics['test_accuracy']:.4f}, "
        f"top-5 {metrics['test_top_5_accuracy']:.4f}  "
        f"(test loss {metrics['test_loss']:.4f})"
    )
    resumable.finish(folder, network, metrics)
    return metrics


def _say_if_long(config, genotype, dataset, steps):
    """Says on a processor how long it takes, of what is surely long."""
    images = steps * config.batch_size
    pixels = config.image_size**2
    if images * config.epochs * pixels < 1e9:  # spares making the network
        return
    network = _make_network(config, genotype, dataset.class_names)
    # The stem divides the sides by 8 before the first cell.
    side = max(config.image_size // 8, 1)
    expected_time.say_if_long(
        genotype,
        (side, side, 3),
        config,
        darts_tf.count_multiply_adds(network),
        images,
    )


def _make_network(config, genotype, class_names):
    network = darts_tf.ConvNetwork(
        genotype,
        len(class_names),
        config.filters,
        config.num_cells,
        config.auxiliary_weight,
        stem="imagenet",
        classification=darts_tf.Classification(
            imagenet_augmentation.MEAN,
            imagenet_augmentation.STD,
            class_names,
        ),
    )
    network.compile(
        darts_tf.optimizers.SGD(
            config.learning_rate,
            config.momentum,
            config.weight_decay,
            config.clipnorm,
        ),
        darts_tf.models.SmoothedCrossentropy(config.label_smoothing),
        metrics=[
            keras.metrics.SparseCategoricalAccuracy("accuracy"),
            keras.metrics.SparseTopKCategoricalAccuracy(
                min(5, len(class_names)), name="top_5_accuracy"
            ),
        ],
    )
    network.build((None, config.image_size, config.image_size, 3))
    return network


def _sizes(config, network):
    """Returns the counts, and holds the multiply-adds against the budget."""
    by_layer = darts_tf.models.multiply_adds_by_layer(network)
    total = sum(by_layer.values())
    print(f"{total:,} multiply-adds:\n{count.breakdown(by_layer)}", flush=True)
    if config.budget is not None and total > config.budget:
        text = (
            f"The network has {total:,} multiply-adds, more than the budget "
            f"of {config.budget:,}; where they are stands above"
        )
        if config.over_budget == "refuse":
            raise ValueError(
                f"{text}. Fewer filters or cells, --over_budget=warn or "
                f"--budget=none go on. Received: filters={config.filters}, "
                f"num_cells={config.num_cells}"
            )
        print(f"Warning: {text}.", flush=True)
    return {
        "parameters": darts_tf.count_parameters(network, False),
        "multiply_adds": total,
    }


if __name__ == "__main__":
    options.main(Config, run, PRESETS)
