"""What `trainers.protocol` finds, gathered and written as a table."""

import numpy as np

from darts_tf.tuner import selection

KINDS = ("searched", "random")


def trials(tuner):
    """Returns what became of each trial, in their order.

    Args:
        tuner: A `darts_tf.DartsTuner`.

    Returns:
        A list of dictionaries: the trial, its hyperparameters and its metrics.
    """
    return [
        {
            "trial": trial.trial_id,
            "hyperparameters": trial.hyperparameters.values,
            **tuner.executions(trial.trial_id)[0],
        }
        for trial in sorted(
            tuner.oracle.trials.values(), key=lambda trial: trial.trial_id
        )
        if trial.status == "COMPLETED"
    ]


def to_markdown(results, objective, test_metric):
    """Returns the results as a table.

    Args:
        results: Dictionary from `trainers.protocol.run`.
        objective: `keras_tuner.Objective` of the short training.
        test_metric: String, the metric of the full training.

    Returns:
        String.
    """
    columns = [results[kind] for kind in KINDS]
    scores = [[t[objective.name] for t in c["trials"]] for c in columns]
    best = max if objective.direction == "max" else min
    short, test = (
        name.replace("_", " ") for name in (objective.name, test_metric)
    )
    rows = {
        "": KINDS,
        "cells": [len(values) for values in scores],
        f"{short}, short training: mean ± deviation": map(_mean, scores),
        "the best of them": [f"{best(values):.4f}" for values in scores],
        "seconds, searches and short trainings": [
            f"{sum(t['seconds'] for t in c['trials']):.0f}" for c in columns
        ],
        "parameters of the best cell's network": [
            f"{c['final'][0]['parameters']:,}" for c in columns
        ],
        "full trainings": [len(c["final"]) for c in columns],
        f"{test} of the best cell: mean ± deviation": [
            _mean([r[test_metric] for r in c["final"]]) for c in columns
        ],
    }
    lines = [
        f"| {name} | {' | '.join(map(str, cells))} |"
        for name, cells in rows.items()
    ]
    return "\n".join([lines[0], "|---|---|---|", *lines[1:]]) + "\n"


def _mean(values):
    return f"{np.mean(values):.4f} ± {selection.deviation(values):.4f}"
