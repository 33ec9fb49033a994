"""Small searches of recurrent cells, and their texts, for the tests."""

import keras
import numpy as np
import tensorflow as tf

import darts_tf

WORDS, BATCH = 11, 3
# Smooth, and so small that a graph is built in a second.
SPACE = darts_tf.SearchSpace.recurrent(["none", "tanh", "sigmoid"], num_nodes=2)


def text(columns=60, seed=0):
    """Draws the words of a text, in columns of a row for each sequence."""
    generator = np.random.default_rng(seed)
    return generator.integers(WORDS, size=BATCH * columns)


def model(method="first_order", graph=False, compiled=True, **options):
    """Makes a small model; without a graph, which takes seconds to build."""
    options = {
        "space": SPACE,
        "vocabulary_size": WORDS,
        "units": 4,
        "sequence_length": 4,
        **options,
    }
    model = darts_tf.DartsSearchModel(hypergradient=method, **options)
    if compiled:
        model.compile(run_eagerly=not graph)
    model.build((BATCH, None))
    return model


def spread(model, scale=0.5):
    """Moves all variables away from their small start."""
    for k, variable in enumerate(model.trainable_variables):
        variable.assign(scale * keras.random.normal(variable.shape, seed=k))
    for variable in model.task.carried("weights") + model.task.carried(
        "alphas"
    ):
        variable.assign(keras.random.normal(variable.shape, seed=99))


def batches(length=4, is_first=False):
    """Draws a piece of text for each of the two streams."""
    generator = np.random.default_rng(1)
    tokens = generator.integers(WORDS, size=(2, BATCH, length + 1))
    return [
        (
            tf.constant(rows[:, :-1], "int32"),
            tf.constant(rows[:, 1:], "int32"),
            tf.constant(is_first),
        )
        for rows in tokens
    ]
