import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import darts_tf
from darts_tf.search import hypergradient
from tests.search import image_search

METHODS = hypergradient.METHODS


@pytest.mark.parametrize("method", METHODS)
def test_fit_with_arrays_moves_both_groups_and_reports_both_losses(method):
    model = image_search.model(method, graph=True)
    before = (
        image_search.arrays(model.alphas),
        image_search.arrays(model.network_weights),
    )
    history = model.fit(
        *image_search.data(), batch_size=4, epochs=2, verbose=0
    ).history
    assert set(history) == {"loss", "alpha_loss", "accuracy"}
    assert all(np.isfinite(values).all() for values in history.values())
    for old, variables in zip(
        before, (model.alphas, model.network_weights), strict=True
    ):
        for a, b in zip(old, variables, strict=True):
            assert np.any(a != np.array(b)), b.path
    assert int(model.optimizer.iterations) == 2 * 3
    assert int(model.alpha_optimizer.iterations) == 2 * 3


@pytest.mark.parametrize("method", METHODS)
def test_graph_equals_eager(method):
    dataset, _ = image_search.pairs()
    results = []
    for run_eagerly in (False, True):
        keras.utils.set_random_seed(0)
        model = image_search.model(method, compiled=False)
        model.compile(run_eagerly=run_eagerly)
        model.fit(dataset, epochs=1, verbose=0)
        results.append(image_search.arrays(model.alphas))
    for a, b in zip(*results, strict=True):
        # One step of Adam is 3e-4 in each coordinate; the rounding of a
        # graph's kernels may flip a kink and move a coordinate by some percent.
        np.testing.assert_allclose(a, b, atol=0.1 * 3e-4)


@pytest.mark.parametrize("method", METHODS)
def test_batch_statistics_move_once_a_step(method):
    model = image_search.model(method, graph=True)
    dataset, ((x, _), _) = image_search.pairs()
    stem = np.array(model.supernet.stem.convolutions[0](x)).mean((0, 1, 2))
    model.fit(dataset, epochs=1, verbose=0)
    # From 0, by a tenth of the mean of the training batch.
    np.testing.assert_allclose(
        model.supernet.stem.norms[0].moving_mean, 0.1 * stem, rtol=1e-4
    )


def test_fit_without_compile_uses_the_paper_and_lowers_the_learning_rate():
    model = image_search.model("first_order", compiled=False)
    history = model.fit(
        *image_search.data(), batch_size=4, epochs=2, verbose=0
    ).history
    assert isinstance(model.optimizer, darts_tf.optimizers.SGD)
    assert model.optimizer.global_clipnorm == 5.0
    # Half a cosine from .025 to .001 over 2 epochs: the second is halfway.
    np.testing.assert_allclose(history["learning_rate"], [0.025, 0.013])


def test_other_optimizers_and_metrics_work():
    model = image_search.model(compiled=False)
    model.compile(
        keras.optimizers.Adam(1e-3),
        keras.optimizers.SGD(0.1),
        run_eagerly=True,
        metrics=["accuracy", "sparse_top_k_categorical_accuracy"],
    )
    history = model.fit(*image_search.data(), batch_size=4, verbose=0).history
    assert "sparse_top_k_categorical_accuracy" in history


def test_saved_search_continues_bit_for_bit(tmp_path, determinism):
    x, y = image_search.data()
    options = {"batch_size": 4, "verbose": 0}
    model = image_search.model(graph=True)
    model.fit(x, y, epochs=1, **options)
    model.save(tmp_path / "search.keras")
    again = keras.saving.load_model(tmp_path / "search.keras")
    for continued in (model, again):
        continued.fit(x, y, epochs=2, initial_epoch=1, **options)
    for group in ("alphas", "network_weights", "variables"):
        for a, b in zip(
            getattr(model, group), getattr(again, group), strict=True
        ):
            np.testing.assert_array_equal(a, b, err_msg=a.path)
    assert again.genotype() == model.genotype()


def test_a_loss_that_is_not_finite_stops_with_the_step_and_keeps_the_alphas():
    x, y = image_search.data()
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(4)
    poison = np.concatenate([np.zeros(12), np.full(4, np.nan), np.zeros(8)])
    alpha = tf.data.Dataset.from_tensor_slices(
        (x + poison[:, None, None, None].astype("float32"), y)
    ).batch(4)
    model = image_search.model("first_order", graph=True)
    with pytest.raises(FloatingPointError, match=r"step 4 \(epoch 1\)"):
        model.fit(dataset, alpha_data=alpha, verbose=0)
    assert all(np.isfinite(a).all() for a in image_search.arrays(model.alphas))
    assert all(
        np.isfinite(a).all() for a in image_search.arrays(model.network_weights)
    )


def test_genotype_and_op_weights_follow_the_alphas():
    model = image_search.model()
    model.alphas[0].assign(np.random.default_rng(0).normal(size=(5, 4)))
    weights = model.op_weights()["normal"]
    logits = np.array(model.alphas[0])
    expected = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    np.testing.assert_allclose(weights, expected, rtol=1e-5)
    assert model.genotype() == darts_tf.discretize(
        model.space, model.op_weights()
    )
    uniform = np.log(4)
    assert abs(model.entropy()["reduction"] - uniform) < 1e-4
    assert model.entropy()["normal"] < uniform
    assert [c.primitive for c in model.explain()][:2] == [
        e.primitive for e in model.genotype().normal.nodes[0]
    ]


def test_config_survives_json():
    model = image_search.model(xi=0.1)
    values = json.loads(json.dumps(model.get_config()))
    again = darts_tf.DartsSearchModel.from_config(values)
    assert json.loads(json.dumps(again.get_config())) == values


@pytest.mark.parametrize(
    "options",
    [
        {"space": "graph"},
        {"hypergradient": "second_order"},
        {"hypergradient": "first_order", "xi": 0.1},
        {"hypergradient": "exact", "epsilon": 0.1},
        {"epsilon": 0.0},
        {"xi": -1.0},
        {"num_layers": 3},
    ],
)
def test_bad_options_are_refused(options):
    with pytest.raises(ValueError, match="Received"):
        darts_tf.DartsSearchModel(**options)


def test_several_steps_per_execution_are_refused():
    with pytest.raises(ValueError, match="steps_per_execution=2"):
        image_search.model(compiled=False).compile(steps_per_execution=2)


def test_float16_is_refused():
    with pytest.raises(ValueError, match="mixed_float16"):
        image_search.model(compiled=False, dtype="mixed_float16").compile()


def test_bfloat16_searches_with_alphas_in_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = image_search.model("first_order")
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.supernet.compute_dtype == "bfloat16"
    assert model.supernet.cells[0].compute_dtype == "bfloat16"
    assert {v.dtype for v in model.trainable_variables} == {"float32"}
    history = model.fit(*image_search.data(), batch_size=4, verbose=0).history
    assert np.isfinite(history["loss"]).all()


@pytest.mark.slow
def test_search_on_digits_learns():
    from darts_tf.data import image_classification

    digits = image_classification.load("digits")
    model = darts_tf.DartsSearchModel(filters=4, num_cells=3)
    x, y = digits.train
    history = model.fit(
        x / 255.0, y, epochs=3, batch_size=32, verbose=0
    ).history
    assert history["accuracy"][-1] > 0.8
    assert history["alpha_loss"][-1] < history["alpha_loss"][0]
