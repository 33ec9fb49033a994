import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework import config

import darts_tf
from darts_tf.layers import kernels
from darts_tf.search import hypergradient
from darts_tf.search import objective
from darts_tf.search import packing

METHODS = hypergradient.METHODS


def _data(samples=24, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(samples, 8, 8, 1)).astype("float32")
    return x, np.arange(samples) % classes


# One primitive of each kind, so that a graph is built in a second.
SPACE = darts_tf.SearchSpace.conv(
    ["none", "max_pool_3x3", "skip_connect", "dil_conv_3x3"], num_nodes=2
)


def _model(method="finite_difference", compiled=True, graph=False, **options):
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


def _pairs(samples=8):
    x, y = _data(2 * samples)
    return (
        tf.data.Dataset.from_tensors(
            ((x[:samples], y[:samples]), (x[samples:], y[samples:]))
        ),
        ((x[:samples], y[:samples]), (x[samples:], y[samples:])),
    )


def _arrays(variables):
    return [np.array(v) for v in variables]


@pytest.mark.parametrize("method", METHODS)
def test_fit_with_arrays_moves_both_groups_and_reports_both_losses(method):
    model = _model(method, graph=True)
    before = _arrays(model.alphas), _arrays(model.network_weights)
    history = model.fit(*_data(), batch_size=4, epochs=2, verbose=0).history
    assert set(history) == {"loss", "alpha_loss", "accuracy"}
    assert all(np.isfinite(values).all() for values in history.values())
    for old, variables in zip(
        before, (model.alphas, model.network_weights), strict=True
    ):
        for a, b in zip(old, variables, strict=True):
            assert np.any(a != np.array(b)), b.path
    assert int(model.optimizer.iterations) == 2 * 3
    assert int(model.alpha_optimizer.iterations) == 2 * 3


@pytest.mark.parametrize(
    ("gpu", "expected"),
    [
        (False, ["build weights", "weights", "build both", "build alphas_at"]),
        (True, ["build weights", "build both", "build alphas_at", "weights"]),
    ],
)
def test_a_cpu_builds_graphs_while_the_first_one_runs(
    monkeypatch, gpu, expected
):
    monkeypatch.setattr(kernels, "has_gpu", lambda: gpu)
    events = []
    build = objective.Objective.build_graph
    evaluate = objective.Objective.gradients

    def note_build(self, derivative, *arguments):
        events.append(f"build {derivative}")
        build(self, derivative, *arguments)

    def note_pass(self, *arguments, wrt):
        events.append(wrt)
        return evaluate(self, *arguments, wrt=wrt)

    monkeypatch.setattr(objective.Objective, "build_graph", note_build)
    monkeypatch.setattr(objective.Objective, "gradients", note_pass)
    model = _model(graph=True)
    model.fit(*_data(), batch_size=4, epochs=1, steps_per_epoch=2, verbose=0)
    passes = ["weights", "both", "alphas", "alphas", "weights"]
    assert events == [*expected, *passes[1:], *passes]


@pytest.mark.parametrize("method", METHODS)
def test_graph_equals_eager(method):
    dataset, _ = _pairs()
    results = []
    for run_eagerly in (False, True):
        keras.utils.set_random_seed(0)
        model = _model(method, compiled=False)
        model.compile(run_eagerly=run_eagerly)
        model.fit(dataset, epochs=1, verbose=0)
        results.append(_arrays(model.alphas))
    for a, b in zip(*results, strict=True):
        # One step of Adam is 3e-4 in each coordinate; the rounding of a
        # graph's kernels may flip a kink and move a coordinate by some percent.
        np.testing.assert_allclose(a, b, atol=0.1 * 3e-4)


def test_alpha_gradient_is_that_of_the_validation_loss_by_plain_tape():
    model = _model("first_order")
    _, batches = _pairs()
    _, gradients = model.hypergradient_at(*_tensors(batches))
    x, y = batches[1]
    with tf.GradientTape() as tape:
        logits = model.supernet(x, training=True)
        loss = tf.reduce_mean(
            tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits)
        )
    expected = tape.gradient(loss, [v.value for v in model.alphas])
    for a, b in zip(gradients, expected, strict=True):
        # Equal but for the rounding of the graph's kernels.
        np.testing.assert_allclose(a, b, atol=1e-3 * np.abs(b).max())


def _tensors(batches):
    return [(*map(tf.convert_to_tensor, batch), None) for batch in batches]


@pytest.mark.parametrize("method", METHODS)
def test_computing_the_hypergradient_changes_no_variable(method):
    model = _model(method)
    variables = [*model.variables, *model.optimizer.variables]
    before = _arrays(variables)
    _, batches = _pairs()
    model.hypergradient_at(*_tensors(batches))
    darts_tf.check_hypergradient(model, batches)
    for a, b in zip(before, variables, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("method", METHODS)
def test_batch_statistics_move_once_a_step(method):
    model = _model(method, graph=True)
    dataset, ((x, _), _) = _pairs()
    stem = np.array(model.supernet.stem.convolutions[0](x)).mean((0, 1, 2))
    model.fit(dataset, epochs=1, verbose=0)
    # From 0, by a tenth of the mean of the training batch.
    np.testing.assert_allclose(
        model.supernet.stem.norms[0].moving_mean, 0.1 * stem, rtol=1e-4
    )


@pytest.fixture
def float64():
    """Makes models of double precision."""
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")


def test_exact_hypergradient_equals_differentiating_the_whole_step(float64):
    model = _model("exact", graph=True)
    model.optimizer.learning_rate = 0.1
    _, batches = _pairs()
    batches = _tensors([(x.astype("float64"), y) for x, y in batches])
    loss, gradients = model.hypergradient_at(*batches)
    step = model.bilevel_step
    weights, alphas = (
        [tf.convert_to_tensor(v.value) for v in variables]
        for variables in (model.network_weights, model.alphas)
    )
    with tf.GradientTape() as outer:
        outer.watch(alphas)
        with tf.GradientTape() as inner:
            inner.watch(weights)
            train_loss, _ = step.loss_at(
                "weights",
                weights,
                alphas,
                step.state("weights"),
                [],
                batches[0],
            )
        slopes = inner.gradient(train_loss, weights)
        virtual = [
            w - 0.1 * (slope + 3e-4 * w)
            for w, slope in zip(weights, slopes, strict=True)
        ]
        expected, _ = step.loss_at(
            "alphas", virtual, alphas, step.state("alphas"), [], batches[1]
        )
    np.testing.assert_allclose(loss, expected, rtol=1e-12)
    for a, b in zip(gradients, outer.gradient(expected, alphas), strict=True):
        assert a.dtype == tf.float64
        np.testing.assert_allclose(a, b, atol=1e-9 * np.abs(b).max())


def test_a_smaller_last_batch_needs_no_graph_of_its_own(monkeypatch):
    x, y = _data(20)
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(8)
    model = _model(graph=True)
    sizes, evaluate = [], model.task.train_loss

    def count(model, batch, carried):
        sizes.append(batch[0].shape[0])
        return evaluate(model, batch, carried)

    monkeypatch.setattr(model.task, "train_loss", count)
    model.fit(tf.data.Dataset.zip(dataset, dataset), epochs=2, verbose=0)
    # The gradients for both, which serve three passes, and for the alphas.
    assert sizes == [None, None]
    assert int(model.optimizer.iterations) == 2 * 3


def test_check_hypergradient_reports_the_relative_error():
    model = _model("exact", graph=True)
    _, batches = _pairs()
    errors = darts_tf.check_hypergradient(model, batches)
    assert set(errors) == {"first_order", "finite_difference"}
    tensors = _tensors(batches)
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
    model = _model(compiled=False)
    with pytest.raises(ValueError, match="compiled=False"):
        darts_tf.check_hypergradient(model, _pairs()[1])


def test_xi_defaults_to_the_current_learning_rate():
    _, batches = _pairs()
    model = _model("exact")
    model.optimizer.learning_rate = 0.3
    default = model.hypergradient_at(*_tensors(batches))[1]
    model.xi = 0.3
    given = model.hypergradient_at(*_tensors(batches))[1]
    model.xi = 0.1
    other = model.hypergradient_at(*_tensors(batches))[1]
    for a, b, c in zip(default, given, other, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
        assert np.any(np.array(b) != np.array(c))


def test_epsilon_changes_the_finite_difference():
    _, batches = _pairs()
    results = []
    for epsilon in (0.01, 0.5):
        keras.utils.set_random_seed(0)
        model = _model(epsilon=epsilon)
        results.append(model.hypergradient_at(*_tensors(batches))[1])
    assert np.any(np.array(results[0]) != np.array(results[1]))


def test_virtual_step_includes_momentum_and_decay():
    model = _model("exact")
    dataset, _ = _pairs()
    model.fit(dataset, epochs=2, verbose=0)
    weights = model.network_weights
    packed = model.bilevel_step.weights()
    gradients = [tf.ones_like(vector) for vector in packed]
    virtual = packing.unpack(
        model.bilevel_step.virtual_step(gradients, packed, 0.1), weights
    )
    buffers = model.optimizer.momentum_buffers(weights)
    for w, buffer, result in zip(weights, buffers, virtual, strict=True):
        w, buffer = np.array(w), np.array(buffer)
        expected = w - 0.1 * (1 + 3e-4 * w + 0.9 * buffer)
        np.testing.assert_allclose(result, expected, atol=1e-6)


def test_fit_without_compile_uses_the_paper_and_lowers_the_learning_rate():
    model = _model("first_order", compiled=False)
    history = model.fit(*_data(), batch_size=4, epochs=2, verbose=0).history
    assert isinstance(model.optimizer, darts_tf.search.SGD)
    assert model.optimizer.global_clipnorm == 5.0
    # Half a cosine from .025 to .001 over 2 epochs: the second is halfway.
    np.testing.assert_allclose(history["learning_rate"], [0.025, 0.013])


def test_other_optimizers_and_metrics_work():
    model = _model(compiled=False)
    model.compile(
        keras.optimizers.Adam(1e-3),
        keras.optimizers.SGD(0.1),
        run_eagerly=True,
        metrics=["accuracy", "sparse_top_k_categorical_accuracy"],
    )
    history = model.fit(*_data(), batch_size=4, verbose=0).history
    assert "sparse_top_k_categorical_accuracy" in history


def test_data_sets_with_alpha_data_equal_a_data_set_of_pairs():
    x, y = _data()
    train = tf.data.Dataset.from_tensor_slices((x[:12], y[:12])).batch(4)
    alpha = tf.data.Dataset.from_tensor_slices((x[12:], y[12:])).batch(4)
    results = []
    for data, options in (
        (train, {"alpha_data": alpha}),
        (tf.data.Dataset.zip((train, alpha)), {}),
    ):
        keras.utils.set_random_seed(0)
        model = _model("first_order")
        model.fit(data, epochs=2, verbose=0, **options)
        results.append(_arrays(model.alphas))
    # Threads sum in another order; a step of Adam moves by 3e-4.
    np.testing.assert_allclose(results[0], results[1], atol=1e-3 * 3e-4)


def test_alpha_stream_goes_on_across_epochs():
    x, y = _data()
    seen = []

    def record(value):
        seen.append(float(value))
        return value

    train = tf.data.Dataset.from_tensor_slices((x[:8], y[:8])).batch(4)
    alpha = tf.data.Dataset.from_tensor_slices(
        (x[:12], y[:12], np.arange(12, dtype="float32"))
    ).batch(4)
    alpha = alpha.map(
        lambda a, b, k: (
            tf.ensure_shape(
                a + 0 * tf.py_function(record, [k[0]], tf.float32), a.shape
            ),
            b,
        )
    )
    model = _model("first_order")
    model.fit(train, alpha_data=alpha, epochs=3, verbose=0)
    assert seen[:6] == [0, 4, 8, 0, 4, 8]  # not 0, 4, 0, 4, 0, 4


def test_sample_weights_of_zero_leave_only_decay():
    x, y = _data()
    model = _model("first_order")
    model.optimizer.learning_rate = 0.1
    before = _arrays(model.network_weights)
    model.fit(x, y, batch_size=12, sample_weight=np.zeros(24), verbose=0)
    for a, b in zip(before, model.network_weights, strict=True):
        np.testing.assert_allclose(b, a * (1 - 0.1 * 3e-4), rtol=1e-5, atol=0)


def test_class_weight_equals_sample_weight():
    x, y = _data()
    results = []
    class_weight = {0: 1.0, 1: 2.0, 2: 0.5}
    for options in (
        {"class_weight": class_weight},
        {"sample_weight": np.array([class_weight[k] for k in y])},
    ):
        keras.utils.set_random_seed(0)
        model = _model("first_order")
        model.fit(x, y, batch_size=4, verbose=0, **options)
        results.append(_arrays(model.alphas))
    # Threads sum in another order; a step of Adam moves by 3e-4.
    np.testing.assert_allclose(results[0], results[1], atol=1e-3 * 3e-4)


def test_validation_data_is_evaluated():
    model = _model("first_order")
    history = model.fit(
        *_data(), batch_size=4, validation_data=_data(6), verbose=0
    ).history
    assert {"val_loss", "val_accuracy"} <= set(history)
    assert "val_alpha_loss" not in history
    loss, accuracy = model.evaluate(*_data(6), verbose=0)
    np.testing.assert_allclose(history["val_loss"][0], loss, rtol=1e-5)
    np.testing.assert_allclose(history["val_accuracy"][0], accuracy)


@pytest.fixture
def determinism():
    """Makes sums independent of the threads that take part."""
    tf.config.experimental.enable_op_determinism()
    yield
    config.disable_op_determinism()


def test_saved_search_continues_bit_for_bit(tmp_path, determinism):
    x, y = _data()
    options = {"batch_size": 4, "verbose": 0}
    model = _model(graph=True)
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
    x, y = _data()
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(4)
    poison = np.concatenate([np.zeros(12), np.full(4, np.nan), np.zeros(8)])
    alpha = tf.data.Dataset.from_tensor_slices(
        (x + poison[:, None, None, None].astype("float32"), y)
    ).batch(4)
    model = _model("first_order", graph=True)
    with pytest.raises(FloatingPointError, match=r"step 4 \(epoch 1\)"):
        model.fit(dataset, alpha_data=alpha, verbose=0)
    assert all(np.isfinite(a).all() for a in _arrays(model.alphas))
    assert all(np.isfinite(a).all() for a in _arrays(model.network_weights))


def test_genotype_and_op_weights_follow_the_alphas():
    model = _model()
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
    model = _model(xi=0.1)
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


def _fit(*arguments, **options):
    _model("first_order").fit(*arguments, verbose=0, **options)


X, Y = _data()
DATASET = tf.data.Dataset.from_tensor_slices((X, Y)).batch(4)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((X,), {}, "labels"),
        ((X[..., 0], Y), {}, "height, width, channels"),
        ((X, Y + 1), {}, "from 1 to 3"),
        ((X, Y[:-1]), {}, "24 images, 23 labels"),
        ((X * np.nan, Y), {}, "NaN"),
        ((X, Y), {"batch_size": 13}, "13"),
        ((X, Y), {"validation_split": 0.1}, "validation_split"),
        ((X, Y), {"alpha_data": DATASET}, "alpha_data"),
        ((X, Y), {"class_weight": {0: 1.0}}, r"\[1, 2\]"),
        ((X, Y), {"sample_weight": np.ones(3)}, "sample_weight"),
        ((X, Y), {"shuffle": False}, "shuffle=False"),
        ((DATASET,), {}, "alpha_data"),
        ((DATASET, Y), {"alpha_data": DATASET}, "`y` does not apply"),
        ((DATASET,), {"alpha_data": X}, "tf.data.Dataset of batches"),
        (
            (DATASET,),
            {"alpha_data": DATASET, "class_weight": {0: 1.0}},
            "class_weight",
        ),
        (
            (DATASET.repeat(),),
            {"alpha_data": DATASET},
            "steps_per_epoch",
        ),
    ],
)
def test_bad_data_is_refused_before_any_step(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        _fit(*arguments, **options)


def test_several_steps_per_execution_are_refused():
    with pytest.raises(ValueError, match="steps_per_execution=2"):
        _model(compiled=False).compile(steps_per_execution=2)


def test_float16_is_refused():
    with pytest.raises(ValueError, match="mixed_float16"):
        _model(compiled=False, dtype="mixed_float16").compile()


def test_bfloat16_searches_with_alphas_in_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = _model("first_order")
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.supernet.compute_dtype == "bfloat16"
    assert model.supernet.cells[0].compute_dtype == "bfloat16"
    assert {v.dtype for v in model.trainable_variables} == {"float32"}
    history = model.fit(*_data(), batch_size=4, verbose=0).history
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
