"""What a search cannot do that an optimizer, or an argument, asks for.

A step of the search is not Keras' own: it takes gradients of losses that it
does not scale, and has two optimizers. An option of an optimizer that would
then do something else than its documentation says is refused by its name.
"""

import keras

from darts_tf import checks
from darts_tf import optimizers
from darts_tf.distribution import replicas
from darts_tf.search import hypergradient as hypergradient_lib

_FLOATS = ("float32", "float64", "bfloat16")


def check_method(hypergradient, xi, epsilon):
    """Raises an error for options of the hypergradient that do not fit.

    Args:
        hypergradient: String, the method.
        xi: Float or `None`, the length of the virtual step.
        epsilon: Float, of the finite difference.

    Raises:
        ValueError: If the method is unknown, or another does not apply to it
            or is out of range.

    Example:

    >>> from darts_tf.search import compile_checks
    >>> compile_checks.check_method("exact", xi=0.1, epsilon=0.01)
    >>> compile_checks.check_method("first_order", xi=0.1, epsilon=0.01)
    Traceback (most recent call last):
    ...
    ValueError: `xi` has no effect on the first-order hypergradient, ...
    """
    if hypergradient not in hypergradient_lib.METHODS:
        raise ValueError(
            f"`hypergradient` must be one of {hypergradient_lib.METHODS}. "
            f"Received: hypergradient={hypergradient!r}"
        )
    if hypergradient == "first_order" and xi is not None:
        raise ValueError(
            "`xi` has no effect on the first-order hypergradient, where it "
            f"is 0. Received: hypergradient={hypergradient!r}, xi={xi}"
        )
    if hypergradient != "finite_difference" and epsilon != 0.01:
        raise ValueError(
            "`epsilon` belongs to hypergradient='finite_difference'. "
            f"Received: hypergradient={hypergradient!r}, epsilon={epsilon}"
        )
    checks.positive(epsilon, "epsilon")
    if xi is not None:
        checks.not_negative(xi, "xi")


def check_model(model, steps_per_execution):
    """Raises an error for a model that no search can train.

    Args:
        model: A `DartsSearchModel`.
        steps_per_execution: What the user gave.

    Raises:
        ValueError: If there are several steps in an execution, numbers are
            smaller than those of bfloat16, or the strategy is not supported.
    """
    if steps_per_execution != 1:
        raise ValueError(
            "The search checks each step before it changes anything, so "
            "`steps_per_execution` must be 1. Received: "
            f"steps_per_execution={steps_per_execution}"
        )
    check_dtype(model.dtype_policy)
    replicas.check_strategy(model.distribute_strategy)


def optimizers_of(model, optimizer, alpha_optimizer):
    """Returns the two optimizers, the paper's where none is given.

    Args:
        model: A `DartsSearchModel`.
        optimizer: What the user gave for the network weights, or `None`.
        alpha_optimizer: What the user gave for the alphas, or `None`.

    Returns:
        A pair of Keras optimizers.

    Raises:
        ValueError: If an optimizer has an option that is not supported, or
            belongs to other variables.
    """
    paper, paper_alpha = model.task.optimizers()
    if optimizer is None:
        optimizer = paper
    if alpha_optimizer is None:
        alpha_optimizer = paper_alpha
    optimizer = keras.optimizers.get(optimizer)
    alpha_optimizer = keras.optimizers.get(alpha_optimizer)
    check_optimizers(model, optimizer, alpha_optimizer)
    return optimizer, alpha_optimizer


def check_divided(model):
    """Raises an error for what is not supported if a batch is divided.

    Args:
        model: A compiled `DartsSearchModel`.

    Raises:
        ValueError: If the loss is not a mean, or an optimizer clips on each of
            several replicas.
    """
    several = model.distribute_strategy.num_replicas_in_sync > 1
    reduction = getattr(model.loss, "reduction", None)
    if model.micro_batch is not None and reduction == "sum":
        raise ValueError(
            "With `micro_batch` the loss must be a mean over the batch. "
            f"Received: loss={model.loss!r}, reduction={reduction!r}"
        )
    for optimizer in (model.optimizer, model.alpha_optimizer):
        if several and not isinstance(
            optimizer, (optimizers.SGD, optimizers.Adam)
        ):
            replicas.check_optimizer(optimizer)


def check_dtype(policy):
    """Raises an error for a dtype in which no search can be taken.

    Args:
        policy: A `keras.DTypePolicy`.

    Raises:
        ValueError: If numbers are smaller than those of bfloat16.
    """
    if policy.compute_dtype not in _FLOATS:
        raise ValueError(
            "The search does not scale losses, which float16 needs; use "
            f"mixed_bfloat16. Received: dtype_policy={policy.name!r}"
        )


def check_optimizers(model, optimizer, alpha_optimizer):
    """Raises an error for what the step of a search does not support.

    Args:
        model: A `DartsSearchModel`.
        optimizer: The Keras optimizer of the network weights.
        alpha_optimizer: The Keras optimizer of the alphas.

    Raises:
        ValueError: If an optimizer has an option that is not supported, or
            belongs to other variables.
    """
    if optimizer is alpha_optimizer:
        raise ValueError(
            "The network weights and the alphas each need an optimizer of "
            "their own, which has a state for its variables. Received: the "
            f"same object, {optimizer.name!r}, twice"
        )
    _check_options(model, "optimizer", optimizer)
    _check_options(model, "alpha_optimizer", alpha_optimizer)
    if model.task.clips_virtual_step:
        for option in ("clipnorm", "clipvalue"):
            value = getattr(optimizer, option)
            if value:
                raise ValueError(
                    "The virtual step of this search is clipped as the steps "
                    "of the weights are, by `global_clipnorm`. Received: "
                    f"optimizer={optimizer.name!r} with {option}={value}"
                )
    if model.built:
        for one, variables in (
            (optimizer, model.network_weights),
            (alpha_optimizer, model.alphas),
        ):
            if one.built:
                check_built_for(one, variables)


def _check_options(model, argument, optimizer):
    for option, (remedy, is_set) in _REFUSED.items():
        if is_set(optimizer):
            raise ValueError(
                f"The search does not support {option}: {remedy}. "
                f"Received: {argument}={optimizer.name!r} with "
                f"{_value(optimizer, option)}"
            )
    if optimizer.gradient_accumulation_steps:
        _check_accumulation(model, argument, optimizer)


def check_trainable(model):
    """Raises an error if there is nothing to search for.

    Args:
        model: A `DartsSearchModel`.

    Raises:
        ValueError: If the alphas, or all weights, are frozen.
    """
    if not all(logits.trainable for logits in model.alphas):
        raise ValueError(
            "A search trains the alphas. To warm the weights up, give the "
            "alphas' optimizer the learning rate 0 and raise it in a callback. "
            "Received: alphas with trainable=False"
        )
    if model.built and not model.network_weights:
        raise ValueError(
            "A search trains the network weights. Received: a supernet in "
            "which all of them have trainable=False"
        )


def check_built_for(optimizer, variables):
    """Raises an error if an optimizer was built for other variables.

    Args:
        optimizer: A built Keras optimizer.
        variables: List of the variables that it is to train.

    Raises:
        ValueError: If it does not know one of them.
    """
    try:
        for variable in variables:
            optimizer._get_variable_index(variable)
    except KeyError:
        raise ValueError(
            "An optimizer keeps a state for the variables that it was first "
            "used with, so each model needs a new one. "
            f"Received: optimizer={optimizer.name!r}, which is without a state "
            f"for {variable.path}"
        ) from None


def _check_accumulation(model, argument, optimizer):
    steps = optimizer.gradient_accumulation_steps
    reason = None
    if model.distribute_strategy.num_replicas_in_sync > 1:
        reason = "on several replicas"
    elif argument == "optimizer" and model.task.clips_virtual_step:
        # The learning rate is scaled by the length of each piece.
        reason = "on texts, where each step has a learning rate of its own"
    if reason is not None:
        raise ValueError(
            "The search does not support gradient_accumulation_steps "
            f"{reason}; `micro_batch` takes a large batch in parts. Received: "
            f"{argument}={optimizer.name!r} with "
            f"gradient_accumulation_steps={steps}"
        )


def _value(optimizer, option):
    if hasattr(optimizer, option):
        return f"{option}={getattr(optimizer, option)}"
    return f"the class {type(optimizer).__name__}"


_SCALED = "its losses are not scaled; leave it out, or use mixed_bfloat16"
_REFUSED = {
    "use_ema": (
        "cells are read off the alphas, and gradients are taken at the "
        "weights, never at their averages; leave it out",
        lambda optimizer: optimizer.use_ema,
    ),
    "LossScaleOptimizer": (
        _SCALED,
        lambda optimizer: isinstance(
            optimizer, keras.optimizers.LossScaleOptimizer
        ),
    ),
    "loss_scale_factor": (
        _SCALED,
        lambda optimizer: optimizer.loss_scale_factor is not None,
    ),
    "MultiOptimizer": (
        "the virtual step has one learning rate; give a single optimizer",
        # New in Keras, and without a `learning_rate` of its own.
        lambda optimizer: type(optimizer).__name__ == "MultiOptimizer",
    ),
}
