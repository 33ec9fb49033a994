"""The tuner: each trial is a whole search, and its result a genotype."""

import os
import pathlib

import keras
import keras_tuner
import numpy as np

from darts_tf.tuner import arguments
from darts_tf.tuner import configuration
from darts_tf.tuner import execution as execution_lib
from darts_tf.tuner import selection
from darts_tf.tuner import trial_run

_SEEDS_APART = 1000  # between the executions of a trial
_ALL = 2**31 - 1
_OF_TUNER = ("directory", "project_name", "executions_per_trial", "tuner_id")


class DartsTuner(keras_tuner.Tuner):
    """Searches several times and keeps the best cell: a Keras Tuner.

    One trial is one bilevel search, or several with different seeds
    (`executions_per_trial`). The network of each genotype is trained for a
    short time and measured on validation data that the search does not see;
    that is the trial's score. The numbers of the search are hyperparameters,
    fixed at the paper's values unless declared otherwise, so Keras Tuner's
    oracles can tune them.

    Every execution leaves its genotype, alphas, metrics and seed in a folder
    of its own. A search that was killed goes on at the last epoch when the
    same script is run again.

    Args:
        space: String `"conv"` or `"recurrent"`, or a `darts_tf.SearchSpace`.
            Defaults to `None`, `"conv"`, or the space of `hypermodel`.
        objective: Optional string, or `keras_tuner.Objective`, of the metrics
            of the trained network. Defaults to `None`: `"val_accuracy"`, or
            the lowest `"val_perplexity"` of a recurrent space.
        max_trials: Optional integer, the number of trials. Defaults to
            `None`, 4.
        hyperparameters: Optional `keras_tuner.HyperParameters`, or a callable
            that takes one and declares, by the names of the hypermodel, what
            differs from the paper or is to be tuned. Defaults to `None`.
        seed: Optional integer, the seed of the first trial; the others follow.
            Defaults to `None`, 0.
        oracle: Optional `keras_tuner.Oracle`, which then holds the objective,
            the number of trials, the hyperparameters and the seed. Defaults to
            `None`, a `darts_tf.RepeatedSearchOracle`.
        hypermodel: Optional `darts_tf.ConvHyperModel` or
            `darts_tf.RecurrentHyperModel`, or another
            `darts_tf.tuner.DartsHyperModel`, instead of `space`. Defaults to
            `None`.
        overwrite: Boolean, whether to delete what the project's folder holds.
            Workers leave that to the chief. Defaults to `False`: the project
            is continued, and refused if it was begun with other arguments.
        **kwargs: `directory`, `project_name`, `executions_per_trial` and
            `tuner_id` of `keras_tuner.Tuner`.

    Raises:
        ValueError: If arguments exclude each other, a hyperparameter has a
            name that nothing reads, or the project was begun with others.

    Example:

    >>> def small(hp):
    ...     hp.Fixed("num_cells", 3)
    ...     hp.Float("alpha_learning_rate", 1e-4, 1e-2, sampling="log")
    >>> tuner = darts_tf.DartsTuner(
    ...     space="conv", max_trials=2, hyperparameters=small, directory="runs"
    ... )
    >>> tuner.remaining_trials
    2

    Reference:
        Section 3.2 of the DARTS paper, arXiv:1806.09055.
    """

    def __init__(
        self,
        space=None,
        objective=None,
        max_trials=None,
        hyperparameters=None,
        seed=None,
        oracle=None,
        hypermodel=None,
        overwrite=False,
        **kwargs,
    ):
        unknown = sorted(set(kwargs) - set(_OF_TUNER))
        if unknown:
            raise ValueError(
                f"Of the arguments of keras_tuner.Tuner {_OF_TUNER} apply. "
                f"Received: {unknown[0]}"
            )
        hypermodel = arguments.resolve_hypermodel(space, hypermodel)
        oracle = arguments.resolve_oracle(
            oracle,
            hypermodel,
            objective=objective,
            max_trials=max_trials,
            hyperparameters=arguments.resolve_hyperparameters(hyperparameters),
            seed=seed,
        )
        # Before Keras Tuner reloads a project, which replaces the space.
        hp = oracle.get_space()
        hypermodel.declare_hyperparameters(hp)
        oracle.update_space(hp)

        executions = kwargs.get("executions_per_trial", 1)
        self._configuration = {
            **hypermodel.get_config(),
            "oracle": type(oracle).__name__,
            "objective": str(oracle.objective),
            "executions_per_trial": executions,
            "first_seed": getattr(oracle, "first_seed", None),
            "hyperparameters": hp.get_config()["space"],
        }
        folder = pathlib.Path(
            kwargs.get("directory") or ".",
            kwargs.get("project_name") or "untitled_project",
        )
        overwrite = overwrite and not _is_worker()
        if not overwrite and not _is_worker():
            _check_project(folder, self._configuration)
        super().__init__(oracle, hypermodel=None, overwrite=overwrite, **kwargs)
        self.hypermodel = hypermodel
        if not _is_worker():
            if (
                not self.oracle.trials
                and (self._folder / "oracle.json").exists()
            ):
                # Keras Tuner reloads what this tuner id has saved; the chief
                # or a worker may have begun the project under another one.
                self.oracle.reload()
            configuration.write(
                self._folder / "configuration.json", self._configuration
            )

    def search(
        self,
        x,
        y=None,
        validation_data=None,
        epochs=50,
        callbacks=None,
        verbose="auto",
    ):
        """Runs the trials that are left.

        Args:
            x: Training data: an array of images, of which one half trains the
                weights and the other the alphas; or of the ids of the words
                of a text, whose end is for the alphas.
            y: Array of integer labels, with images only. Defaults to `None`.
            validation_data: Tuple of such arrays, or the array of a text:
                they score the cells. Defaults to `None`, which is refused.
            epochs: Integer, the epochs of a search. Hyperband stops some
                before. Defaults to `50`.
            callbacks: List of Keras callbacks of the searches, copied for
                each. Defaults to `None`.
            verbose: Integer or string, as in `keras.Model.fit`. Defaults to
                `"auto"`.

        Raises:
            ValueError: If the data cannot be used, or the project was begun
                with other data or epochs.
        """
        # A worker waits here for the chief, who writes the configuration.
        hp = self.oracle.get_space()
        self.hypermodel.check_data(hp, x, y, validation_data)
        if _is_worker():
            _check_project(self._folder, self._configuration)
        begun_with = {
            "epochs": epochs,
            "x": configuration.fingerprint(x),
            "y": configuration.fingerprint(y),
            "validation_data": configuration.fingerprint(validation_data),
        }
        path = self._folder / "search_arguments.json"
        configuration.check(path, begun_with)
        configuration.write(path, begun_with)
        failure = None
        try:
            super().search(
                x,
                y,
                validation_data=validation_data,
                epochs=epochs,
                callbacks=list(callbacks or []),
                verbose=verbose,
            )
        except _UserError as error:
            failure = error.__cause__
        if failure is not None:
            raise failure  # As it was raised, with its own traceback.

    def on_search_begin(self):
        """Saves the tuner, so that a kill in the first trial loses nothing."""
        self.save()

    def run_trial(self, trial, *args, **kwargs):
        """Runs the executions of a trial, or what is left of them.

        Args:
            trial: A `keras_tuner` trial.
            *args: What `search` got.
            **kwargs: What `search` got.

        Returns:
            A list of dictionaries of metrics, one for each execution.

        Raises:
            keras_tuner.errors.FailedTrialError: If a loss is not finite; what
                else is raised reaches the caller of `search`.
        """
        try:
            return [
                self._run_execution(trial, number, *args, **kwargs)
                for number in range(self.executions_per_trial)
            ]
        except keras_tuner.errors.FailedTrialError:
            raise
        except FloatingPointError as error:
            raise keras_tuner.errors.FailedTrialError(str(error)) from error
        except Exception as error:
            # Keras Tuner would note it as a failed trial and go on; only its
            # FatalError passes. `search` takes the exception out again.
            raise _UserError(trial.trial_id) from error

    def executions(self, trial_id):
        """Returns the metrics of the finished executions of a trial.

        Args:
            trial_id: String.

        Returns:
            A list of dictionaries, with the `seed` and the scores.
        """
        found = (e.metrics for e in self._executions(trial_id))
        return [metrics for metrics in found if metrics is not None]

    def explain_genotypes(
        self,
        num_genotypes=1,
        max_parameters=None,
        max_multiply_adds=None,
        max_cost=None,
        cost=None,
    ):
        """Returns all genotypes that were found, ranked, and why so.

        Genotypes that are equal in canonical form are one, with the mean of
        their scores.

        Args:
            num_genotypes: Integer, how many to choose. Defaults to `1`.
            max_parameters: Optional integer, the most parameters that the
                network which was scored may have. Defaults to `None`.
            max_multiply_adds: Optional integer, the most multiply-adds.
                Defaults to `None`.
            max_cost: Optional float, the most that `cost` may return. Defaults
                to `None`.
            cost: Optional callable of a trained network that returns a number,
                such as measured milliseconds. Defaults to `None`.

        Returns:
            A tuple of `darts_tf.GenotypeChoice`, the best first; those over
            the budget last.

        Raises:
            ValueError: If only one of `max_cost` and `cost` is given.
        """
        if (max_cost is None) != (cost is None):
            raise ValueError(
                "`max_cost` is the limit of what `cost` returns. "
                f"Received: max_cost={max_cost}, cost={cost}"
            )
        limits = {
            name: limit
            for name, limit in (
                ("max_parameters", max_parameters),
                ("max_multiply_adds", max_multiply_adds),
                ("max_cost", max_cost),
            )
            if limit is not None
        }
        found = []
        for trial in self._completed_trials():
            executions = self._executions(trial.trial_id)
            for number, execution in enumerate(executions):
                metrics = execution.metrics
                costs = {
                    f"max_{name}": metrics[name]
                    for name in ("parameters", "multiply_adds")
                    if name in metrics
                }
                if not set(limits) <= {*costs, "max_cost"}:
                    raise ValueError(
                        "The multiply-adds of the network are not known, "
                        "because of an operation of your own or its kind. "
                        f"Received: max_multiply_adds={max_multiply_adds}"
                    )
                if cost is not None:
                    costs["max_cost"] = cost(self._load_network(execution))
                found.append(
                    (
                        f"{trial.trial_id}/{number}",
                        execution.genotype,
                        self.oracle.objective.get_value(metrics),
                        costs,
                    )
                )
        return selection.choose(
            selection.merge_equal(found),
            limits,
            num_genotypes,
            self.oracle.objective.direction,
        )

    def get_best_genotypes(self, num_genotypes=1, **budget):
        """Returns the best genotypes, by the mean of their scores.

        Args:
            num_genotypes: Integer. Defaults to `1`.
            **budget: The limits of `explain_genotypes`, which says why.

        Returns:
            A list of `darts_tf.Genotype`, the best first, all different; fewer
            than asked for if no more were found within the budget.
        """
        ranked = self.explain_genotypes(num_genotypes, **budget)
        return [choice.genotype for choice in ranked if choice.chosen]

    def get_best_models(self, num_models=1):
        """Returns the trained networks of the best trials.

        Each is that of the best execution of its trial, after its short
        training on half of the data.

        Args:
            num_models: Integer. Defaults to `1`.

        Returns:
            A list of Keras models, the best first.
        """
        trials = self._completed_trials()[:num_models]
        return [self.load_model(trial) for trial in trials]

    def load_model(self, trial):
        """Returns the trained network of the best execution of a trial.

        Args:
            trial: A completed `keras_tuner` trial.

        Returns:
            A Keras model.
        """
        objective = self.oracle.objective
        best, *others = self._executions(trial.trial_id)
        for execution in others:
            values = (objective.get_value(e.metrics) for e in (execution, best))
            if objective.better_than(*values):
                best = execution
        return self._load_network(best)

    def results_summary(self, num_trials=10):
        """Prints the best trials, with mean, deviation and each execution.

        Args:
            num_trials: Integer, the number of trials to show. Defaults to
                `10`.
        """
        super().results_summary(num_trials)
        name = self.oracle.objective.name
        lines = ["", f"Executions ({name}: mean +- deviation)"]
        for trial in self._completed_trials()[:num_trials]:
            executions = self.executions(trial.trial_id)
            scores = [self.oracle.objective.get_value(e) for e in executions]
            mean, deviation = np.mean(scores), selection.deviation(scores)
            lines.append(
                f"Trial {trial.trial_id}: {mean:.4f} +- {deviation:.4f}"
            )
            lines += [
                f"  {trial.trial_id}/{number}  seed {metrics['seed']}  "
                f"{name} {score:.4f}  {metrics['parameters']:,} parameters  "
                f"{metrics['seconds']:.0f} s"
                for number, (metrics, score) in enumerate(
                    zip(executions, scores, strict=True)
                )
            ]
        print("\n".join(lines))  # noqa: T201 (as Keras Tuner's summary)

    @property
    def _folder(self):
        return pathlib.Path(self.project_dir)

    def _completed_trials(self):
        trials = self.oracle.get_best_trials(_ALL)
        return [trial for trial in trials if trial.status == "COMPLETED"]

    def _execution(self, trial_id, number):
        return execution_lib.Execution(
            pathlib.Path(self.get_trial_dir(trial_id), f"execution_{number}")
        )

    def _executions(self, trial_id):
        return [
            self._execution(trial_id, number)
            for number in range(self.executions_per_trial)
        ]

    def _load_network(self, execution):
        path, _ = execution.checkpoint("network")
        return keras.saving.load_model(path)

    def _run_execution(self, trial, number, *args, **kwargs):
        hp = trial.hyperparameters.copy()
        hp.values["seed"] += number * _SEEDS_APART
        before = hp.values.get("tuner/trial_id")  # Hyperband's
        return trial_run.run(
            self,
            trial,
            hp,
            self._execution(trial.trial_id, number),
            None if before is None else self._execution(before, number),
            *args,
            **kwargs,
        )


class _UserError(keras_tuner.errors.FatalError):
    """Carries an exception through Keras Tuner, as its cause."""


def _is_worker():
    """Tells whether Keras Tuner's variables make this process a worker."""
    return "KERASTUNER_ORACLE_IP" in os.environ and (
        "chief" not in os.environ.get("KERASTUNER_TUNER_ID", "")
    )


def _check_project(folder, expected):
    path = folder / "configuration.json"
    if not path.exists() and folder.is_dir() and any(folder.iterdir()):
        raise ValueError(
            "The folder of the project holds something else; take another "
            "`project_name`, or `overwrite=True`. "
            f"Received: {str(folder)!r}"
        )
    configuration.check(path, expected)
