"""Makes of the tuner's arguments an oracle and a hypermodel."""

import keras_tuner

from darts_tf import checks
from darts_tf.search.tasks import registry
from darts_tf.spaces import search_space
from darts_tf.tuner import conv_hypermodel
from darts_tf.tuner import hypermodel as hypermodel_lib
from darts_tf.tuner import objectives
from darts_tf.tuner import oracles
from darts_tf.tuner import recurrent_hypermodel

_HYPERMODELS = {
    "conv": conv_hypermodel.ConvHyperModel,
    "recurrent": recurrent_hypermodel.RecurrentHyperModel,
}


_WHAT_TO_PASS = (
    "A search has no build function: pass `space`, which is 'conv', "
    "'recurrent' or a darts_tf.SearchSpace, or as `hypermodel` an instance of "
    "darts_tf.ConvHyperModel, darts_tf.RecurrentHyperModel or a subclass. What "
    "a build function declares stands in a function `hyperparameters`, such as "
    '`lambda hp: hp.Float("alpha_learning_rate", 1e-4, 1e-2)`.'
)
_INSTEAD_OF_FIT_ARGUMENTS = {
    "batch_size": "declare the hyperparameters `batch_size`, of the search, "
    "and `retrain_batch_size`, of the short training",
    "steps_per_epoch": "an epoch is a pass over half of the data; declare the "
    "hyperparameter `batch_size`",
    "validation_split": "pass `validation_data`, which scores the cells, or "
    "none, and a fifth of the images is held out",
    "initial_epoch": "a search that was stopped goes on by itself",
    "sample_weight": "weights of samples are not supported",
    "class_weight": "weights of classes are not supported",
}
# What users may look for at the tuner.
_OF_HYPERMODELS = {
    "transform": "ConvHyperModel",
    "evaluation_transform": "ConvHyperModel",
    "vocabulary_size": "RecurrentHyperModel",
    "dropouts": "RecurrentHyperModel",
    "alpha_fraction": "RecurrentHyperModel",
}
_MOST = 2**31 - 1


def check_tuner_arguments(executions_per_trial, others):
    """Raises an error for arguments of Keras Tuner that do not apply.

    Args:
        executions_per_trial: What the tuner got.
        others: Dictionary of what else it got.

    Raises:
        ValueError: If there is another one, or the number is out of range.
    """
    for name, value in others.items():
        owner = _OF_HYPERMODELS.get(name)
        where = (
            f"`{name}` is an argument of darts_tf.{owner}, which is passed as "
            "`hypermodel`. "
            if owner
            else "The documentation of darts_tf.DartsTuner lists the "
            "arguments; others of keras_tuner.Tuner do not apply. "
        )
        raise ValueError(f"{where}Received: {name}={value!r}")
    checks.integer(executions_per_trial, "executions_per_trial", 1, _MOST)


def check_search_arguments(epochs, others):
    """Raises an error for arguments of `fit` that a search does not have.

    Args:
        epochs: What `search` got.
        others: Dictionary of what else it got.

    Raises:
        TypeError: If there is another one.
        ValueError: If `epochs` is not a positive integer.
    """
    for name in others:
        instead = _INSTEAD_OF_FIT_ARGUMENTS.get(name)
        raise TypeError(
            "`search` takes x, y, validation_data, epochs, callbacks and "
            "verbose"
            + (f"; {instead}. " if instead else ". ")
            + f"Received: {name}={others[name]!r}"
        )
    checks.integer(epochs, "epochs", 1, _MOST)


def resolve_hypermodel(space, hypermodel, num_classes=None):
    """Returns the hypermodel that the arguments stand for.

    Args:
        space: String, `darts_tf.SearchSpace`, or `None`.
        hypermodel: `DartsHyperModel`, or `None`.
        num_classes: Optional integer, of images. Defaults to `None`.

    Returns:
        A `DartsHyperModel`.

    Raises:
        TypeError: If one of them is something else, such as the build
            function that other tuners take.
        ValueError: If arguments exclude each other.
    """
    if not isinstance(
        space, str | dict | search_space.SearchSpace | None
    ) or not isinstance(hypermodel, hypermodel_lib.DartsHyperModel | None):
        raise TypeError(
            f"{_WHAT_TO_PASS} Received: space={space!r}, "
            f"hypermodel={hypermodel!r}"
        )
    if hypermodel is None:
        space = registry.resolve_space("conv" if space is None else space)
        if num_classes is not None and space.kind != "conv":
            raise ValueError(
                "`num_classes` applies to images; the words of a text are "
                "`vocabulary_size` of darts_tf.RecurrentHyperModel. "
                f"Received: num_classes={num_classes}"
            )
        options = {} if num_classes is None else {"num_classes": num_classes}
        return _HYPERMODELS[space.kind](space, **options)
    if space is not None or num_classes is not None:
        raise ValueError(
            "Expected `space`, or a DartsHyperModel, which has a space and a "
            "number of classes. "
            f"Received: space={space}, num_classes={num_classes}, "
            f"hypermodel={hypermodel}"
        )
    return hypermodel


def resolve_hyperparameters(hyperparameters):
    """Returns what a function declares, or the argument as it is.

    Args:
        hyperparameters: Callable, `keras_tuner.HyperParameters`, or `None`.

    Returns:
        A `keras_tuner.HyperParameters`, or `None`.

    Raises:
        TypeError: If it is something else.
    """
    if isinstance(hyperparameters, keras_tuner.HyperParameters | None):
        return hyperparameters
    if not callable(hyperparameters) or isinstance(hyperparameters, type):
        raise TypeError(
            "`hyperparameters` must be a keras_tuner.HyperParameters, or a "
            "function that declares in one what differs from the paper, such "
            'as `lambda hp: hp.Fixed("batch_size", 32)`. '
            f"Received: hyperparameters={hyperparameters!r}"
        )
    hp = keras_tuner.HyperParameters()
    hyperparameters(hp)
    return hp


def resolve_oracle(oracle, hypermodel, objective, **arguments):
    """Returns the oracle, or makes the paper's of the other arguments.

    Args:
        oracle: `keras_tuner.Oracle`, or `None`.
        hypermodel: `DartsHyperModel`, which has a default objective.
        objective: String, `keras_tuner.Objective`, a list of them, or `None`.
        **arguments: Those of `darts_tf.RepeatedSearchOracle`, or `None`.

    Returns:
        A `keras_tuner.Oracle`.

    Raises:
        TypeError: If the oracle is not one.
        ValueError: If there is an oracle and an argument that it holds, or an
            argument is out of range.
    """
    if oracle is None:
        given = {k: v for k, v in arguments.items() if v is not None}
        if "max_trials" in given:
            checks.integer(given["max_trials"], "max_trials", 1, _MOST)
        if objective is None:
            objective = hypermodel.objective
        objective = objectives.resolve(objective, hypermodel.directions)
        return oracles.RepeatedSearchOracle(objective, **given)
    if not isinstance(oracle, keras_tuner.Oracle):
        raise TypeError(
            "`oracle` must be an instance of a keras_tuner.Oracle. "
            f"Received: oracle={oracle!r}"
        )
    for name, value in {"objective": objective, **arguments}.items():
        if value is not None:
            raise ValueError(
                f"`{name}` is an argument of the oracle, where one is given. "
                f"Received: oracle={oracle}, {name}={value}"
            )
    return oracle
