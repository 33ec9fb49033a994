import logging

import keras
import numpy as np
import pytest
import tensorflow as tf

import darts_tf
from darts_tf.data import text_streams
from darts_tf.search import fit_checks
from tests.search import image_search
from tests.search import text_search

X, Y = image_search.data(16)
SLICES = tf.data.Dataset.from_tensor_slices((X, Y))
TOO_SHORT = SLICES.take(3).batch(4, drop_remainder=True)


def _unknown_length(dataset):
    return dataset.filter(lambda *batch: tf.constant(True))


@pytest.mark.parametrize(
    ("x", "alpha_data", "message"),
    [
        (SLICES.batch(4), TOO_SHORT, "alpha_data of cardinality 0"),
        (TOO_SHORT, SLICES.batch(4), "x of cardinality 0"),
        (tf.data.Dataset.zip(TOO_SHORT, TOO_SHORT), None, "x of cardinality 0"),
    ],
    ids=["alphas", "weights", "pairs"],
)
def test_an_empty_data_set_is_refused_at_once(x, alpha_data, message):
    with pytest.raises(ValueError, match=message):
        image_search.model().fit(
            x, alpha_data=alpha_data, steps_per_epoch=1, verbose=0
        )


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@pytest.mark.parametrize("which", ["alphas", "weights", "callable"])
def test_an_epoch_without_a_step_is_an_error(which):
    full, empty = SLICES.batch(4), _unknown_length(TOO_SHORT)
    x, alpha_data = {
        "alphas": (full, empty),
        "weights": (empty, full),
        "callable": (lambda step: tf.data.Dataset.zip(full, empty), None),
    }[which]
    with pytest.raises(ValueError, match="no batch in epoch 1"):
        image_search.model("first_order", space=image_search.SMALL).fit(
            x, alpha_data=alpha_data, steps_per_epoch=1, epochs=3, verbose=0
        )


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_data_that_ends_after_an_epoch_is_an_error_in_the_next():
    pairs = _unknown_length(
        tf.data.Dataset.zip(SLICES.batch(8), SLICES.batch(8))
    )
    with pytest.raises(ValueError, match="no batch in epoch 2"):
        image_search.model("first_order", space=image_search.SMALL).fit(
            lambda step: pairs, steps_per_epoch=2, epochs=2, verbose=0
        )


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_a_search_on_texts_without_a_step_is_an_error():
    pieces = text_streams.sequences(text_search.text(9), text_search.BATCH, 4)
    pairs = tf.data.Dataset.zip(pieces, _unknown_length(pieces.take(0)))
    with pytest.raises(ValueError, match="no batch in epoch 1"):
        text_search.model().fit(pairs, steps_per_epoch=1, verbose=0)


@pytest.mark.parametrize("steps", [0, -1, 1.5, True])
def test_a_number_of_steps_that_is_none_is_refused(steps):
    with pytest.raises(ValueError, match="steps_per_epoch"):
        image_search.model().fit(
            X, Y, batch_size=4, steps_per_epoch=steps, verbose=0
        )


def test_a_label_of_a_data_set_that_is_no_class_is_named():
    model = image_search.model("first_order", space=image_search.SMALL)
    wrong = tf.data.Dataset.from_tensor_slices((X, Y + 5)).batch(4)
    with pytest.raises(ValueError, match=r"0 to 2\. Received: \d, num_classes"):
        model.fit(wrong, alpha_data=wrong, verbose=0)
    with pytest.raises(ValueError, match=r"0 to 2\. Received: \d, num_classes"):
        model.evaluate(wrong, verbose=0)


def test_an_id_of_a_data_set_that_is_no_word_is_named():
    model = text_search.model()
    tokens = np.full(9 * text_search.BATCH, text_search.WORDS + 4)
    pieces = text_streams.sequences(tokens, text_search.BATCH, 4)
    with pytest.raises(ValueError, match="15, vocabulary_size=11"):
        model.fit(
            tf.data.Dataset.zip(pieces, pieces), steps_per_epoch=1, verbose=0
        )


def test_another_error_is_left_as_it_is():
    with pytest.raises(tf.errors.InvalidArgumentError, match="other"):
        with fit_checks.running(None):
            raise tf.errors.InvalidArgumentError(None, None, "other")


@pytest.mark.parametrize("batch", [None, X, (X, Y, Y), ((X, Y), X)])
def test_what_is_no_pair_of_batches_is_refused(batch):
    with pytest.raises(ValueError, match="a pair of batches"):
        darts_tf.check_hypergradient(image_search.model(), batch)


def test_many_searches_that_predict_bring_no_warning_of_retracing(caplog):
    logging.getLogger("tensorflow").propagate = True
    for _ in range(6):
        model = image_search.model(graph=True, space=image_search.SMALL)
        model.predict(X[:4], verbose=0)
    assert "retracing" not in caplog.text


@pytest.mark.slow
def test_many_searches_bring_no_warning_of_retracing(caplog):
    logging.getLogger("tensorflow").propagate = True
    tokens = text_search.text(9)
    for _ in range(6):
        model = image_search.model(
            "first_order", graph=True, space=image_search.SMALL
        )
        model.fit(X, Y, batch_size=8, verbose=0)
        model.evaluate(X, Y, verbose=0)
        batch = X[:4], Y[:4]
        darts_tf.check_hypergradient(model, (batch, batch))
        model = text_search.model(graph=True)
        model.fit(
            tokens,
            alpha_data=tokens,
            batch_size=text_search.BATCH,
            validation_data=tokens,
            verbose=0,
        )
        keras.backend.clear_session()
    assert "retracing" not in caplog.text
