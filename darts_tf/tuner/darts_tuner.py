"""The tuner: each trial is a whole search, and its result a genotype."""

import functools
import json
import pathlib

import keras
import keras_tuner

from darts_tf.tuner import arguments
from darts_tf.tuner import configuration
from darts_tf.tuner import display
from darts_tf.tuner import finished_trials
from darts_tf.tuner import objectives
from darts_tf.tuner import project
from darts_tf.tuner import trial_callbacks
from darts_tf.tuner import trial_run

_SEEDS_APART = 1000  # between the executions of a trial


class DartsTuner(finished_trials.FinishedTrials):
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
        objective: Optional string, `keras_tuner.Objective`, or list of them
            (Keras Tuner adds them up), of the metrics of the trained network.
            Defaults to `None`: `"val_accuracy"`, or the lowest
            `"val_perplexity"` of a recurrent space.
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
        num_classes: Optional integer, the classes of the images, with
            `space`. Defaults to `None`: found in the labels.
        directory: String or path, the folder of projects, as this and the
            next three in `keras_tuner.Tuner`. Defaults to `None`, the current
            one.
        project_name: String, the folder of this project in `directory`.
            Defaults to `None`, `"untitled_project"`.
        executions_per_trial: Integer, the number of searches of a trial, each
            with another seed. Defaults to `1`.
        tuner_id: String, the name of this process among several that share a
            project. Defaults to `None`, which `KERASTUNER_TUNER_ID` says.
        **kwargs: Refused: other arguments of `keras_tuner.Tuner` do not apply.

    Raises:
        TypeError: If an argument is something else, such as the build
            function that other tuners take.
        ValueError: If arguments exclude each other, a hyperparameter has a
            name that nothing reads, nothing measures the objective, or the
            project was begun with other arguments.
        OSError: If the folder of the project cannot be written.

    Example:

    >>> from sklearn.datasets import load_digits
    >>> x, y = load_digits(return_X_y=True)
    >>> x = (x.reshape(-1, 8, 8, 1) / 16).astype("float32")
    >>> def small(hp):  # for images of 8x8 pixels; all else is the paper's
    ...     hp.Fixed("num_cells", 3)
    ...     hp.Fixed("filters", 4)
    ...     hp.Fixed("batch_size", 32)
    ...     hp.Fixed("hypergradient", "first_order")
    ...     hp.Float("alpha_learning_rate", 3e-3, 3e-2, sampling="log")
    ...     hp.Fixed("network_num_cells", 3)
    ...     hp.Fixed("network_filters", 8)
    ...     hp.Fixed("drop_path_rate", 0.0)
    ...     hp.Fixed("retrain_epochs", 20)
    ...     hp.Fixed("retrain_batch_size", 32)
    >>> tuner = darts_tf.DartsTuner(
    ...     space=darts_tf.SearchSpace.conv(num_nodes=2),
    ...     max_trials=2,
    ...     hyperparameters=small,
    ...     directory="runs",
    ... )
    >>> tuner.remaining_trials
    2
    >>> # Two minutes on 2 CPU cores; a fifth is held out to score the cells.
    >>> tuner.search(x[:1500], y[:1500], epochs=3)  # doctest: +SKIP
    >>> (network,) = tuner.get_best_models()  # doctest: +SKIP
    >>> _, accuracy = network.evaluate(x[1500:], y[1500:])  # doctest: +SKIP
    >>> accuracy > 0.9  # doctest: +SKIP
    True

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
        num_classes=None,
        *,
        directory=None,
        project_name=None,
        executions_per_trial=1,
        tuner_id=None,
        **kwargs,
    ):
        arguments.check_tuner_arguments(executions_per_trial, kwargs)
        hypermodel = arguments.resolve_hypermodel(
            space, hypermodel, num_classes
        )
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

        folder = pathlib.Path(
            directory or ".", project_name or "untitled_project"
        )
        overwrite = overwrite and not project.is_worker()
        self._measured = hypermodel.measured_metrics(hp)
        if self._measured is None and not overwrite:
            self._measured = project.measured(folder)
        objectives.check(
            oracle.objective, hypermodel.directions, self._measured
        )
        self._configuration = {
            **hypermodel.get_config(),
            "oracle": type(oracle).__name__,
            "objective": str(oracle.objective),
            "executions_per_trial": executions_per_trial,
            "first_seed": getattr(oracle, "first_seed", None),
            "hyperparameters": hp.get_config()["space"],
        }
        if not overwrite and not project.is_worker():
            self._configuration = project.check(
                folder, self._configuration, self._measured
            )
        if not project.is_worker():
            project.make_folder(folder)
        try:
            super().__init__(
                oracle,
                hypermodel=None,
                overwrite=overwrite,
                directory=directory,
                project_name=project_name,
                executions_per_trial=executions_per_trial,
                tuner_id=tuner_id,
            )
        except json.JSONDecodeError as error:
            raise ValueError(
                "Keras Tuner cannot read its files in the project's folder; "
                "take another `project_name`, or `overwrite=True`. "
                f"Received: {str(folder)!r}, where {error}"
            ) from error
        self.hypermodel = hypermodel
        display.show_only_tuned(self.oracle)
        if not project.is_worker():
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
        **kwargs,
    ):
        """Runs the trials that are left.

        Args:
            x: Training data: an array of images, of which one half trains the
                weights and the other the alphas; or of the ids of the words
                of a text, whose end is for the alphas. Or a finite
                `tf.data.Dataset` of `(image, label)`, of dictionaries with
                `"image"` and `"label"`, in batches or one by one, or of ids;
                or a `keras.utils.PyDataset` of images and labels. It is read
                once, into memory, and more than 1 GB of images into a file
                in the project's folder that goes with the process.
            y: Array of labels, integers or one-hot, with an array of images
                only. Defaults to `None`.
            validation_data: Tuple of such arrays, the array of a text, or a
                data set: they score the cells. Defaults to `None`: a fifth of
                the images of each class is held out for it; of a text that is
                refused.
            epochs: Integer, the epochs of a search. Hyperband stops some
                before. Defaults to `50`.
            callbacks: List of Keras callbacks of the searches, copied for
                each; or a function without arguments that makes such a list
                anew. A `keras.callbacks.TensorBoard` writes into
                `log_dir/trial_id/execution0`, and so on, as in Keras Tuner.
                Defaults to `None`.
            verbose: Integer or string, as in `keras.Model.fit`. Defaults to
                `"auto"`.
            **kwargs: Refused: other arguments of `fit` do not apply.

        Raises:
            TypeError: If there is another argument of `fit`, or one of
                another type.
            ValueError: If the data cannot be used, or the project was begun
                with other data or epochs.
        """
        arguments.check_search_arguments(epochs, kwargs)
        callbacks = trial_callbacks.check(callbacks)
        # A worker waits here for the chief, who writes the configuration.
        hp = self.oracle.get_space()
        say = functools.partial(display.say, verbose=verbose)
        self.hypermodel.reading = {"folder": self._folder, "say": say}
        is_held_out = validation_data is None
        (x, y, validation_data), found = self.hypermodel.prepare_data(
            x, y, validation_data
        )
        self.hypermodel.check_data(hp, x, y, validation_data)
        if is_held_out and validation_data is not None:
            say(
                f"No validation_data: {len(validation_data[1]):,} samples, a "
                f"fifth of each class, are held out to score the cells; "
                f"{len(y):,} are searched and trained with."
            )
        if project.is_worker():
            self._configuration = project.check(
                self._folder, self._configuration, self._measured
            )
        project.check_found(self._configuration, found)
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
                callbacks=callbacks,
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
        objective = self.oracle.objective
        try:
            scored = []
            for number in range(self.executions_per_trial):
                metrics = self._run_execution(trial, number, *args, **kwargs)
                objectives.check(
                    objective, self.hypermodel.directions, set(metrics)
                )
                # Keras Tuner also wants the sum of several objectives.
                score = {objective.name: objective.get_value(metrics)}
                scored.append({**metrics, **score})
            return scored
        except keras_tuner.errors.FailedTrialError:
            raise
        except FloatingPointError as error:
            raise keras_tuner.errors.FailedTrialError(str(error)) from error
        except Exception as error:
            # Keras Tuner would note it as a failed trial and go on; only its
            # FatalError passes. `search` takes the exception out again.
            raise _UserError(trial.trial_id) from error

    def _run_execution(
        self, trial, number, *args, callbacks, verbose="auto", **kwargs
    ):
        callbacks = trial_callbacks.make(callbacks)
        self._configure_tensorboard_dir(callbacks, trial, number)
        hp = trial.hyperparameters.copy()
        hp.values["seed"] += number * _SEEDS_APART
        before = hp.values.get("tuner/trial_id")  # Hyperband's
        title = display.title(
            trial, self.oracle, number, self.executions_per_trial
        )
        return trial_run.run(
            self,
            trial,
            hp,
            self._execution(trial.trial_id, number),
            None if before is None else self._execution(before, number),
            *args,
            callbacks=callbacks,
            verbose=verbose,
            say=lambda text: display.say(f"{title}: {text}", verbose),
            **kwargs,
        )

    def _configure_tensorboard_dir(self, callbacks, trial, execution=0):
        """Gives each execution its folder; Keras Tuner sees no subclasses."""
        for callback in callbacks:
            if (
                isinstance(callback, keras.callbacks.TensorBoard)
                and type(callback).__name__ != "TensorBoard"
            ):
                callback.log_dir = self._get_tensorboard_dir(
                    callback.log_dir, trial.trial_id, execution
                )
        super()._configure_tensorboard_dir(callbacks, trial, execution)


class _UserError(keras_tuner.errors.FatalError):
    """Carries an exception through Keras Tuner, as its cause."""
