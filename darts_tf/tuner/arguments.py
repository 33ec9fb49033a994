"""Makes of the tuner's arguments an oracle and a hypermodel."""

import keras_tuner

from darts_tf.search import tasks
from darts_tf.tuner import conv_hypermodel
from darts_tf.tuner import hypermodel as hypermodel_lib
from darts_tf.tuner import oracles
from darts_tf.tuner import recurrent_hypermodel

_HYPERMODELS = {
    "conv": conv_hypermodel.ConvHyperModel,
    "recurrent": recurrent_hypermodel.RecurrentHyperModel,
}


def resolve_hypermodel(space, hypermodel):
    """Returns the hypermodel that the arguments stand for.

    Args:
        space: String, `darts_tf.SearchSpace`, or `None`.
        hypermodel: `DartsHyperModel`, or `None`.

    Raises:
        ValueError: If there are both, or the hypermodel is none.
    """
    if hypermodel is None:
        space = tasks.resolve_space("conv" if space is None else space)
        return _HYPERMODELS[space.kind](space)
    if space is not None or not isinstance(
        hypermodel, hypermodel_lib.DartsHyperModel
    ):
        raise ValueError(
            "Expected `space`, or a DartsHyperModel, which has a space. "
            f"Received: space={space}, hypermodel={hypermodel}"
        )
    return hypermodel


def resolve_hyperparameters(hyperparameters):
    """Returns what a function declares, or the argument as it is.

    Args:
        hyperparameters: Callable, `keras_tuner.HyperParameters`, or `None`.
    """
    if not callable(hyperparameters):
        return hyperparameters
    hp = keras_tuner.HyperParameters()
    hyperparameters(hp)
    return hp


def resolve_oracle(oracle, hypermodel, objective, **arguments):
    """Returns the oracle, or makes the paper's of the other arguments.

    Args:
        oracle: `keras_tuner.Oracle`, or `None`.
        hypermodel: `DartsHyperModel`, which has a default objective.
        objective: String, `keras_tuner.Objective`, or `None`.
        **arguments: Those of `darts_tf.RepeatedSearchOracle`, or `None`.

    Raises:
        ValueError: If there is an oracle and an argument that it holds.
    """
    if oracle is None:
        given = {k: v for k, v in arguments.items() if v is not None}
        return oracles.RepeatedSearchOracle(
            hypermodel.objective if objective is None else objective, **given
        )
    for name, value in {"objective": objective, **arguments}.items():
        if value is not None:
            raise ValueError(
                f"`{name}` is an argument of the oracle, where one is given. "
                f"Received: oracle={oracle}, {name}={value}"
            )
    return oracle
