"""The search of a recurrent cell: the same engine, on texts."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework import config

import darts_tf
from darts_tf.data import text_streams
from darts_tf.models import language_model
from darts_tf.search import hypergradient
from darts_tf.search import optimizers

METHODS = hypergradient.METHODS
NO_DROPOUT = dict.fromkeys(language_model.DROPOUTS, 0.0)
WORDS, BATCH = 11, 3
# Smooth, and so small that a graph is built in a second.
SPACE = darts_tf.SearchSpace.recurrent(["none", "tanh", "sigmoid"], num_nodes=2)


def _text(columns=60, seed=0):
    generator = np.random.default_rng(seed)
    return generator.integers(WORDS, size=BATCH * columns)


def _model(method="first_order", graph=False, compiled=True, **options):
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


def _spread(model, scale=0.5):
    """Moves all variables away from their small start."""
    for k, variable in enumerate(model.trainable_variables):
        variable.assign(scale * keras.random.normal(variable.shape, seed=k))
    for variable in model.task.carried("weights") + model.task.carried(
        "alphas"
    ):
        variable.assign(keras.random.normal(variable.shape, seed=99))


def _batches(length=4, is_first=False):
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


def _arrays(variables):
    return [np.array(v) for v in variables]


@pytest.fixture
def float64():
    """Makes models of double precision."""
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("method", METHODS)
def test_fit_moves_everything_with_one_graph_for_both_lengths(
    method, monkeypatch
):
    model = _model(method, graph=True)
    traces, evaluate = [], model.supernet.hidden

    def count(tokens, *arguments, **options):
        traces.append(tokens.shape)
        return evaluate(tokens, *arguments, **options)

    monkeypatch.setattr(model.supernet, "hidden", count)
    variables = [
        *model.trainable_variables,
        *model.task.carried("weights"),
        *model.task.carried("alphas"),
    ]
    before = _arrays(variables)
    steps = text_streams.steps_per_epoch(BATCH * 60, BATCH, 4)
    lengths = {
        inputs.shape[1]
        for (inputs, _, _), _ in text_streams.paired(
            _text(), _text(20, seed=1), BATCH, 4
        ).take(steps)
    }
    assert lengths == {2, 4}
    history = model.fit(
        _text(),
        alpha_data=_text(20, seed=1),
        batch_size=BATCH,
        epochs=2,
        verbose=0,
    ).history
    assert set(history) == {"loss", "alpha_loss", "perplexity"}
    assert np.isfinite(list(history.values())).all()
    for old, variable in zip(before, variables, strict=True):
        assert np.any(old != np.array(variable)), variable.path
    assert int(model.optimizer.iterations) == 2 * steps
    # One for each derivative that the method takes; the finite difference
    # takes two of the same kind.
    assert len(traces) == {"first_order": 2}.get(method, 3)


@pytest.mark.parametrize("method", ["first_order", "exact"])
@pytest.mark.parametrize("num_pieces", [3, 5])
def test_each_hidden_state_moves_once_a_step_along_its_own_text(
    method, num_pieces
):
    model = _model(method, compiled=False, dropouts=NO_DROPOUT)
    model.compile(
        darts_tf.search.SGD(0.0), darts_tf.search.Adam(0.0), run_eagerly=True
    )
    _spread(model)
    texts = _text(17), _text(13, seed=1)
    pairs = text_streams.paired(*texts, BATCH, 4, vary_length=False)
    model.fit(pairs, steps_per_epoch=num_pieces, verbose=0)
    # Nothing is learned at the learning rate 0, so each state is that of one
    # call on all the text since its start. The texts have 4 and 3 pieces; an
    # epoch is 4, with which both begin anew.
    seen = {3: {"weights": 3, "alphas": 3}, 5: {"weights": 1, "alphas": 1}}
    for text, stream in zip(texts, ("weights", "alphas"), strict=True):
        rows = text_streams.batchify(text, BATCH)
        expected = model.supernet.hidden(
            rows[:, : 4 * seen[num_pieces][stream]], training=True
        )["state"]
        (state,) = model.task.carried(stream)
        # float32 rounding.
        np.testing.assert_allclose(state, expected, atol=1e-5)


def _plain_loss(model, batch, slowness):
    """Writes the loss of a batch down with log-probabilities."""
    tokens, targets, _ = batch
    (state,) = model.task.carried("weights")
    results = model.supernet(tokens, tf.identity(state), training=True)
    likelihood = tf.gather(
        tf.nn.log_softmax(results["logits"]), targets, batch_dims=2
    )
    raw = results["raw_outputs"]
    changes = tf.reduce_mean((raw[:, 1:] - raw[:, :-1]) ** 2)
    return -tf.reduce_mean(likelihood) + slowness * changes


@pytest.mark.parametrize("length", [4, 2])
def test_a_step_of_the_weights_scales_with_the_length_and_is_clipped(length):
    model = _model(compiled=False, dropouts=NO_DROPOUT, slowness=0.1)
    model.compile(
        darts_tf.search.SGD(2.0, 0.0, 0.01, global_clipnorm=0.25),
        darts_tf.search.Adam(0.0),
        run_eagerly=True,
    )
    _spread(model)
    train, alpha = _batches(length)
    before = _arrays(model.network_weights)
    with tf.GradientTape() as tape:
        loss = _plain_loss(model, train, 0.1)
    gradients = tape.gradient(loss, [v.value for v in model.network_weights])
    norm = np.sqrt(sum(np.sum(np.square(g)) for g in gradients))
    assert norm > 0.25
    np.testing.assert_allclose(
        model.bilevel_step.xi(train), 2.0 * length / 4, rtol=1e-6
    )
    dataset = tf.data.Dataset.from_tensors((train, alpha))
    history = model.fit(dataset, verbose=0).history
    np.testing.assert_allclose(history["loss"], [loss], rtol=1e-5)
    for w, g, new in zip(before, gradients, model.network_weights, strict=True):
        direction = 0.25 / norm * np.array(g) + 0.01 * w
        # float32 rounding.
        np.testing.assert_allclose(
            new, w - 2.0 * length / 4 * direction, atol=1e-5
        )
    assert float(model.optimizer.learning_rate) == 2.0


@pytest.mark.parametrize("max_norm", [0.05, 1e6])
def test_exact_hypergradient_equals_differentiating_the_whole_step(
    float64, max_norm
):
    model = _model("exact", compiled=False, slowness=0.1)
    model.compile(
        darts_tf.search.SGD(1.5, 0.0, 0.01, global_clipnorm=max_norm),
        run_eagerly=True,
    )
    _spread(model)
    train, alpha = _batches()
    loss, gradients = model.hypergradient_at(train, alpha)

    step = model.bilevel_step
    weights, alphas = (
        [tf.convert_to_tensor(v.value) for v in variables]
        for variables in (model.network_weights, model.alphas)
    )

    def evaluate(stream, weights, batch):
        carried = [tf.identity(v) for v in model.task.carried(stream)]
        return step.loss_at(
            stream, weights, alphas, step.state(stream), carried, batch
        )[0]

    with tf.GradientTape(persistent=True) as outer:
        outer.watch(alphas)
        with tf.GradientTape() as inner:
            inner.watch(weights)
            train_loss = evaluate("weights", weights, train)
        slopes = inner.gradient(train_loss, weights)
        clip = tf.stop_gradient(optimizers.clip_coefficient(slopes, max_norm))
        virtual = [
            w - 1.5 * (clip * slope + 0.01 * w)
            for w, slope in zip(weights, slopes, strict=True)
        ]
        held = [tf.stop_gradient(w) for w in virtual]
        with tf.GradientTape() as inner:
            inner.watch(held)
            direct = evaluate("alphas", held, alpha)
        vector = inner.gradient(direct, held)
        clip_vector = optimizers.clip_coefficient(vector, max_norm)
        surrogate = direct + tf.add_n(
            [
                tf.reduce_sum(tf.stop_gradient(clip_vector * v) * w)
                for v, w in zip(vector, virtual, strict=True)
            ]
        )
        whole = evaluate("alphas", virtual, alpha)
    assert (clip < 1) == (clip_vector < 1) == (max_norm < 1)
    np.testing.assert_allclose(loss, whole, rtol=1e-12)
    references = [surrogate] if max_norm < 1 else [surrogate, whole]
    for reference in references:
        for a, b in zip(
            gradients, outer.gradient(reference, alphas), strict=True
        ):
            assert a.dtype == tf.float64
            # Rounding of float64 over some hundred operations.
            np.testing.assert_allclose(a, b, atol=1e-9 * np.abs(b).max())


def test_finite_difference_converges_to_the_exact_hypergradient(float64):
    # With the masks of the paper's dropout: they are the same in all passes.
    model = _model("exact", slowness=0.1)
    _spread(model, 0.1)  # where terms of a higher order are small
    batches = _batches()
    exact = np.array(model.hypergradient_at(*batches)[1][0])
    errors = []
    for model.epsilon in (0.1, 0.01, 0.001):
        approximate = model.hypergradient_at(*batches, "finite_difference")
        errors.append(np.linalg.norm(approximate[1][0] - exact))
    # A central difference errs by the square of epsilon.
    assert 90 < errors[0] / errors[1] < 110
    assert 90 < errors[1] / errors[2] < 110


def test_computing_the_hypergradient_changes_no_variable():
    model = _model()
    _spread(model)
    variables = [*model.variables, *model.optimizer.variables]
    before = _arrays(variables)
    train, alpha = _batches()
    errors = darts_tf.check_hypergradient(model, (train, alpha))
    assert 0 < errors["finite_difference"] < errors["first_order"]
    for a, b in zip(before, variables, strict=True):
        np.testing.assert_array_equal(a, b, err_msg=b.path)


def test_the_masks_are_those_of_the_step_and_of_the_stream():
    model = _model(slowness=0.0)
    _spread(model)
    (batch, _), step = _batches(), model.bilevel_step
    weights, alphas = model.network_weights, model.alphas

    def loss(stream, state):
        values = [
            [tf.convert_to_tensor(v.value) for v in group]
            for group in (weights, alphas, model.task.carried("weights"))
        ]
        weight_values, alpha_values, carried = values
        return float(
            step.loss_at(
                stream, weight_values, alpha_values, state, carried, batch
            )[0]
        )

    # Without the penalty the two losses differ by their masks only.
    first = loss("weights", step.state("weights"))
    assert loss("weights", step.state("weights")) == first
    assert loss("alphas", step.state("weights")) == first
    assert loss("alphas", step.state("alphas")) != first
    before = step.state("weights")
    model.optimizer.learning_rate = 0.0
    model.alpha_optimizer.learning_rate = 0.0
    model.fit(tf.data.Dataset.from_tensors((batch, batch)), verbose=0)
    assert loss("weights", before) != loss("weights", step.state("weights"))


def test_graph_equals_eager():
    dataset = tf.data.Dataset.from_tensors(tuple(_batches()))
    results = []
    for graph in (True, False):
        model = _model("finite_difference", graph=graph)
        _spread(model)
        model.fit(dataset, epochs=2, verbose=0)
        results.append(
            _arrays([*model.variables, *model.alpha_optimizer.variables])
        )
    for a, b in zip(*results, strict=True):
        # float32 rounding, over the difference of two gradients in the alphas.
        np.testing.assert_allclose(a, b, atol=1e-4)


def test_fit_without_compile_uses_the_numbers_of_the_paper():
    model = _model(compiled=False, units=2)
    history = model.fit(
        _text(9),
        alpha_data=_text(9, seed=1),
        batch_size=BATCH,
        validation_data=_text(20, seed=2),
        verbose=0,
    ).history
    assert set(history) == {
        *("loss", "alpha_loss", "perplexity"),
        *("val_loss", "val_perplexity"),
    }
    sgd, adam = model.optimizer, model.alpha_optimizer
    assert float(sgd.learning_rate) == 20.0
    assert (sgd.momentum, sgd.coupled_weight_decay) == (0.0, 5e-7)
    assert sgd.global_clipnorm == 0.25
    np.testing.assert_allclose(adam.learning_rate, 3e-3)
    assert (adam.beta_1, adam.beta_2) == (0.9, 0.999)
    assert adam.coupled_weight_decay == 1e-3


def test_the_perplexity_of_an_evaluation_is_that_of_the_whole_text():
    model = _model()
    _spread(model)
    for columns, rows in ((8, 10), (10, 3)):
        text = _text(columns * 10 // BATCH + 1)
        data = text if rows == 10 else text_streams.evaluation(text, rows, 4)
        logs = model.evaluate(data, verbose=0, return_dict=True)
        table = text_streams.batchify(text, rows)
        logits = model.supernet(table[:, :-1])["logits"]
        likelihood = tf.gather(
            tf.nn.log_softmax(logits), table[:, 1:], batch_dims=2
        )
        expected = -np.mean(likelihood)
        # float32 rounding.
        np.testing.assert_allclose(logs["loss"], expected, rtol=1e-5)
        np.testing.assert_allclose(
            logs["perplexity"], np.exp(expected), rtol=1e-5
        )


@pytest.fixture
def determinism():
    """Makes sums independent of the threads that take part."""
    tf.config.experimental.enable_op_determinism()
    yield
    config.disable_op_determinism()


def test_saved_search_continues_inside_an_epoch_bit_for_bit(
    tmp_path, determinism
):
    texts = _text(), _text(20, seed=1)
    model = _model("finite_difference", graph=True)
    options = {"steps_per_epoch": 3, "verbose": 0}
    model.fit(text_streams.paired(*texts, BATCH, 4), **options)
    model.save(tmp_path / "search.keras")
    again = keras.saving.load_model(tmp_path / "search.keras")
    for continued in (model, again):
        stream = text_streams.paired(*texts, BATCH, 4, start_step=3)
        continued.fit(stream, **options)
    assert len(again.variables) == len(model.variables)
    for group in ("variables", "optimizer", "alpha_optimizer", "task"):
        for a, b in zip(
            *(
                getattr(m, group)
                if group == "variables"
                else getattr(m, group).variables
                for m in (model, again)
            ),
            strict=True,
        ):
            np.testing.assert_array_equal(a, b, err_msg=a.path)
    assert again.genotype() == model.genotype()
    assert again.get_config() == model.get_config()


def test_a_diverging_search_stops_with_the_step_and_keeps_the_alphas():
    model = _model(compiled=False)
    model.compile(darts_tf.search.SGD(1e30, 0.0), run_eagerly=True)
    with pytest.raises(FloatingPointError, match=r"step 2 \(epoch 1\)"):
        model.fit(
            _text(), alpha_data=_text(seed=1), batch_size=BATCH, verbose=0
        )
    assert np.isfinite(_arrays(model.alphas)).all()


def test_the_log_and_the_cell_of_a_recurrent_search(tmp_path):
    model = _model()
    model.fit(
        _text(9),
        alpha_data=_text(9, seed=1),
        batch_size=BATCH,
        callbacks=[darts_tf.SearchLog(tmp_path)],
        verbose=0,
    )
    genotype = darts_tf.Genotype.load(tmp_path / "genotype.json")
    assert genotype == model.genotype()
    assert genotype.kind == "recurrent"
    assert [len(edges) for edges in genotype.recurrent.nodes] == [1, 1]
    assert model.op_weights()["recurrent"].shape == (3, 3)
    assert "perplexity" in (tmp_path / "history.jsonl").read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"embedding_dim": 5}, "embedding_dim=5, units=4"),
        ({"dropouts": {"outputs": 0.1}}, "outputs"),
        ({"sequence_length": 3}, "sequence_length"),
        ({"slowness": -1.0}, "slowness=-1.0"),
        ({"filters": 3}, r"Received: \['filters'\]"),
        ({"space": "conv"}, "vocabulary_size"),
        (
            {"space": darts_tf.SearchSpace.recurrent(["none", "swisch"])},
            "swisch",
        ),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        _model(compiled=False, **options)


PIECES = text_streams.sequences(_text(), BATCH, 4)
TEXT = _text(9)


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (TEXT, {}, "alpha_data=None"),
        (TEXT, {"alpha_data": TEXT[: 4 * BATCH]}, "at least one batch"),
        (TEXT[:5], {"alpha_data": TEXT}, "two words in each row"),
        (TEXT + 0.5, {"alpha_data": TEXT}, "dtype float64"),
        (TEXT[None], {"alpha_data": TEXT}, "rank 1"),
        (TEXT + 1, {"alpha_data": TEXT}, "from 1 to 11"),
        (TEXT, {"alpha_data": TEXT - 1}, "from -1 to 9"),
        (TEXT, {"alpha_data": TEXT, "y": TEXT}, "`y` does not apply"),
        (
            TEXT,
            {"alpha_data": TEXT, "class_weight": {0: 1.0}},
            "`class_weight` does not apply",
        ),
        (TEXT, {"alpha_data": TEXT, "validation_data": TEXT[:9]}, "10"),
        (PIECES, {}, "alpha_data"),
        (PIECES, {"alpha_data": PIECES}, "steps_per_epoch"),
        (
            PIECES.map(lambda inputs, targets, is_first: (inputs, targets)),
            {"alpha_data": PIECES},
            "is_first",
        ),
        (
            text_streams.sequences(_text(), 2, 4),
            {"alpha_data": PIECES},
            "one known batch size",
        ),
        (
            text_streams.sequences(_text(), 2, 4),
            {"alpha_data": text_streams.sequences(_text(), 2, 4)},
            "batch_size=2",
        ),
    ],
)
def test_bad_data_is_refused_before_any_step(data, options, message):
    options = {"batch_size": None if data is not TEXT else BATCH, **options}
    if isinstance(data, np.ndarray):
        options["batch_size"] = BATCH
    with pytest.raises(ValueError, match=message):
        _model().fit(data, verbose=0, **options)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"loss": "mse"}, "own loss"),
        ({"metrics": ["accuracy"]}, "metrics"),
        (
            {
                "optimizer": keras.optimizers.SGD(
                    keras.optimizers.schedules.CosineDecay(1.0, 5)
                )
            },
            "LearningRateSchedule|schedule",
        ),
    ],
)
def test_compile_refuses_what_the_task_has_not(arguments, message):
    with pytest.raises(ValueError, match=message):
        _model(compiled=False).compile(**arguments)


def test_a_build_without_the_batch_size_is_refused():
    model = darts_tf.DartsSearchModel("recurrent", vocabulary_size=5, units=2)
    with pytest.raises(ValueError, match="batch_size"):
        model.build((None, None))
