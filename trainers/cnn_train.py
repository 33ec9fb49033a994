"""Trains the network of a convolutional genotype from scratch.

    python -m trainers.cnn_train --preset=quick --search=RUN --workdir=TRAIN
    python -m trainers.cnn_train --preset=paper --genotype=DARTS_V2 \
        --data_dir=DATA --workdir=RUN

The preset `quick` trains a small network on scikit-learn's digits, in about a
minute on 2 CPU cores; `paper` is the protocol of Appendix A.2.1 of the DARTS
paper, on CIFAR-10 (2.76 +- 0.09 % test error there). `--search` names the
folder of a search, whose genotype, data and augmentation are taken;
`--genotype` takes any other cell. The test images are looked at once, after
training. With `--validation_fraction=0.1` a tenth of the training images is
evaluated after each epoch, and the network of the best epoch is kept.

A network over `--max_parameters` or `--max_multiply_adds`, or of which neither
the TFLite file of float32 nor that of int8 keeps `--max_bytes`,
`--max_ram_bytes` and `--max_ms`, is refused before the training, with the
number of filters that fits.

The folder `workdir` gets `config.json` and `genotype.json`; as training goes on
`history.jsonl`, `tensorboard/` and the state in `checkpoint.npz`; at the end
`evaluation.json`, what was taken for what, `metrics.json`, `network.keras`,
`report.html` and `environment.json`. The same command on the
folder of a run that was stopped goes on at the step where it was. With
`--runs=10` the training is repeated with as many seeds, each in a folder of its
own, `run_0` to `run_9`, and `metrics.json` has the mean and the deviation of
their test errors.
"""

import dataclasses
import statistics
import time

from trainers import device
from trainers import evaluation
from trainers import export_budget
from trainers import from_search
from trainers import genotypes
from trainers import images
from trainers import late
from trainers import network_budget
from trainers import options
from trainers import resumable
from trainers import spaces
from trainers import strategies
from trainers import training_options
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
    from darts_tf.distribution import replicas
    from darts_tf.files import json_file
    from trainers import expected_time
    from trainers import whole_run


_PAPER = paper.ConvTraining


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config(
    images.CifarOptions,
    spaces.SpaceOption,
    training_options.ImageTrainingOptions,
    export_budget.BudgetOptions,
):
    """Options of the training; each field is a flag of the same name."""

    epochs: int = _PAPER.epochs
    batch_size: int = options.option("Images in a batch.", _PAPER.batch_size)
    filters: int = _PAPER.filters
    num_cells: int = _PAPER.num_cells
    auxiliary_weight: float = _PAPER.auxiliary_weight
    drop_path_rate: float = _PAPER.drop_path_rate
    learning_rate: float = _PAPER.learning_rate
    final_learning_rate: float = _PAPER.final_learning_rate
    momentum: float = _PAPER.momentum
    weight_decay: float = _PAPER.weight_decay
    clipnorm: float = _PAPER.clipnorm
    cutout: int = _PAPER.cutout
    validation_fraction: float | None = options.option(
        "Part of the training images to hold out: they are evaluated after "
        "each epoch, and the network of the best epoch is kept. None, the "
        "paper's protocol, trains on all and keeps that of the last one.",
        None,
    )
    runs: int = options.option(
        "Trainings, with the seeds `seed`, `seed + 1` and so on.", 1
    )

    def __post_init__(self):
        """Fails on values that would only show after a long time."""
        super().__post_init__()
        export_budget.check_positive(self)
        options.check_positive(self, "runs")
        fraction = self.validation_fraction
        if fraction is not None and not 0 < fraction < 1:
            raise ValueError(
                "`validation_fraction` must be inside (0, 1), or none. "
                f"Received: validation_fraction={fraction}"
            )

    @classmethod
    def inherited(cls, given):
        """Returns what the search of `--search` says, for `options.resolve`."""
        names = ("data_dir", "image_size", "max_samples", "test_fraction")
        augmentations = ("flip", "crop_padding", "cutout")
        found = from_search.values(
            given, "dataset", (*names, *augmentations), of_cell=("space",)
        )
        if not found.get("cutout"):
            # A search of the paper cuts nothing out, its training does.
            found.pop("cutout", None)
        return found


PRESETS = {
    "quick": {
        "dataset": "digits",
        "epochs": 15,
        "batch_size": 32,
        "filters": 8,
        "num_cells": 3,
        "auxiliary_weight": 0.0,
        "drop_path_rate": 0.1,
        "crop_padding": 1,
        "flip": False,
        "cutout": 0,
    },
    "paper": {},
}


def run(config):
    """Trains and evaluates the network, as often as the config says.

    Args:
        config: A `Config`.

    Returns:
        A dictionary of the figures written to `metrics.json`.
    """
    workdir.check(config.workdir, options.to_json(config))
    genotypes.check(config.genotype)
    images.check(config.dataset, config.data_dir)
    spaces.check(config.space)
    strategy = strategies.make(config)
    genotype = genotypes.read(config.genotype, "conv")
    dataset = images.load(config)
    from_search.check_classes(config, dataset.class_names)
    network = _make_network(config, genotype, dataset)  # fails early
    network_budget.check(config, network, dataset.train[0])
    _, steps = _batches(config, _parts(config, dataset)[0], dataset)
    expected_time.say_if_long(
        genotype,
        dataset.image_shape,
        config,
        darts_tf.count_multiply_adds(network),
        config.runs * steps * config.batch_size,
    )
    if config.runs == 1:
        return _train(config, genotype, dataset, strategy)
    folder, finished = resumable.open_folder(config, strategy)
    if finished:
        return json_file.read(folder / workdir.METRICS_FILE)
    results = []
    whole = whole_run.Repetitions(config.runs)
    for index in range(config.runs):
        run_folder = folder / f"run_{index}"
        one = dataclasses.replace(
            config, workdir=str(run_folder), seed=config.seed + index, runs=1
        )
        with whole.run((run_folder / workdir.METRICS_FILE).exists()):
            results.append(_train(one, genotype, dataset, strategy))
    errors = [1 - metrics["test_accuracy"] for metrics in results]
    metrics = {
        "test_error_mean": statistics.mean(errors),
        "test_error_deviation": statistics.stdev(errors),
        "runs": results,
    }
    if replicas.is_chief(strategy):
        json_file.write(folder / workdir.METRICS_FILE, metrics)
    print(
        f"Test error of {config.runs} runs: "
        f"{100 * metrics['test_error_mean']:.2f} +- "
        f"{100 * metrics['test_error_deviation']:.2f} %"
    )
    return metrics


def _train(config, genotype, dataset, strategy):
    """Trains and evaluates once; returns what is in `metrics.json`."""
    folder, finished = resumable.open_folder(config, strategy)
    if finished:
        return json_file.read(folder / workdir.METRICS_FILE)
    keras.utils.set_random_seed(config.seed)
    with strategy.scope():
        network = _make_network(config, genotype, dataset)
    train, validation = _parts(config, dataset)
    batches_from, steps = _batches(config, train, dataset)
    resumable.keep_genotype(folder, genotype, strategy)
    metrics = {
        "seed": config.seed,
        "parameters": darts_tf.count_parameters(
            network, include_auxiliary=False
        ),
        "multiply_adds": darts_tf.count_multiply_adds(network),
    }
    print(
        f"{device.start_line()}\n"
        f"Training on {images.describe(dataset)}.\n{steps} steps an epoch, "
        f"{metrics['parameters']:,} parameters, "
        f"{metrics['multiply_adds']:,} multiply-adds. "
        f"Results go to {folder}.",
        flush=True,
    )
    start = time.perf_counter()
    best, validating = [], {}
    if validation is not None:
        # Watches to the end, and gives the network its best weights back.
        best = [
            keras.callbacks.EarlyStopping(
                "val_accuracy",
                patience=config.epochs,
                mode="max",
                restore_best_weights=True,
            )
        ]
        validating["validation_data"] = _evaluated(config, validation, dataset)
    resumable.fit(
        network,
        batches_from,
        steps,
        config.epochs,
        [
            schedules.CosineDecay(
                config.learning_rate,
                config.final_learning_rate,
                config.epochs,
            ),
            darts_tf.LinearDropPath(config.drop_path_rate, config.epochs),
            *best,
            darts_tf.callbacks.TrainingLog(folder, options.to_json(config)),
            darts_tf.ExactResume(folder, config.checkpoint_every),
        ],
        **validating,
    )
    metrics["train_seconds"] = round(time.perf_counter() - start, 1)
    for watch in best:
        metrics["best_epoch"] = int(watch.best_epoch) + 1
        metrics["validation_accuracy"] = float(watch.best)
        print(
            f"The best epoch is {metrics['best_epoch']}, with a validation "
            f"accuracy of {metrics['validation_accuracy']:.4f}."
        )
    test = _evaluated(config, dataset.test, dataset)
    loss, accuracy = network.evaluate(test, verbose=0)
    metrics["test_loss"], metrics["test_accuracy"] = loss, accuracy
    if replicas.is_chief(strategy):
        evaluation.of_network(network, test).save(folder)
    print(f"Test accuracy: {accuracy:.4f}  (test loss {loss:.4f})")
    resumable.finish(folder, network, metrics)
    return metrics


def _make_network(config, genotype, dataset):
    network = darts_tf.ConvNetwork(
        genotype,
        dataset.num_classes,
        config.filters,
        config.num_cells,
        config.auxiliary_weight,
        classification=darts_tf.Classification.of(dataset),
        skeleton=spaces.read(config.space).skeleton,
    )
    network.compile(
        darts_tf.optimizers.SGD(
            config.learning_rate,
            config.momentum,
            config.weight_decay,
            config.clipnorm,
        ),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    network.build((None, *dataset.image_shape))
    return network


def _parts(config, dataset):
    """Returns the images to train on, and those held out or `None`."""
    if config.validation_fraction is None:
        return dataset.train, None
    x, y = dataset.train
    kept, held_out = splitting.hold_out(
        y, config.validation_fraction, config.seed
    )
    return (x[kept], y[kept]), (x[held_out], y[held_out])


def _evaluated(config, arrays, dataset):
    """Returns one pass over images, as they are evaluated."""
    return strategies.read_by_all(
        streams.sequential(
            arrays,
            config.batch_size,
            augmentation.evaluation_transform(dataset.mean, dataset.std),
        )
    )


def _batches(config, train, dataset):
    """Returns the batches from a step on, and how many an epoch has."""
    steps = streams.steps_per_epoch(len(train[1]), config.batch_size)
    transform = augmentation.training_transform(
        dataset.mean,
        dataset.std,
        config.crop_padding,
        config.flip,
        config.cutout,
    )

    def batches_from(step):
        return streams.batches(
            train,
            config.batch_size,
            config.seed,
            step,
            transform=transform,
        )

    batches_from(0)  # says now what does not fit
    return batches_from, config.steps_per_epoch or steps


if __name__ == "__main__":
    options.main(Config, run, PRESETS)
