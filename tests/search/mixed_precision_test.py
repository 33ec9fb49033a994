"""The search in bfloat16, with all that must not be rounded in float32."""

import keras
import numpy as np
import pytest

import darts_tf
from darts_tf import optimizers
from darts_tf.search.engine import engine
from darts_tf.spaces import paper


@pytest.fixture(autouse=True)
def bfloat16():
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy("float32")


def _images():
    model = darts_tf.DartsSearchModel(
        darts_tf.SearchSpace.conv(["none", "skip_connect"], num_nodes=1),
        "first_order",
        num_classes=2,
        filters=4,
        num_cells=3,
    )
    # The classes differ in their contrast, on 64 noisy images.
    y = np.arange(64) % 2
    noise = np.random.default_rng(0).normal(size=(64, 8, 8, 1))
    x = noise * (1 + 2 * y[:, None, None, None])
    return model, {"x": x.astype("float32"), "y": y, "batch_size": 16}


def _texts():
    model = darts_tf.DartsSearchModel(
        darts_tf.SearchSpace.recurrent(["none", "tanh"], num_nodes=1),
        "first_order",
        vocabulary_size=9,
        units=8,
        sequence_length=6,
        dropouts=dict.fromkeys(paper.dropouts(paper.RecurrentSearch), 0.0),
    )
    # Each word says which one follows.
    text = np.arange(4 * 49) % 9
    return model, {"x": text, "alpha_data": text, "batch_size": 4}


@pytest.mark.parametrize("make", [_images, _texts])
def test_search_learns_with_the_sensitive_parts_in_float32(make, monkeypatch):
    model, data = make()
    seen = []
    record = engine.Engine.record

    def watch(self, loss, alpha_loss, *others):
        seen.append((loss.dtype.name, alpha_loss.dtype.name))
        return record(self, loss, alpha_loss, *others)

    monkeypatch.setattr(engine.Engine, "record", watch)
    model.compile(keras.optimizers.Adam(0.02), optimizers.Adam(0.02))
    history = model.fit(**data, epochs=16, verbose=0).history
    for name in ("loss", "alpha_loss"):
        assert history[name][-1] < 0.7 * history[name][0], history
    assert set(seen) == {("float32", "float32")}
    assert model.supernet.compute_dtype == "bfloat16"
    weights = model.supernet.alphas.op_weights()
    assert {str(w.dtype.name) for w in weights.values()} == {"float32"}
    rounded = [
        variable.path
        for variable in (
            *model.supernet.variables,
            *model.optimizer.variables,
            *model.alpha_optimizer.variables,
        )
        if "bfloat16" in str(variable.dtype)
    ]
    assert rounded == []


@pytest.mark.parametrize("space", ["conv", "recurrent"])
def test_an_argument_sets_the_policy_of_all_layers(space):
    options = (
        {"filters": 2, "num_cells": 3}
        if space == "conv"
        else {"vocabulary_size": 5, "units": 3}
    )
    policies = []
    for given in ("mixed_bfloat16", "float32"):
        keras.config.set_dtype_policy(given)
        model = darts_tf.DartsSearchModel(
            space, "first_order", dtype="mixed_bfloat16", **options
        )
        assert keras.config.dtype_policy().name == given
        layers = model.supernet._flatten_layers()
        policies.append([layer.dtype_policy.name for layer in layers])
    assert policies[0] == policies[1]
    assert "mixed_bfloat16" in policies[0][1:]
