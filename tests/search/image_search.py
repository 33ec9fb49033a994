"""Small searches of convolutional cells, and their data, for the tests."""

import numpy as np
import tensorflow as tf

import darts_tf

# One primitive of each kind, so that a graph is built in a second.
SPACE = darts_tf.SearchSpace.conv(
    ["none", "max_pool_3x3", "skip_connect", "dil_conv_3x3"], num_nodes=2
)

# For what does not depend on the operations.
SMALL = darts_tf.SearchSpace.conv(["none", "skip_connect"], num_nodes=1)


def data(samples=24, classes=3, seed=0):
    """Draws images and labels, as many of each class."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(samples, 8, 8, 1)).astype("float32")
    return x, np.arange(samples) % classes


def model(method="finite_difference", compiled=True, graph=False, **options):
    """Makes a small model; without a graph, which takes seconds to build."""
    options = {
        "space": SPACE,
        "num_classes": 3,
        "filters": 2,
        "num_cells": 3,
        **options,
    }
    model = darts_tf.DartsSearchModel(hypergradient=method, **options)
    if compiled:
        model.compile(run_eagerly=not graph)
    model.build((None, 8, 8, 1))
    return model


def pairs(samples=8):
    """Returns a data set of one pair of batches, and the pair."""
    x, y = data(2 * samples)
    return (
        tf.data.Dataset.from_tensors(
            ((x[:samples], y[:samples]), (x[samples:], y[samples:]))
        ),
        ((x[:samples], y[:samples]), (x[samples:], y[samples:])),
    )


def arrays(variables):
    """Returns what variables hold, which may change later."""
    return [np.array(v) for v in variables]


def tensors(batches):
    """Returns batches as a step of the search takes them."""
    return [(*map(tf.convert_to_tensor, batch), None) for batch in batches]
