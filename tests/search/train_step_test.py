"""`train_step` is the one door: who overrides it is obeyed in every mode."""

import traceback

import keras
import numpy as np
import pytest
import tensorflow as tf

import darts_tf
from darts_tf import optimizers
from darts_tf.search import hypergradient
from tests.search import image_search
from tests.search import text_search

MODES = {
    "graphs": {},
    "eager": {"run_eagerly": True},
    "jit_compile": {"jit_compile": True},
}


class Doubled(darts_tf.DartsSearchModel):
    """Adds a figure to those of a step."""

    def train_step(self, data):
        logs = super().train_step(data)
        return {**logs, "doubled": 2 * logs["loss"]}


class Standing(darts_tf.DartsSearchModel):
    """Takes no step at all."""

    def train_step(self, data):
        (x, _), _ = data
        return {"mean": tf.reduce_mean(x)}


def _model(kind, mode):
    model = kind(
        darts_tf.SearchSpace.conv(["none", "skip_connect"], num_nodes=1),
        "first_order",
        num_classes=3,
        filters=2,
        num_cells=3,
    )
    # Without the clipping, which is a conditional branch that XLA refuses.
    model.compile(optimizers.SGD(0.1), **MODES[mode])
    model.build((None, 8, 8, 1))
    return model


@pytest.mark.parametrize("mode", MODES)
def test_fit_calls_the_train_step_of_a_subclass(mode):
    dataset, _ = image_search.pairs()
    history = _model(Doubled, mode).fit(dataset, verbose=0).history
    (loss,), (doubled,) = history["loss"], history["doubled"]
    np.testing.assert_allclose(doubled, 2 * loss, rtol=1e-6)


@pytest.mark.parametrize("mode", MODES)
def test_a_subclass_may_replace_the_step(mode):
    model = _model(Standing, mode)
    before = image_search.arrays(model.variables)
    dataset, ((x, _), _) = image_search.pairs()
    history = model.fit(dataset, verbose=0).history
    np.testing.assert_allclose(history["mean"], [x.mean()], rtol=1e-4)
    for a, b in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(a, b, err_msg=b.path)


def test_a_step_taken_by_hand_is_that_of_fit(determinism):
    dataset, batches = image_search.pairs()
    found = []
    for by_hand in (False, True):
        keras.utils.set_random_seed(0)
        model = image_search.model("exact", graph=True)
        if by_hand:
            model.train_step(image_search.tensors(batches))
        else:
            model.fit(dataset, verbose=0)
        found.append(image_search.arrays(model.variables))
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("method", ["first_order", "exact"])
@pytest.mark.parametrize("search", [image_search, text_search])
def test_from_a_step_to_each_tape_there_are_at_most_three_calls(
    method, search, monkeypatch
):
    """Eagerly: a graph or a division of the batch wraps one of the calls."""
    depths = []

    def noted(derivative):
        def call(*arguments):
            names = [frame.name for frame in traceback.extract_stack()]
            depths.append(names[::-1].index("train_step"))
            return derivative(*arguments)

        return call

    for name in (
        "weight_gradients",
        "alpha_gradients",
        "gradients",
        "mixed_product",
    ):
        # The stack up to the stand-in is that up to the tape.
        derivative = getattr(hypergradient, name)
        monkeypatch.setattr(hypergradient, name, noted(derivative))
    model = search.model(method)
    if search is image_search:
        batches = search.tensors(search.pairs()[1])
    else:
        batches = search.batches()
    model.train_step(batches)
    assert len(depths) == {"first_order": 2, "exact": 4}[method]
    assert max(depths) <= 3
