"""Runs the paper's whole protocol: search, choose, train, beside chance.

    python -m trainers.protocol --preset=quick --workdir=RUN
    python -m trainers.protocol --preset=quick_text --workdir=RUN
    python -m trainers.protocol --preset=paper --data_dir=DATA --workdir=RUN
    python -m trainers.protocol --preset=paper_text --data_dir=DATA \
        --workdir=RUN

Several searches with different seeds; each cell trained for a short time on
the part of the data that did not choose it; the best by validation trained in
full, several times; mean and deviation on the test set, which nothing before
has seen. Beside them as many random cells, or as many as fit in the time that
the searches took (`--random_cells=none`), treated alike: what the searches
earned is the difference.

The presets `quick`, on scikit-learn's digits, and `quick_text`, on the manual
of the running Python, need no download and some minutes on 2 CPU cores;
`paper` and `paper_text` are Section 3 of the DARTS paper, on CIFAR-10 and on
Penn Treebank. With `--tune=xi,alpha_learning_rate` the searches are those of a
Bayesian optimisation of these hyperparameters instead of repetitions.

The same command with the same `--workdir` goes on where it was stopped. The
folder gets `config.json`, `searched/` and `random/` (projects of
`darts_tf.DartsTuner`), `final/`, and at the end `results.json` and
`results.md`.
"""

import contextlib
import dataclasses
import json
import pathlib
import sys

from trainers import device
from trainers import images
from trainers import late
from trainers import options
from trainers import resumable
from trainers import search_run
from trainers import strategies
from trainers import texts
from trainers import workdir

with late.imports():
    import keras_tuner
    import numpy as np

    import darts_tf
    from darts_tf.files import atomic_file
    from darts_tf.tuner import configuration
    from darts_tf.tuner import selection
    from trainers import progress
    from trainers import protocol_images
    from trainers import protocol_texts
    from trainers import protocol_tuner
    from trainers import whole_run

# What can be tuned, and where: minimum, maximum, sampling.
_RANGES = {
    "xi": (0.0, 0.1, "linear"),
    "weight_decay": (1e-7, 1e-3, "log"),
    "alpha_learning_rate": (1e-4, 1e-1, "log"),
    "alpha_weight_decay": (1e-5, 1e-2, "log"),
}
_KINDS = ("searched", "random")
_TASKS = {"conv": protocol_images, "recurrent": protocol_texts}


@dataclasses.dataclass(frozen=True)
class Config:
    """Options of the protocol; each field is a flag of the same name."""

    workdir: str = options.option("Folder for everything; new, or to go on.")
    space: str = options.option("conv or recurrent.", "conv")
    dataset: str = options.option(
        "Of images: digits, a data set of TensorFlow Datasets, or a folder; "
        "of texts: topics, ptb, wikitext-2, or a folder.",
        "cifar10",
    )
    data_dir: str | None = options.option(
        "Folder of prepared data sets or texts; none is the default one.", None
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
    num_nodes: int | None = options.option(
        "Intermediate nodes of a cell; none is the paper's number.", None
    )
    primitives: str | None = options.option(
        "Candidate operations, separated by commas; none is the paper's.", None
    )
    hypergradient: str = options.option(
        "first_order, finite_difference or exact.", "finite_difference"
    )
    alpha_learning_rate: float = options.option("Of the alphas (Adam).", 3e-4)
    search_epochs: int = options.option("Epochs of a search.", 50)
    batch_size: int = options.option("Of a search.", 64)
    retrain_epochs: int = options.option("Epochs of a short training.", 100)
    retrain_batch_size: int = options.option("Of a short training.", 96)
    runs: int = options.option("Full trainings of the best cell.", 10)
    epochs: int = options.option("Epochs of a full training.", 600)
    train_batch_size: int = options.option("Of the full training.", 96)
    seed: int = options.option("Of the first search, cell and training.", 0)
    intra_op_threads: int | None = search_run.INTRA_OP_THREADS
    validation_fraction: float = options.option(
        "Images: part of the training images that scores the cells; the "
        "searches halve the rest.",
        0.2,
    )
    image_size: int | None = options.option(
        "Images: height and width to resize to, in pixels; none keeps them.",
        None,
    )
    max_samples: int | None = options.option(
        "Images: number of training images to use; none uses all.", None
    )
    search_filters: int = options.option("Images: of the supernet.", 16)
    search_cells: int = options.option("Images: of the supernet.", 8)
    filters: int = options.option("Images: of all trained networks.", 36)
    num_cells: int = options.option("Images: of all trained networks.", 20)
    auxiliary_weight: float = options.option(
        "Images: of the auxiliary classifier in the full training.", 0.4
    )
    drop_path_rate: float = options.option(
        "Images: where the ramp of the path dropout ends.", 0.2
    )
    crop_padding: int = options.option(
        "Images: pixels of padding for the random crop.", 4
    )
    flip: bool = options.option("Images: flip them at random.", True)
    cutout: int = options.option(
        "Images: side of the square cut out in the full training.", 16
    )
    min_count: int | None = options.option(
        "Texts: words that occur less often in the training text become "
        "<unk>; none keeps all.",
        None,
    )
    search_units: int = options.option("Texts: width of the supernet.", 300)
    units: int = options.option("Texts: width of all trained networks.", 850)
    dropout_scale: float = options.option(
        "Texts: factor of all the paper's dropout rates.", 1.0
    )

    def __post_init__(self):
        """Fails on values that would only show after a long time."""
        options.check_positive(
            self,
            "searches",
            "runs",
            "search_epochs",
            "epochs",
            "intra_op_threads",
        )
        if self.space not in _TASKS:
            raise ValueError(
                f"`space` must be one of {list(_TASKS)}. "
                f"Received: space={self.space!r}"
            )
        self._refuse_other_options()
        for name in _names(self.tune):
            if name not in _RANGES:
                raise ValueError(
                    f"`tune` must name some of {list(_RANGES)}. "
                    f"Received: tune={self.tune!r}"
                )

    def _refuse_other_options(self):
        """Raises an error for an option of the other space."""
        other = "Texts:" if self.space == "conv" else "Images:"
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.metadata["help"].startswith(other) and (
                value != field.default
            ):
                raise ValueError(
                    f"`{field.name}` does not apply to space={self.space!r}. "
                    f"Received: {field.name}={value}"
                )


PRESETS = {
    "quick": {
        "dataset": "digits",
        "random_cells": 4,
        "num_nodes": 2,
        "search_epochs": 5,
        "batch_size": 32,
        "alpha_learning_rate": 3e-2,
        "retrain_epochs": 5,
        "retrain_batch_size": 32,
        "runs": 4,
        "epochs": 10,
        "train_batch_size": 32,
        "search_filters": 4,
        "search_cells": 3,
        "filters": 8,
        "num_cells": 3,
        "auxiliary_weight": 0.0,
        "drop_path_rate": 0.1,
        "crop_padding": 1,
        "flip": False,
        "cutout": 0,
    },
    "paper": {},
    "quick_text": {
        "space": "recurrent",
        "dataset": "topics",
        "random_cells": 4,
        "search_epochs": 2,
        "batch_size": 32,
        "alpha_learning_rate": 3e-2,
        "retrain_epochs": 3,
        "retrain_batch_size": 20,
        "runs": 4,
        "epochs": 6,
        "train_batch_size": 20,
        "search_units": 64,
        "units": 100,
        "dropout_scale": 0.4,
    },
    "paper_text": {
        "space": "recurrent",
        "dataset": "ptb",
        "batch_size": 256,
        "alpha_learning_rate": 3e-3,
        "retrain_epochs": 300,
        "retrain_batch_size": 64,
        "epochs": 8000,
        "train_batch_size": 64,
    },
}


def run(config):
    """Runs the protocol, or what is left of it.

    Args:
        config: A `Config`.

    Returns:
        A dictionary of the results written to `results.json`.
    """
    if config.space == "conv":
        images.check(config.dataset, config.data_dir)
    else:
        texts.check(config.dataset)
    strategies.limit_threads(config.intra_op_threads)
    module = _TASKS[config.space]
    task = module.Task(config)
    folder = pathlib.Path(config.workdir).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    atomic_file.remove_leftovers(folder)
    resolved = options.to_json(config)
    configuration.check(folder / "config.json", resolved)
    workdir.write_json(folder / "config.json", resolved)

    print(
        f"{device.start_line()}\nThe protocol on {task.describe()}.\n"
        f"{config.searches} searches of {config.search_epochs} epochs, then "
        f"{config.runs} trainings of {config.epochs} epochs of the best cell; "
        f"the same with random cells. Results go to {folder}.",
        flush=True,
    )
    whole = whole_run.Protocol(config)
    searched = _search(task, folder, "searched", _oracle(task, module), whole)
    limit = {"max_trials": config.random_cells}
    if config.random_cells is None:
        limit["max_seconds"] = sum(t["seconds"] for t in _trials(searched))
    chance = _search(
        task,
        folder,
        "random",
        darts_tf.RandomArchitectureOracle(
            module.OBJECTIVE,
            seed=config.seed,
            hyperparameters=_hyperparameters(task, tuned=()),
            **limit,
        ),
        whole,
    )
    results = {
        kind: {
            "trials": _trials(tuner),
            "genotype": json.loads(tuner.get_best_genotypes(1)[0].to_json()),
            "final": _train(task, folder / "final" / kind, tuner, whole),
        }
        for kind, tuner in zip(_KINDS, (searched, chance), strict=True)
    }
    workdir.write_json(folder / "results.json", results)
    table = to_markdown(results, module.OBJECTIVE, module.TEST_METRIC)
    atomic_file.write_text(folder / "results.md", table)
    print(f"\n{table}\nWritten to {folder}/results.md and results.json.")
    return results


def to_markdown(results, objective, test_metric):
    """Returns the results as a table.

    Args:
        results: Dictionary from `run`.
        objective: `keras_tuner.Objective` of the short training.
        test_metric: String, the metric of the full training.

    Returns:
        String.
    """
    columns = [results[kind] for kind in _KINDS]
    scores = [[t[objective.name] for t in c["trials"]] for c in columns]
    best = max if objective.direction == "max" else min
    short, test = (
        name.replace("_", " ") for name in (objective.name, test_metric)
    )
    rows = {
        "": _KINDS,
        "cells": [len(values) for values in scores],
        f"{short}, short training: mean ± deviation": map(_mean, scores),
        "the best of them": [f"{best(values):.4f}" for values in scores],
        "seconds, searches and short trainings": [
            f"{sum(t['seconds'] for t in c['trials']):.0f}" for c in columns
        ],
        "parameters of the best cell's network": [
            f"{c['final'][0]['parameters']:,}" for c in columns
        ],
        "full trainings": [len(c["final"]) for c in columns],
        f"{test} of the best cell: mean ± deviation": [
            _mean([r[test_metric] for r in c["final"]]) for c in columns
        ],
    }
    lines = [
        f"| {name} | {' | '.join(map(str, cells))} |"
        for name, cells in rows.items()
    ]
    return "\n".join([lines[0], "|---|---|---|", *lines[1:]]) + "\n"


def _mean(values):
    return f"{np.mean(values):.4f} ± {selection.deviation(values):.4f}"


def _names(text):
    return [] if text is None else [name.strip() for name in text.split(",")]


def _hyperparameters(task, tuned):
    """Declares what differs from the paper, and what is tuned."""
    config, hp = task.config, keras_tuner.HyperParameters()
    for name in tuned:
        low, high, sampling = _RANGES[name]
        hp.Float(name, low, high, sampling=sampling)
    fixed = {
        name: getattr(config, name)
        for name in (
            "hypergradient",
            "alpha_learning_rate",
            "batch_size",
            "retrain_epochs",
            "retrain_batch_size",
        )
    }
    for name, value in {**fixed, **task.hyperparameters()}.items():
        if name not in hp:
            hp.Fixed(name, value)
    return hp


def _oracle(task, module):
    config = task.config
    hp = _hyperparameters(task, _names(config.tune))
    if config.tune is None:
        return darts_tf.RepeatedSearchOracle(
            module.OBJECTIVE, config.searches, config.seed, hyperparameters=hp
        )
    hp.Fixed("seed", config.seed)
    return keras_tuner.oracles.BayesianOptimizationOracle(
        module.OBJECTIVE,
        max_trials=config.searches,
        hyperparameters=hp,
        seed=config.seed + 1,  # 0 is no seed to Keras Tuner
    )


def _search(task, folder, name, oracle, whole):
    """Runs the trials of a tuner that are left; returns the tuner."""
    config, space = task.config, _TASKS[task.config.space].SPACE
    space = dataclasses.replace(
        space,
        num_nodes=config.num_nodes or space.num_nodes,
        primitives=tuple(_names(config.primitives)) or space.primitives,
    )
    with contextlib.redirect_stdout(sys.stderr):  # Keras Tuner's words
        tuner = protocol_tuner.ProtocolTuner(
            whole=whole,
            hypermodel=task.hypermodel(space),
            oracle=oracle,
            directory=str(folder),
            project_name=name,
        )
    whole.cells[name] = _trials(tuner)
    with whole.searches():
        tuner.search(
            **task.data(),
            epochs=config.search_epochs,
            callbacks=[progress.Progress(bar=False)],
            verbose=0,
        )
    return tuner


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


def _train(task, folder, tuner, whole):
    """Trains the best cell in full, several times; returns the metrics."""
    folder.mkdir(parents=True, exist_ok=True)
    atomic_file.remove_leftovers(folder)
    genotype_path = folder / "genotype.json"
    tuner.get_best_genotypes(1)[0].save(genotype_path)
    metrics = []
    for number in range(task.config.runs):
        run_folder = folder / f"run_{number}"
        is_finished = (run_folder / workdir.METRICS_FILE).exists()
        with whole.training(is_finished):
            if is_finished:
                resumable.complete(run_folder)
            else:
                seed = task.config.seed + number
                task.train(run_folder, genotype_path, seed)
        metrics.append(workdir.read_json(run_folder / workdir.METRICS_FILE))
    return metrics


if __name__ == "__main__":
    options.main(Config, run, PRESETS)
