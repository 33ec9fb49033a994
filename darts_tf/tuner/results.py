"""What the finished executions of a tuner have come to."""

import numpy as np

from darts_tf.tuner import selection


def found(executions, objective, limits, cost=None):
    """Reads the genotypes that were found, with their scores and costs.

    Args:
        executions: Iterable of finished `Execution`.
        objective: `keras_tuner.Objective`.
        limits: Dictionary of the largest costs that are allowed.
        cost: Optional callable of a trained network that returns a number.
            Defaults to `None`.

    Returns:
        A list of tuples `(name, genotype, score, costs)`, as
        `selection.merge_equal` takes it.

    Raises:
        ValueError: If a cost with a limit is not known.
        FileNotFoundError: If a file is gone.
    """
    found = []
    for execution in executions:
        genotype, metrics = execution.result()
        costs = {
            f"max_{name}": metrics[name]
            for name in ("parameters", "multiply_adds")
            if name in metrics
        }
        if not set(limits) <= {*costs, "max_cost"}:
            raise ValueError(
                "The multiply-adds of the network are not known, "
                "because of an operation of your own or its kind. "
                f"Received: max_multiply_adds={limits['max_multiply_adds']}"
            )
        if cost is not None:
            costs["max_cost"] = cost(execution.load("network"))
        score = objective.get_value(metrics)
        found.append((execution.title, genotype, score, costs))
    return found


def best(executions, objective):
    """Returns the best of the executions of a trial.

    Args:
        executions: List of finished `Execution`.
        objective: `keras_tuner.Objective`.

    Returns:
        An `Execution`, the first of equal ones.
    """
    scores = [objective.get_value(e.result()[1]) for e in executions]
    winner = 0
    for number, score in enumerate(scores):
        if objective.better_than(score, scores[winner]):
            winner = number
    return executions[winner]


def lines(executions, objective):
    """Describes the executions of a trial, a line each.

    Args:
        executions: List of finished `Execution`, not empty.
        objective: `keras_tuner.Objective`.

    Returns:
        A list of strings, mean and deviation first.
    """
    metrics = [execution.result()[1] for execution in executions]
    scores = [objective.get_value(each) for each in metrics]
    mean, deviation = np.mean(scores), selection.deviation(scores)
    trial = executions[0].title.partition("/")[0]
    return [
        f"Trial {trial}: {mean:.4f} +- {deviation:.4f}",
        *(
            f"  {execution.title}  seed {each['seed']}  "
            f"{objective.name} {score:.4f}  {each['parameters']:,} parameters  "
            f"{each['seconds']:.0f} s"
            for execution, each, score in zip(
                executions, metrics, scores, strict=True
            )
        ),
    ]
