"""The library computes what the paper says, written out in one plain file."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

import darts_tf
from examples import darts_in_one_file

BATCH, STEPS = 6, 3


def _data():
    rng = np.random.default_rng(0)
    return tf.data.Dataset.from_tensor_slices(
        tuple(
            (
                rng.normal(size=(STEPS, BATCH, 8, 8, 1)),
                rng.integers(3, size=(STEPS, BATCH)),
            )
            for _ in range(2)
        )
    )


def _optimizers():
    return (
        keras.optimizers.SGD(0.1, momentum=0.9, global_clipnorm=5.0),
        # Large, so that a wrong gradient of the alphas soon shows.
        keras.optimizers.Adam(0.1, beta_1=0.5),
    )


def _in_order(model):
    """Returns the weights of the library's supernet, in the file's order."""

    def key(name):
        part = name.split(".")[0]
        numbers = [int(digits) for digits in re.findall(r"[0-9]+", name)]
        return (
            ("stem", "cells", "classifier").index(part),
            numbers[0] if part == "cells" else 0,
            "_ops" in name,
            numbers,
        )

    arrays = darts_tf.interop.to_official(model.supernet, alphas=False)
    for name in sorted(arrays, key=key):
        # Channels are last here, and first in the official code.
        axes = {4: (2, 3, 1, 0), 2: (1, 0)}.get(arrays[name].ndim, (0,))
        if "running" not in name and "num_batches" not in name:
            yield arrays[name].transpose(axes)


def _models(method, num_nodes, graph):
    """Makes the library's search and that of the file, with equal weights."""
    plain = darts_in_one_file.Darts(
        2, 3, num_nodes, num_classes=3, second_order=method != "first_order"
    )
    plain.compile(*_optimizers())
    plain.run_eagerly = True  # graphs take most of a minute to build
    plain.build((None, 8, 8, 1))
    model = darts_tf.DartsSearchModel(
        darts_tf.SearchSpace.conv(darts_in_one_file.PRIMITIVES, num_nodes),
        method,
        filters=2,
        num_cells=3,
        num_classes=3,
    )
    model.compile(*_optimizers(), run_eagerly=not graph)
    model.build((None, 8, 8, 1))
    for k, alphas in enumerate(model.alphas):
        alphas.assign(keras.random.normal(alphas.shape, seed=k))
        plain.alphas[k].assign(alphas)
    for variable, array in zip(
        plain.supernet.trainable_variables, _in_order(model), strict=True
    ):
        variable.assign(array.reshape(variable.shape))
    return model, plain


@pytest.mark.parametrize(
    ("method", "num_nodes", "graph"),
    [
        ("first_order", 1, False),
        ("exact", 1, False),
        pytest.param("first_order", 2, True, marks=pytest.mark.slow),
        pytest.param("exact", 2, True, marks=pytest.mark.slow),
    ],
)
def test_the_library_computes_the_same_as_the_file(
    method, num_nodes, graph, float64
):
    model, plain = _models(method, num_nodes, graph)
    start = [np.array(v) for v in (*model.alphas, *_in_order(model))]
    model.fit(_data(), verbose=0)
    plain.fit(_data(), shuffle=False, verbose=0)
    found = [np.array(a) for a in (*model.alphas, *_in_order(model))]
    expected = plain.alphas + plain.supernet.trainable_variables
    for before, a, b in zip(start, found, expected, strict=True):
        b = np.array(b).reshape(a.shape)
        assert np.abs(b - before).max() > 1e-5  # the steps are no rounding
        # Float64 rounding of sums in another order, which three steps of
        # normalisation over small batches magnify a thousandfold.
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-10)
