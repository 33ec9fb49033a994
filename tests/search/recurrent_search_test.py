"""The search of a recurrent cell: the same engine, on texts."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import darts_tf
from darts_tf.data import text_streams
from darts_tf.search import hypergradient
from darts_tf.spaces import paper
from tests.search import image_search
from tests.search import text_search

METHODS = hypergradient.METHODS
NO_DROPOUT = dict.fromkeys(paper.dropouts(paper.RecurrentSearch), 0.0)


@pytest.mark.parametrize("method", METHODS)
def test_fit_moves_everything_with_one_graph_for_both_lengths(
    method, monkeypatch
):
    model = text_search.model(method, graph=True)
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
    before = image_search.arrays(variables)
    steps = text_streams.steps_per_epoch(
        text_search.BATCH * 60, text_search.BATCH, 4
    )
    lengths = {
        inputs.shape[1]
        for (inputs, _, _), _ in text_streams.paired(
            text_search.text(),
            text_search.text(20, seed=1),
            text_search.BATCH,
            4,
        ).take(steps)
    }
    assert lengths == {2, 4}
    history = model.fit(
        text_search.text(),
        alpha_data=text_search.text(20, seed=1),
        batch_size=text_search.BATCH,
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
    model = text_search.model(method, compiled=False, dropouts=NO_DROPOUT)
    model.compile(
        darts_tf.optimizers.SGD(0.0),
        darts_tf.optimizers.Adam(0.0),
        run_eagerly=True,
    )
    text_search.spread(model)
    texts = text_search.text(17), text_search.text(13, seed=1)
    pairs = text_streams.paired(*texts, text_search.BATCH, 4, vary_length=False)
    model.fit(pairs, steps_per_epoch=num_pieces, verbose=0)
    # Nothing is learned at the learning rate 0, so each state is that of one
    # call on all the text since its start. The texts have 4 and 3 pieces; an
    # epoch is 4, with which both begin anew.
    seen = {3: {"weights": 3, "alphas": 3}, 5: {"weights": 1, "alphas": 1}}
    for text, stream in zip(texts, ("weights", "alphas"), strict=True):
        rows = text_streams.batchify(text, text_search.BATCH)
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
    model = text_search.model(compiled=False, dropouts=NO_DROPOUT, slowness=0.1)
    model.compile(
        darts_tf.optimizers.SGD(2.0, 0.0, 0.01, global_clipnorm=0.25),
        darts_tf.optimizers.Adam(0.0),
        run_eagerly=True,
    )
    text_search.spread(model)
    train, alpha = text_search.batches(length)
    before = image_search.arrays(model.network_weights)
    with tf.GradientTape() as tape:
        loss = _plain_loss(model, train, 0.1)
    gradients = tape.gradient(loss, [v.value for v in model.network_weights])
    norm = np.sqrt(sum(np.sum(np.square(g)) for g in gradients))
    assert norm > 0.25
    np.testing.assert_allclose(
        model.engine.xi(train), 2.0 * length / 4, rtol=1e-6
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


def test_graph_equals_eager():
    dataset = tf.data.Dataset.from_tensors(tuple(text_search.batches()))
    results = []
    for graph in (True, False):
        model = text_search.model("finite_difference", graph=graph)
        text_search.spread(model)
        model.fit(dataset, epochs=2, verbose=0)
        results.append(
            image_search.arrays(
                [*model.variables, *model.alpha_optimizer.variables]
            )
        )
    for a, b in zip(*results, strict=True):
        # float32 rounding, over the difference of two gradients in the alphas.
        np.testing.assert_allclose(a, b, atol=1e-4)


def test_fit_without_compile_uses_the_numbers_of_the_paper():
    model = text_search.model(compiled=False, units=2)
    history = model.fit(
        text_search.text(9),
        alpha_data=text_search.text(9, seed=1),
        batch_size=text_search.BATCH,
        validation_data=text_search.text(20, seed=2),
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
    model = text_search.model()
    text_search.spread(model)
    for columns, rows in ((8, 10), (10, 3)):
        text = text_search.text(columns * 10 // text_search.BATCH + 1)
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


def test_saved_search_continues_inside_an_epoch_bit_for_bit(
    tmp_path, determinism
):
    texts = text_search.text(), text_search.text(20, seed=1)
    model = text_search.model("finite_difference", graph=True)
    options = {"steps_per_epoch": 3, "verbose": 0}
    model.fit(text_streams.paired(*texts, text_search.BATCH, 4), **options)
    model.save(tmp_path / "search.keras")
    again = keras.saving.load_model(tmp_path / "search.keras")
    for continued in (model, again):
        stream = text_streams.paired(*texts, text_search.BATCH, 4, start_step=3)
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
    model = text_search.model(compiled=False)
    model.compile(darts_tf.optimizers.SGD(1e30, 0.0), run_eagerly=True)
    with pytest.raises(FloatingPointError, match=r"step 2 \(epoch 1\)"):
        model.fit(
            text_search.text(),
            alpha_data=text_search.text(seed=1),
            batch_size=text_search.BATCH,
            verbose=0,
        )
    assert np.isfinite(image_search.arrays(model.alphas)).all()


def test_the_log_and_the_cell_of_a_recurrent_search(tmp_path):
    model = text_search.model()
    model.fit(
        text_search.text(9),
        alpha_data=text_search.text(9, seed=1),
        batch_size=text_search.BATCH,
        callbacks=[darts_tf.SearchLog(tmp_path)],
        verbose=0,
    )
    genotype = darts_tf.Genotype.load(tmp_path / "genotype.json")
    assert genotype == model.genotype()
    assert genotype.kind == "recurrent"
    assert [len(edges) for edges in genotype.recurrent.nodes] == [1, 1]
    assert model.op_weights()["recurrent"].shape == (3, 3)
    assert "perplexity" in (tmp_path / "history.jsonl").read_text()
