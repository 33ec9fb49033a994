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

With `--max_parameters`, `--max_multiply_adds`, `--max_bytes`, `--max_ram_bytes`
or `--max_ms` the best cell is that of the networks within the budget (of files,
where the TFLite file of float32 or of int8 is); a budget that no cell can keep
is refused at once.

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
from trainers import export_budget
from trainers import images
from trainers import late
from trainers import options
from trainers import protocol_options
from trainers import resumable
from trainers import search_run
from trainers import strategies
from trainers import texts
from trainers import workdir

with late.without_package():
    from darts_tf.spaces import paper

with late.imports():
    import keras_tuner

    import darts_tf
    from darts_tf.files import atomic_file
    from darts_tf.files import json_file
    from darts_tf.tuner import configuration
    from trainers import progress
    from trainers import protocol_images
    from trainers import protocol_results
    from trainers import protocol_texts
    from trainers import protocol_tuner
    from trainers import whole_run

_TASKS = {"conv": protocol_images, "recurrent": protocol_texts}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config(
    protocol_options.TextOptions,
    protocol_options.ImageOptions,
    search_run.MethodOptions,
    protocol_options.ProtocolOptions,
    export_budget.BudgetOptions,
):
    """Options of the protocol; each field is a flag of the same name."""

    alpha_learning_rate: float = paper.ConvSearch.alpha_learning_rate

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
        options.check_choice(self, "space", tuple(_TASKS))
        options.check_space(self)
        export_budget.check_positive(self)
        for name in export_budget.given(self):
            if self.space == "recurrent" and name != "max_parameters":
                raise ValueError(
                    f"`{name}` applies to networks of images only. "
                    f"Received: {name}={getattr(self, name)}"
                )
        for name in _names(self.tune):
            if name not in protocol_options.RANGES:
                raise ValueError(
                    "`tune` must name some of "
                    f"{list(protocol_options.RANGES)}. "
                    f"Received: tune={self.tune!r}"
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
        "batch_size": paper.RecurrentSearch.batch_size,
        "alpha_learning_rate": paper.RecurrentSearch.alpha_learning_rate,
        "retrain_epochs": paper.Protocol.short_epochs_of_texts,
        "retrain_batch_size": paper.RecurrentTraining.batch_size,
        "epochs": paper.RecurrentTraining.epochs,
        "train_batch_size": paper.RecurrentTraining.batch_size,
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
    if export_budget.given(config):
        task.check_budget(_space(config))
    folder = pathlib.Path(config.workdir).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    atomic_file.remove_leftovers(folder)
    resolved = options.to_json(config)
    configuration.check(folder / "config.json", resolved)
    json_file.write(folder / "config.json", resolved)

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
        limit["max_seconds"] = sum(
            t["seconds"] for t in protocol_results.trials(searched)
        )
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
    tuners = dict(zip(protocol_results.KINDS, (searched, chance), strict=True))
    best = {kind: _best(task, kind, tuner) for kind, tuner in tuners.items()}
    results = {
        kind: {
            "trials": protocol_results.trials(tuner),
            "genotype": json.loads(best[kind].to_json()),
            "final": _train(task, folder / "final" / kind, best[kind], whole),
        }
        for kind, tuner in tuners.items()
    }
    json_file.write(folder / "results.json", results)
    table = protocol_results.to_markdown(
        results, module.OBJECTIVE, module.TEST_METRIC
    )
    atomic_file.write_text(folder / "results.md", table)
    print(f"\n{table}\nWritten to {folder}/results.md and results.json.")
    return results


def _names(text):
    return [] if text is None else [name.strip() for name in text.split(",")]


def _hyperparameters(task, tuned):
    """Declares what differs from the paper, and what is tuned."""
    config, hp = task.config, keras_tuner.HyperParameters()
    for name in tuned:
        low, high, sampling = protocol_options.RANGES[name]
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
    config = task.config
    with contextlib.redirect_stdout(sys.stderr):  # Keras Tuner's words
        tuner = protocol_tuner.ProtocolTuner(
            whole=whole,
            hypermodel=task.hypermodel(_space(config)),
            oracle=oracle,
            directory=str(folder),
            project_name=name,
        )
    whole.cells[name] = protocol_results.trials(tuner)
    with whole.searches():
        tuner.search(
            **task.data(),
            epochs=config.search_epochs,
            callbacks=[progress.Progress(bar=False)],
            verbose=0,
        )
    return tuner


def _space(config):
    """Returns the space that the config searches."""
    space = _TASKS[config.space].SPACE
    return dataclasses.replace(
        space,
        num_nodes=config.num_nodes or space.num_nodes,
        primitives=tuple(_names(config.primitives)) or space.primitives,
    )


def _best(task, kind, tuner):
    """Returns the best cell whose network keeps the budget."""
    if not export_budget.given(task.config):
        return tuner.get_best_genotypes(1)[0]
    for choice in tuner.explain_genotypes():
        text = task.over_budget(choice.genotype)
        if text is None:
            return choice.genotype
        print(
            f"{kind}: the cell of {', '.join(choice.found_by)} is passed over, "
            f"with a score of {choice.score:.4f}: {text}.",
            flush=True,
        )
    raise options.Outcome(
        f"None of the {kind} cells keeps the budget, as is said of each above. "
        "A larger budget or other sizes need another --workdir"
    )


def _train(task, folder, genotype, whole):
    """Trains the best cell in full, several times; returns the metrics."""
    folder.mkdir(parents=True, exist_ok=True)
    atomic_file.remove_leftovers(folder)
    genotype_path = folder / "genotype.json"
    genotype.save(genotype_path)
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
        metrics.append(json_file.read(run_folder / workdir.METRICS_FILE))
    return metrics


if __name__ == "__main__":
    options.main(Config, run, PRESETS)
