"""The carried state, the lengths and the loss of training, piece by piece."""

import keras
import numpy as np
import pytest

import darts_tf
from darts_tf import zoo
from darts_tf.data import text_streams

WORDS, UNITS, BATCH = 7, 5, 2
YES, NO = np.array(True), np.array(False)
NO_DROPOUT = dict.fromkeys(
    ("output", "hidden", "cell_input", "embedded", "words"), 0.0
)


def stateful(**options):
    network = darts_tf.RecurrentNetwork(
        zoo.RECURRENT_DARTS_V2, WORDS, UNITS, dropouts=NO_DROPOUT
    )
    options = {"batch_size": BATCH, "evaluation_batch_size": BATCH, **options}
    model = darts_tf.StatefulLanguageModel(
        network, sequence_length=4, **options
    )
    model.compile(darts_tf.optimizers.SGD(0.5, 0.0, 0.0), jit_compile=False)
    model.build()
    generator = np.random.default_rng(0)
    for weight in network.trainable_variables:
        weight.assign(generator.normal(scale=0.5, size=weight.shape))
    return model


@pytest.fixture(scope="module")
def model():
    return stateful()


def text(length=50):
    return np.random.default_rng(1).integers(WORDS, size=length)


def nats(network, tokens):
    """Returns the cross-entropy of rows that are read at once."""
    logits = np.array(network(tokens[:, :-1])["logits"], "float64")
    shifted = logits - logits.max(-1, keepdims=True)
    scores = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return -np.take_along_axis(scores, tokens[:, 1:, None], 2).mean()


def test_evaluation_is_that_of_the_whole_text(model):
    # 25 columns: pieces of 4 and a last one of fewer, which counts less.
    pieces = text_streams.evaluation(text(), BATCH, 5)
    figures = model.evaluate(pieces, verbose=0, return_dict=True)
    expected = nats(model.network, text_streams.batchify(text(), BATCH))
    # float32 logits, summed over 48 words.
    np.testing.assert_allclose(figures["loss"], expected, rtol=1e-5)
    np.testing.assert_allclose(
        figures["perplexity"], np.exp(expected), rtol=1e-4
    )
    again = model.evaluate(pieces, verbose=0, return_dict=True)
    assert again == figures  # the second pass begins with the zero state


@pytest.mark.parametrize("training", [False, True])
def test_the_state_is_carried_and_forgotten_at_the_start(model, training):
    rows = text_streams.batchify(text(), BATCH)
    whole = model.network.hidden(rows[:, :8])["raw_outputs"]
    first = model((rows[:, :4], YES), training=training)["raw_outputs"]
    second = model((rows[:, 4:8], NO), training=training)["raw_outputs"]
    # float32 rounding: products with another number of rows.
    np.testing.assert_allclose(second, whole[:, 4:], atol=1e-6)
    again = model((rows[:, :4], YES), training=training)["raw_outputs"]
    np.testing.assert_array_equal(again, first)


def test_training_and_evaluation_have_a_state_each(model):
    rows = text_streams.batchify(text(), BATCH)
    model((rows[:, :4], YES), training=True)
    before = np.array(model.train_state)
    model((rows[:, 4:8], YES), training=False)
    np.testing.assert_array_equal(model.train_state, before)
    assert np.any(np.array(model.evaluation_state) != before)


def test_a_step_is_as_long_as_its_piece():
    # The same gradient, at lengths for which the rate is taken whole or half.
    rows = text_streams.batchify(text(), BATCH)
    piece = (rows[:, :4], rows[:, 1:5], YES)
    moves = []
    for length in (4, 8):
        model = stateful()
        model.sequence_length = length
        before = [np.array(v) for v in model.trainable_variables]
        model.train_step(piece)
        moves.append(
            [
                np.array(after) - old
                for after, old in zip(
                    model.trainable_variables, before, strict=True
                )
            ]
        )
    for whole, half in zip(*moves, strict=True):
        # float32 rounding of weights of size 1.
        np.testing.assert_allclose(half, whole / 2, atol=1e-7)
    assert np.any(moves[0][0])


def test_it_learns_by_heart_with_one_graph_for_all_lengths(monkeypatch):
    model = stateful()
    model.compile(
        darts_tf.optimizers.SGD(1.0, 0.0, 0.0, 0.25), jit_compile=False
    )
    traced = []
    hidden = model.network.hidden
    monkeypatch.setattr(
        model.network,
        "hidden",
        lambda tokens, *rest: traced.append(tokens) or hidden(tokens, *rest),
    )
    pieces = text_streams.sequences(np.arange(200) % WORDS, BATCH, 4)
    assert {piece[0].shape[1] for piece in pieces.take(25)} == {2, 4}
    history = model.fit(
        pieces, epochs=8, steps_per_epoch=25, shuffle=False, verbose=0
    )
    assert len(traced) == 1
    # Each word has one successor; chance is 7.
    assert history.history["perplexity"][-1] < 1.5
    assert float(model.optimizer.learning_rate) == 1.0


def test_the_figures_leave_the_slowness_out_and_the_step_does_not():
    rows = text_streams.batchify(text(), BATCH)
    piece = (rows[:, :4], rows[:, 1:5], YES)
    results, kernels = [], []
    for weight in (0.0, 1.0):
        model = stateful(slowness_weight=weight)
        results.append(float(model.train_step(piece)["loss"]))
        kernels.append(np.array(model.network.cell.initial_kernel))
    assert results[0] == results[1]
    assert np.any(kernels[0] != kernels[1])


def test_it_comes_back_from_its_config(model):
    again = darts_tf.StatefulLanguageModel.from_config(model.get_config())
    assert again.get_config() == model.get_config()


def test_a_batch_of_another_size_is_refused(model):
    pieces = text_streams.evaluation(text(), BATCH + 1, 4)
    with pytest.raises(ValueError, match="evaluation_batch_size=2"):
        model.evaluate(pieces, verbose=0)


@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 0},
        {"evaluation_batch_size": 0},
        {"sequence_length": 0},
        {"slowness_weight": -1.0},
    ],
)
def test_bad_options_are_refused(model, options):
    with pytest.raises(ValueError, match="Received"):
        darts_tf.StatefulLanguageModel(model.network, **options)


def test_a_single_step_has_no_loop_and_the_same_result(model):
    tokens = text_streams.batchify(text(), BATCH)[:, :3]
    expected = model.network(tokens)["logits"]
    state = None
    for time in range(3):
        results = model.network(tokens[:, time : time + 1], state)
        state = results["state"]
        # float32 rounding: products with another number of rows.
        np.testing.assert_allclose(
            results["logits"][:, 0], expected[:, time], atol=1e-5
        )
    assert keras.ops.shape(state) == (BATCH, UNITS)


def test_several_replicas_are_refused(monkeypatch):
    class Strategy:
        num_replicas_in_sync = 2

    monkeypatch.setattr(
        darts_tf.StatefulLanguageModel, "distribute_strategy", Strategy()
    )
    with pytest.raises(ValueError, match="2 replicas"):
        stateful()


def test_a_training_that_xla_cannot_compile_is_refused():
    model = stateful()
    model.compile(darts_tf.optimizers.SGD(0.5), jit_compile=True)
    pieces = text_streams.evaluation(text(), BATCH, 5)
    message = "leave `jit_compile` out.*Received: jit_compile=True"
    with pytest.raises(ValueError, match=message):
        model.fit(pieces, shuffle=False, verbose=0)
    tokens, targets, _ = next(iter(pieces))
    with pytest.raises(ValueError, match=message):
        model.train_on_batch(tokens, targets)
    model.compile(darts_tf.optimizers.SGD(0.5))
    assert model.jit_compile is False


@pytest.mark.slow
def test_an_id_that_is_no_word_makes_an_evaluation_nan_under_xla():
    model = stateful()
    model.compile(darts_tf.optimizers.SGD(0.5), jit_compile=True)
    tokens = text()
    tokens[20] = WORDS
    pieces = text_streams.evaluation(tokens, BATCH, 5)
    assert np.isnan(model.evaluate(pieces, verbose=0)[0])
