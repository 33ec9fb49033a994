"""What is printed while a tuner works: in Keras Tuner's way, and no more."""

import copy

import keras_tuner

from darts_tf.tuner import oracles


def tuned_names(oracle):
    """Returns the names of the hyperparameters that differ among trials.

    Args:
        oracle: `keras_tuner.Oracle`.

    Returns:
        List of strings, in their order: what is not fixed, and the seed where
        each trial has another one.

    Example:

    >>> from darts_tf.tuner import display
    >>> tuner = darts_tf.DartsTuner(
    ...     hyperparameters=lambda hp: hp.Float("xi", 0.0, 0.1),
    ...     directory="runs",
    ... )
    >>> display.tuned_names(tuner.oracle)
    ['xi', 'seed']
    """
    repeated = isinstance(oracle, oracles.RepeatedSearchOracle)
    return [
        parameter.name
        for parameter in oracle.get_space().space
        if not isinstance(parameter, keras_tuner.engine.hyperparameters.Fixed)
        or (repeated and parameter.name == "seed")
    ]


def of_tuned(trial, oracle):
    """Returns a trial to be shown, with the hyperparameters that are tuned.

    Args:
        trial: A `keras_tuner` trial.
        oracle: The `keras_tuner.Oracle` that it belongs to.

    Returns:
        A copy. What an oracle adds itself, such as Hyperband's `tuner/epochs`,
        stays.
    """
    space = {parameter.name for parameter in oracle.get_space().space}
    shown = set(tuned_names(oracle))
    trial = copy.copy(trial)
    trial.hyperparameters = trial.hyperparameters.copy()
    trial.hyperparameters.values = {
        name: value
        for name, value in trial.hyperparameters.values.items()
        if name in shown or name not in space
    }
    return trial


def show_only_tuned(oracle):
    """Leaves what is tuned in the table that Keras Tuner prints of a trial.

    Args:
        oracle: `keras_tuner.Oracle`, which is changed.
    """
    # Keras Tuner has no public place for it; in another version of it all
    # hyperparameters are listed.
    shown = getattr(oracle, "_display", None)
    show = getattr(shown, "show_hyperparameter_table", None)
    if show is not None:
        shown.show_hyperparameter_table = lambda trial: show(
            of_tuned(trial, oracle)
        )


def say(text, verbose):
    """Prints a line, as Keras Tuner does, unless the user wants none.

    Args:
        text: String.
        verbose: As in `keras.Model.fit`.
    """
    if verbose not in (0, "0"):
        print(text, flush=True)  # noqa: T201 (as Keras Tuner's own lines)


def title(trial, oracle, number, executions):
    """Returns what a trial is called in a line about it.

    Args:
        trial: A `keras_tuner` trial.
        oracle: `keras_tuner.Oracle`.
        number: Integer, the number of the execution, from 0.
        executions: Integer, how many the trial has.

    Returns:
        String, such as `"Trial 2 of 4"`.
    """
    known = trial.trial_id.isdecimal()
    text = f"Trial {int(trial.trial_id) + 1 if known else trial.trial_id}"
    if getattr(oracle, "max_trials", None):
        text += f" of {oracle.max_trials}"
    if executions > 1:
        text += f", execution {number + 1} of {executions}"
    return text
