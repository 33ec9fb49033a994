"""What a tuner finds in the trials that are finished."""

import pathlib

import keras_tuner

from darts_tf.tuner import display
from darts_tf.tuner import execution as execution_lib
from darts_tf.tuner import results
from darts_tf.tuner import selection

_ALL = 2**31 - 1


class FinishedTrials(keras_tuner.Tuner):
    """A Keras Tuner whose trials leave genotypes, not only models.

    Each execution of a trial has a folder of its own, which
    `darts_tf.tuner.execution.Execution` reads.
    """

    def executions(self, trial_id):
        """Returns the metrics of the finished executions of a trial.

        Args:
            trial_id: String.

        Returns:
            A list of dictionaries, with the `seed` and the scores.
        """
        found = (e.metrics for e in self._executions(trial_id))
        return [metrics for metrics in found if metrics is not None]

    def genotypes_of(self, trial_id):
        """Returns what the executions of a trial have found or drawn so far.

        Args:
            trial_id: String.

        Returns:
            A list of `darts_tf.Genotype`.
        """
        found = (e.genotype for e in self._executions(trial_id))
        return [genotype for genotype in found if genotype is not None]

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
        found = results.found(
            [
                execution
                for trial in self._completed_trials()
                for execution in self._executions(trial.trial_id)
            ],
            self.oracle.objective,
            limits,
            cost,
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
        executions = self._executions(trial.trial_id)
        best = results.best(executions, self.oracle.objective)
        return best.load("network")

    def search_space_summary(self, extended=False):
        """Prints the hyperparameters that are tuned.

        Args:
            extended: Boolean, whether to print all, with those that are fixed
                at their values. Defaults to `False`.
        """
        if extended:
            super().search_space_summary(extended)
            return
        names = display.tuned_names(self.oracle)
        space = self.oracle.get_space().space
        lines = ["Search space summary"]
        for parameter in space:
            if parameter.name in names:
                config = parameter.get_config()
                name, kind = config.pop("name"), type(parameter).__name__
                # A fixed seed is that of the first trial.
                each = kind == "Fixed"
                lines.append(
                    f"{name} ({'each trial its own' if each else kind})"
                )
                lines += [] if each else [str(config)]
        lines.append(
            f"{len(space) - len(names)} others are fixed: "
            "search_space_summary(extended=True) lists them"
        )
        print("\n".join(lines))  # noqa: T201 (as Keras Tuner's summary)

    def results_summary(self, num_trials=10):
        """Prints the best trials, with mean, deviation and each execution.

        Args:
            num_trials: Integer, the number of trials to show. Defaults to
                `10`.
        """
        best = self.oracle.get_best_trials(num_trials)
        summaries = [display.of_tuned(trial, self.oracle) for trial in best]
        print(  # noqa: T201 (as Keras Tuner's summary)
            f"Results summary\nResults in {self.project_dir}\n"
            f"Showing {num_trials} best trials\n{self.oracle.objective}"
        )
        for trial in summaries:
            print()  # noqa: T201
            trial.summary()
        name = self.oracle.objective.name
        lines = ["", f"Executions ({name}: mean +- deviation)"]
        for trial in self._completed_trials()[:num_trials]:
            executions = self._executions(trial.trial_id)
            lines += results.lines(executions, self.oracle.objective)
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
