"""The hypergradient of a search model: what it takes into account.

That it is right, `tests/examples/darts_in_one_file_test.py` says.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

import darts_tf
from darts_tf.optimizers import packing
from darts_tf.search import hypergradient
from tests.search import image_search

METHODS = hypergradient.METHODS


@pytest.mark.parametrize("method", METHODS)
def test_computing_the_hypergradient_changes_no_variable(method):
    model = image_search.model(method)
    variables = [*model.variables, *model.optimizer.variables]
    before = image_search.arrays(variables)
    _, batches = image_search.pairs()
    model.hypergradient_at(*image_search.tensors(batches))
    darts_tf.check_hypergradient(model, batches)
    for a, b in zip(before, variables, strict=True):
        np.testing.assert_array_equal(a, b)


def test_check_hypergradient_reports_the_relative_error():
    model = image_search.model("exact", graph=True)
    _, batches = image_search.pairs()
    errors = darts_tf.check_hypergradient(model, batches)
    assert set(errors) == {"first_order", "finite_difference"}
    tensors = image_search.tensors(batches)
    for method, error in errors.items():
        exact, other = (
            np.concatenate(
                [np.ravel(g) for g in model.hypergradient_at(*tensors, m)[1]]
            )
            for m in ("exact", method)
        )
        expected = np.linalg.norm(other - exact) / np.linalg.norm(exact)
        assert expected > 0
        np.testing.assert_allclose(error, expected, rtol=1e-2)


def test_check_hypergradient_needs_a_compiled_model():
    model = image_search.model(compiled=False)
    with pytest.raises(ValueError, match="compiled=False"):
        darts_tf.check_hypergradient(model, image_search.pairs()[1])


def test_xi_defaults_to_the_current_learning_rate(float64):
    _, batches = image_search.pairs()
    batches = [(x.astype("float64"), y) for x, y in batches]
    model = image_search.model("exact")
    model.optimizer.learning_rate = 0.3
    default = model.hypergradient_at(*image_search.tensors(batches))[1]
    model.xi = 0.3
    given = model.hypergradient_at(*image_search.tensors(batches))[1]
    model.xi = 0.1
    other = model.hypergradient_at(*image_search.tensors(batches))[1]
    for a, b, c in zip(default, given, other, strict=True):
        # float64 rounding: a GPU adds up in no fixed order.
        np.testing.assert_allclose(a, b, rtol=1e-9)
        assert np.any(np.array(b) != np.array(c))


def test_epsilon_changes_the_finite_difference():
    _, batches = image_search.pairs()
    results = []
    for epsilon in (0.01, 0.5):
        keras.utils.set_random_seed(0)
        model = image_search.model(epsilon=epsilon)
        results.append(
            model.hypergradient_at(*image_search.tensors(batches))[1]
        )
    assert np.any(np.array(results[0]) != np.array(results[1]))


def test_virtual_step_includes_momentum_and_decay():
    model = image_search.model("exact")
    dataset, _ = image_search.pairs()
    model.fit(dataset, epochs=2, verbose=0)
    weights = model.network_weights
    packed = model.engine.weights()
    gradients = [tf.ones_like(vector) for vector in packed]
    virtual = packing.unpack(
        model.engine.virtual_step(gradients, packed, 0.1), weights
    )
    buffers = model.optimizer.momentum_buffers(weights)
    for w, buffer, result in zip(weights, buffers, virtual, strict=True):
        w, buffer = np.array(w), np.array(buffer)
        expected = w - 0.1 * (1 + 3e-4 * w + 0.9 * buffer)
        np.testing.assert_allclose(result, expected, atol=1e-6)
