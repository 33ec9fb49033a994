"""Runs the paper's whole protocol: search, choose, train, beside chance.

    python -m trainers.protocol --preset=quick --workdir=RUN
    python -m trainers.protocol --preset=paper --data_dir=DATA --workdir=RUN

Several searches with different seeds; each cell trained for a short time on
the half of the data that did not choose it; the best by validation trained in
full, several times; mean and deviation on the test set, which nothing before
has seen. Beside them as many random cells, or as many as fit in the time that
the searches took (`--random_cells=none`), treated alike: what the searches
earned is the difference.

The preset `quick` takes scikit-learn's digits, which need no download, and a
few minutes on 2 CPU cores; `paper` is Section 3 of the DARTS paper on
CIFAR-10. With `--tune=xi,alpha_learning_rate` the searches are those of a
Bayesian optimisation of these hyperparameters instead of repetitions.

The same command with the same `--workdir` goes on where it was stopped. The
folder gets `config.json`, `searched/` and `random/` (projects of
`darts_tf.DartsTuner`), `final/`, and at the end `results.json` and
`results.md`.
"""

import dataclasses
import json
import pathlib
import shutil

import keras_tuner
import numpy as np

import darts_tf
from darts_tf.data import augmentation
from darts_tf.data import splitting
from darts_tf.spaces import atomic_file
from darts_tf.tuner import configuration
from trainers import cnn_train
from trainers import images
from trainers import options
from trainers import workdir

# What can be tuned, and where: minimum, maximum, sampling.
_RANGES = {
    "xi": (0.0, 0.1, "linear"),
    "learning_rate": (0.005, 0.1, "log"),
    "weight_decay": (1e-5, 1e-3, "log"),
    "alpha_learning_rate": (1e-4, 1e-1, "log"),
    "alpha_weight_decay": (1e-5, 1e-2, "log"),
}
_KINDS = ("searched", "random")


@dataclasses.dataclass(frozen=True)
class Config:
    """Options of the protocol; each field is a flag of the same name."""

    workdir: str = options.option("Folder for everything; new, or to go on.")
    dataset: str = options.option(
        "digits, a data set of TensorFlow Datasets, or a folder of images.",
        "cifar10",
    )
    data_dir: str | None = options.option(
        "Folder of TensorFlow Datasets; none is its default.", None
    )
    image_size: int | None = options.option(
        "Height and width to resize images to, in pixels; none keeps them.",
        None,
    )
    max_samples: int | None = options.option(
        "Number of training images to use; none uses all.", None
    )
    validation_fraction: float = options.option(
        "Part of the training images that scores the cells; the searches "
        "halve the rest.",
        0.2,
    )
    searches: int = options.option("Searches, each with its own seed.", 4)
    random_cells: int | None = options.option(
        "Random cells; none is as many as fit in the time of the searches.",
        None,
    )
    tune: str | None = options.option(
        f"Hyperparameters to tune, of {', '.join(_RANGES)}; none repeats the "
        "search.",
        None,
    )
    num_nodes: int = options.option("Intermediate nodes of a cell.", 4)
    primitives: str = options.option(
        "Candidate operations, separated by commas.",
        ",".join(darts_tf.SearchSpace.conv().primitives),
    )
    hypergradient: str = options.option(
        "first_order, finite_difference or exact.", "finite_difference"
    )
    alpha_learning_rate: float = options.option("Of the alphas (Adam).", 3e-4)
    search_epochs: int = options.option("Epochs of a search.", 50)
    search_filters: int = options.option("Filters of the supernet.", 16)
    search_cells: int = options.option("Cells of the supernet.", 8)
    batch_size: int = options.option("Of searches and short trainings.", 64)
    retrain_epochs: int = options.option("Epochs of a short training.", 100)
    filters: int = options.option("Filters of all trained networks.", 36)
    num_cells: int = options.option("Cells of all trained networks.", 20)
    runs: int = options.option("Full trainings of the best cell.", 10)
    epochs: int = options.option("Epochs of a full training.", 600)
    train_batch_size: int = options.option("Of the full training.", 96)
    auxiliary_weight: float = options.option(
        "Weight of the auxiliary classifier in the full training.", 0.4
    )
    drop_path_rate: float = options.option(
        "Where the ramp of the path dropout ends, in all trainings.", 0.2
    )
    crop_padding: int = options.option(
        "Pixels of padding for the random crop.", 4
    )
    flip: bool = options.option("Flip images at random.", True)
    cutout: int = options.option("Square cut out in the full training.", 16)
    seed: int = options.option("Of the first search, cell and training.", 0)

    def __post_init__(self):
        """Fails on values that would only show after a long time."""
        for name in ("searches", "runs", "search_epochs", "epochs"):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"`{name}` must be positive. "
                    f"Received: {name}={getattr(self, name)}"
                )
        for name in _names(self.tune):
            if name not in _RANGES:
                raise ValueError(
                    f"`tune` must name some of {list(_RANGES)}. "
                    f"Received: tune={self.tune!r}"
                )


PRESETS = {
    "quick": {
        "dataset": "digits",
        "random_cells": 4,
        "num_nodes": 2,
        "search_epochs": 5,
        "search_filters": 4,
        "search_cells": 3,
        "batch_size": 32,
        "alpha_learning_rate": 3e-2,
        "retrain_epochs": 5,
        "filters": 8,
        "num_cells": 3,
        "runs": 4,
        "epochs": 10,
        "train_batch_size": 32,
        "auxiliary_weight": 0.0,
        "drop_path_rate": 0.1,
        "crop_padding": 1,
        "flip": False,
        "cutout": 0,
    },
    "paper": {},
}


def run(config):
    """Runs the protocol, or what is left of it.

    Args:
        config: A `Config`.

    Returns:
        A dictionary of the results written to `results.json`.
    """
    dataset = images.load(config)
    folder = pathlib.Path(config.workdir).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    resolved = options.to_json(config)
    configuration.check(folder / "config.json", resolved)
    workdir.write_json(folder / "config.json", resolved)

    searched = _tuner(config, folder, dataset, "searched", _oracle(config))
    _search(config, dataset, searched)
    limit = {"max_trials": config.random_cells}
    if config.random_cells is None:
        limit["max_seconds"] = sum(_column(searched, "seconds"))
    chance = _tuner(
        config,
        folder,
        dataset,
        "random",
        darts_tf.RandomArchitectureOracle(
            "val_accuracy",
            seed=config.seed,
            hyperparameters=_hyperparameters(config, tune=False),
            **limit,
        ),
    )
    _search(config, dataset, chance)

    results = {
        kind: {
            "trials": _trials(tuner),
            "genotype": json.loads(tuner.get_best_genotypes(1)[0].to_json()),
            "final": _train(config, folder / "final" / kind, tuner),
        }
        for kind, tuner in zip(_KINDS, (searched, chance), strict=True)
    }
    workdir.write_json(folder / "results.json", results)
    table = to_markdown(results)
    atomic_file.write_text(folder / "results.md", table)
    print(f"\n{table}\nWritten to {folder}/results.md and results.json.")
    return results


def to_markdown(results):
    """Returns the results as a table.

    Args:
        results: Dictionary from `run`.

    Returns:
        String.
    """
    lines = [
        "| | searched | random |",
        "|---|---|---|",
    ]
    columns = [results[kind] for kind in _KINDS]

    def row(name, cells):
        lines.append(f"| {name} | {' | '.join(cells)} |")

    def scores(column):
        return [trial["val_accuracy"] for trial in column["trials"]]

    row("cells", [str(len(c["trials"])) for c in columns])
    row(
        "validation accuracy, short training: mean ± deviation",
        [_mean(scores(c)) for c in columns],
    )
    row("the best of them", [f"{max(scores(c)):.4f}" for c in columns])
    row(
        "seconds, searches and short trainings",
        [f"{sum(t['seconds'] for t in c['trials']):.0f}" for c in columns],
    )
    row("parameters", [f"{c['final'][0]['parameters']:,}" for c in columns])
    row("full trainings", [str(len(c["final"])) for c in columns])
    row(
        "test accuracy of the best cell: mean ± deviation",
        [_mean([r["test_accuracy"] for r in c["final"]]) for c in columns],
    )
    return "\n".join(lines) + "\n"


def _mean(values):
    return f"{np.mean(values):.4f} ± {np.std(values):.4f}"


def _names(text):
    return [] if text is None else [name.strip() for name in text.split(",")]


def _hyperparameters(config, tune):
    """Declares what differs from the paper, and what is tuned."""
    hp = keras_tuner.HyperParameters()
    for name in _names(config.tune) if tune else ():
        low, high, sampling = _RANGES[name]
        hp.Float(name, low, high, sampling=sampling)
    fixed = {
        "seed": config.seed,
        "hypergradient": config.hypergradient,
        "alpha_learning_rate": config.alpha_learning_rate,
        "num_cells": config.search_cells,
        "filters": config.search_filters,
        "network_num_cells": config.num_cells,
        "network_filters": config.filters,
        "retrain_epochs": config.retrain_epochs,
        "drop_path_rate": config.drop_path_rate,
    }
    for name, value in fixed.items():
        if name not in hp:
            hp.Fixed(name, value)
    return hp


def _oracle(config):
    hp = _hyperparameters(config, tune=True)
    if config.tune is None:
        return darts_tf.RepeatedSearchOracle(
            "val_accuracy", config.searches, config.seed, hyperparameters=hp
        )
    return keras_tuner.oracles.BayesianOptimizationOracle(
        "val_accuracy",
        max_trials=config.searches,
        hyperparameters=hp,
        seed=config.seed + 1,  # 0 is no seed to Keras Tuner
    )


def _tuner(config, folder, dataset, name, oracle):
    space = darts_tf.SearchSpace.conv(
        _names(config.primitives), config.num_nodes
    )
    return darts_tf.DartsTuner(
        hypermodel=darts_tf.ConvHyperModel(
            space,
            dataset.num_classes,
            augmentation.training_transform(
                dataset.mean, dataset.std, config.crop_padding, config.flip
            ),
            augmentation.evaluation_transform(dataset.mean, dataset.std),
        ),
        oracle=oracle,
        directory=str(folder),
        project_name=name,
    )


def _search(config, dataset, tuner):
    x, y = dataset.train
    validation, search = splitting.split_indices(
        y, config.validation_fraction, config.seed
    )
    tuner.search(
        x[search],
        y[search],
        validation_data=(x[validation], y[validation]),
        epochs=config.search_epochs,
        batch_size=config.batch_size,
        verbose=2,
    )
    tuner.results_summary(config.searches)


def _trials(tuner):
    """Returns what became of each trial, in their order."""
    return [
        {
            "trial": trial.trial_id,
            "hyperparameters": trial.hyperparameters.values,
            **tuner.executions(trial.trial_id)[0],
        }
        for trial in sorted(
            tuner.oracle.trials.values(), key=lambda trial: trial.trial_id
        )
        if trial.status == "COMPLETED"
    ]


def _column(tuner, name):
    return [trial[name] for trial in _trials(tuner)]


def _train(config, folder, tuner):
    """Trains the best cell in full, several times; returns the metrics."""
    folder.mkdir(parents=True, exist_ok=True)
    tuner.get_best_genotypes(1)[0].save(folder / "genotype.json")
    metrics = []
    for number in range(config.runs):
        run_folder = folder / f"run_{number}"
        if not (run_folder / "metrics.json").exists():
            # What a killed training has left is of no use.
            shutil.rmtree(run_folder, ignore_errors=True)
            cnn_train.run(_training(config, folder, run_folder, number))
        metrics.append(json.loads((run_folder / "metrics.json").read_text()))
    return metrics


def _training(config, folder, run_folder, number):
    same = (
        "dataset",
        "data_dir",
        "image_size",
        "max_samples",
        "epochs",
        "filters",
        "num_cells",
        "auxiliary_weight",
        "drop_path_rate",
        "crop_padding",
        "flip",
        "cutout",
    )
    return cnn_train.Config(
        workdir=str(run_folder),
        genotype=str(folder / "genotype.json"),
        batch_size=config.train_batch_size,
        seed=config.seed + number,
        **{name: getattr(config, name) for name in same},
    )


if __name__ == "__main__":
    options.main(Config, run, PRESETS)
