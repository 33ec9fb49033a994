"""A batch that is taken in parts, to save memory."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import darts_tf
from darts_tf import optimizers
from darts_tf.layers import normalization_kernels
from darts_tf.layers import recurrent_cell
from darts_tf.search import hypergradient
from darts_tf.spaces import paper
from trainers import cnn_search
from trainers import ptb_search

BATCH, WORDS = 6, 11


@pytest.fixture
def uncoupled(monkeypatch):
    """Makes batch normalisation blind to the other rows of a batch."""

    def normalization(inputs, scale, offset, moving, momentum, epsilon):
        return scale * inputs + offset, *moving

    monkeypatch.setattr(
        normalization_kernels, "batch_normalization", normalization
    )
    monkeypatch.setattr(
        recurrent_cell,
        "_statistics",
        lambda states: (tf.zeros_like(states[0]), tf.ones_like(states[0])),
    )
    # The unbiased variance knows how many rows there are.
    monkeypatch.setattr(
        recurrent_cell, "_move", lambda moving, used, count: moving
    )


def _images(dtype="float64"):
    rng = np.random.default_rng(0)
    return [
        (
            tf.constant(rng.normal(size=(BATCH, 8, 8, 1)), dtype),
            tf.constant(rng.integers(0, 3, BATCH)),
            tf.constant(rng.uniform(size=BATCH), dtype),
        )
        for _ in range(2)
    ]


def _texts():
    tokens = np.random.default_rng(0).integers(WORDS, size=(2, BATCH, 5))
    return [
        (
            tf.constant(rows[:, :-1], "int32"),
            tf.constant(rows[:, 1:], "int32"),
            tf.constant(False),
        )
        for rows in tokens
    ]


def _model(space, micro_batch, method="first_order", **options):
    keras.utils.set_random_seed(0)
    if space == "conv":
        model = darts_tf.DartsSearchModel(
            darts_tf.SearchSpace.conv(["none", "skip_connect"], 1),
            method,
            micro_batch=micro_batch,
            num_classes=3,
            filters=2,
            num_cells=3,
        )
        shape = (BATCH, 8, 8, 1)
    else:
        options.setdefault(
            "dropouts",
            dict.fromkeys(paper.dropouts(paper.RecurrentSearch), 0.0),
        )
        model = darts_tf.DartsSearchModel(
            darts_tf.SearchSpace.recurrent(["none", "tanh"], 2),
            method,
            micro_batch=micro_batch,
            vocabulary_size=WORDS,
            units=4,
            sequence_length=4,
            **options,
        )
        shape = (BATCH, None)
    model.compile(optimizers.SGD(0.1, global_clipnorm=0.1), run_eagerly=True)
    model.build(shape)
    for stream in ("weights", "alphas"):
        for variable in model.task.carried(stream):
            variable.assign(keras.random.normal(variable.shape, seed=5))
    return model


@pytest.mark.parametrize("space", ["conv", "recurrent"])
def test_parts_give_the_step_of_the_whole_batch(space, float64, uncoupled):
    batches = _images() if space == "conv" else _texts()
    whole, parts = (_model(space, size) for size in (None, 2))
    for method in hypergradient.METHODS:
        # Float64 rounding, which the finite difference magnifies by the
        # inverse of its epsilon.
        for a, b in zip(
            whole.hypergradient_at(*batches, method)[1],
            parts.hypergradient_at(*batches, method)[1],
            strict=True,
        ):
            np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-12)
    seen = []
    for model in (whole, parts):
        model.engine.record = lambda *values: seen.append(values)
        model.train_step(batches)
    (loss, _, predictions, _), (mean, _, joined, _) = seen
    np.testing.assert_allclose(mean, loss, rtol=1e-12)
    np.testing.assert_allclose(joined, predictions, rtol=1e-9, atol=1e-12)
    for a, b in zip(whole.variables, parts.variables, strict=True):
        np.testing.assert_allclose(
            np.array(b), np.array(a), rtol=1e-9, atol=1e-12, err_msg=a.path
        )


def test_moving_statistics_move_once_by_the_mean_of_the_parts(float64):
    batches = _images()
    model = _model("conv", 3)
    (norm,) = model.supernet.stem.norms
    convolution = model.supernet.stem.convolutions[0]
    outputs = np.array(convolution(batches[0][0]))
    model.train_step(batches)
    halves = outputs.reshape((2, -1, outputs.shape[-1]))
    np.testing.assert_allclose(
        np.array(norm.moving_mean), 0.1 * halves.mean(1).mean(0)
    )
    np.testing.assert_allclose(
        np.array(norm.moving_variance),
        0.9 + 0.1 * halves.var(1, ddof=1).mean(0),
    )


def test_each_part_and_stream_has_masks_of_its_own():
    model = _model("recurrent", 2, dropouts={"output": 0.5})
    engine = model.engine
    before = [np.array(v) for v in model.supernet.non_trainable_variables]
    states = [
        tuple(
            tuple(np.array(value))
            for variable, value in zip(
                model.supernet.non_trainable_variables,
                engine.state(stream, part),
                strict=True,
            )
            if "seed_generator" in variable.path
        )
        for stream in ("weights", "alphas")
        for part in range(3)
    ]
    assert len(set(states)) == 6
    model.train_step(_texts())
    # The draws go on as if there had been one part.
    for variable, old in zip(
        model.supernet.non_trainable_variables, before, strict=True
    ):
        if "seed_generator" in variable.path:
            assert 0 <= np.array(variable)[1] - old[1] <= 2


def test_fit_takes_parts_in_a_graph():
    model = _model("conv", 2, "finite_difference")
    model.compile(model.optimizer)
    x, y, _ = (np.array(part) for part in _images("float32")[0])
    model.fit(np.tile(x, (2, 1, 1, 1)), np.tile(y, 2), batch_size=4, verbose=0)
    assert int(model.alpha_optimizer.iterations) == 1
    assert (
        darts_tf.DartsSearchModel.from_config(model.get_config()).micro_batch
        == 2
    )


def test_parts_that_are_not_whole_are_refused():
    model = _model("conv", 4)
    with pytest.raises(ValueError, match="6 rows, micro_batch=4"):
        model.train_step(_images("float32"))
    with pytest.raises(ValueError, match="reduction='sum'"):
        model.compile(
            loss=keras.losses.SparseCategoricalCrossentropy(
                from_logits=True, reduction="sum"
            )
        )
    with pytest.raises(ValueError, match="micro_batch=0"):
        darts_tf.DartsSearchModel(micro_batch=0)
    for config in (cnn_search.Config, ptb_search.Config):
        with pytest.raises(ValueError, match="micro_batch=5, batch_size=8"):
            config(workdir="new", batch_size=8, micro_batch=5)
