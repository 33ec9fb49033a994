"""What a search is judged by: checked before it, not after its first days."""

import re

import keras_tuner
import numpy as np

# What `trial_run` adds to the metrics of every hypermodel.
_OF_EVERY_TRIAL = {
    "parameters": "min",
    "search_seconds": "min",
    "network_seconds": "min",
    "seconds": "min",
}
_DIRECTIONS = ("min", "max")


def resolve(objective, directions):
    """Gives an objective that is a name the direction of its metric.

    Args:
        objective: String, `keras_tuner.Objective`, or a list of them.
        directions: Dictionary from names of metrics to `"min"` or `"max"`.

    Returns:
        What a `keras_tuner.Oracle` takes; a name without a known direction
        stays a name.

    Raises:
        TypeError: If it is something else.
        ValueError: If the list is empty.

    Example:

    >>> from darts_tf.tuner import objectives
    >>> print(objectives.resolve("val_perplexity", {"val_perplexity": "min"}))
    Objective(name="val_perplexity", direction="min")
    """
    if isinstance(objective, list | tuple):
        if not objective:
            raise ValueError(
                "A list of objectives must not be empty. "
                f"Received: objective={objective}"
            )
        return [resolve(each, directions) for each in objective]
    if isinstance(objective, keras_tuner.Objective):
        return objective
    if not isinstance(objective, str):
        raise TypeError(
            "`objective` must be a name, a keras_tuner.Objective or a list of "
            f"them. Received: objective={objective!r}"
        )
    direction = {**_OF_EVERY_TRIAL, **directions}.get(objective)
    if direction is None:
        return objective
    return keras_tuner.Objective(objective, direction)


def check(objective, directions, measured):
    """Raises an error for an objective that would never get a value.

    Args:
        objective: `keras_tuner.Objective`, or several as one.
        directions: Dictionary from names of metrics to `"min"` or `"max"`,
            where it is known which is better.
        measured: Optional collection of strings, all that a hypermodel
            measures. `None` is not known.

    Raises:
        ValueError: If nothing measures the objective, or its direction is
            wrong.

    Example:

    >>> from darts_tf.tuner import objectives
    >>> import keras_tuner
    >>> objectives.check(
    ...     keras_tuner.Objective("accuracy", "max"), {}, ["val_accuracy"]
    ... )
    Traceback (most recent call last):
    ...
    ValueError: `objective` must be one of ... Received: 'accuracy'
    """
    known = {**_OF_EVERY_TRIAL, **directions}
    for each in getattr(objective, "objectives", [objective]):
        if not has_value(each.name, measured):
            raise ValueError(
                "`objective` must be one of the metrics that the network of a "
                "genotype is measured by: "
                f"{sorted({*(measured or ()), *_OF_EVERY_TRIAL})}. "
                f"Received: {each.name!r}"
            )
        if each.direction != known.get(each.name, each.direction) or (
            each.direction not in _DIRECTIONS
        ):
            raise ValueError(
                f"The direction of the objective {each.name!r} is "
                f"{known.get(each.name, _DIRECTIONS)!r}. "
                f"Received: direction={each.direction!r}"
            )


def compiled_metrics(network, num_classes):
    """Returns the metrics that a classifier was compiled with.

    Args:
        network: A compiled Keras model.
        num_classes: Integer, the number of its logits.

    Returns:
        Set of strings, named as of validation data; `None` if the metrics
        want labels of another form than integers, so that their names show
        only in use.
    """
    labels = np.zeros(1, "int32")
    logits = np.zeros((1, num_classes), "float32")
    try:
        names = network.compute_metrics(None, labels, logits)
    except Exception:  # Of whatever kind: it is the user's metric.
        return None
    return {f"val_{name}" for name in ("loss", *names)}


def has_value(name, measured):
    """Tells whether an objective gets a value, as far as that is known.

    Args:
        name: String, the name of one objective.
        measured: Optional collection of strings, as in `check`.

    Returns:
        Boolean.
    """
    return measured is None or name in {*measured, *_OF_EVERY_TRIAL}


def names(text):
    """Returns the names of the objectives that a configuration holds.

    Args:
        text: String, a `keras_tuner.Objective` as it is printed.

    Returns:
        List of strings.

    Example:

    >>> from darts_tf.tuner import objectives
    >>> objectives.names('Objective(name="val_loss", direction="min")')
    ['val_loss']
    """
    found = re.findall(r'name="([^"]*)"', text)
    return [name for name in found if name != "multi_objective"]
