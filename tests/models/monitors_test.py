import keras
import numpy as np
import pytest

import darts_tf
from darts_tf.data import text_streams
from darts_tf.models import monitors
from tests.search import image_search
from tests.search import text_search


def test_any_form_of_callbacks_becomes_a_list():
    callback = keras.callbacks.TerminateOnNaN()
    assert monitors.callback_list(None) == []
    for given in (callback, [callback], (callback,)):
        assert monitors.callback_list(given) == [callback]
    given = keras.callbacks.CallbackList([callback])
    assert callback in monitors.callback_list(given)


def test_what_is_no_callback_is_refused():
    with pytest.raises(ValueError, match="'sgd'"):
        monitors.callback_list(["sgd"])


@pytest.mark.parametrize(
    "monitor",
    [
        "alpha_loss",
        "perplexity",
        "val_perplexity",
        "entropy_normal",
        "skips_reduction",
        "alpha_eigenvalue",
    ],
)
def test_figures_of_the_library_have_a_direction(monitor, tmp_path):
    for callback in (
        keras.callbacks.EarlyStopping(monitor),
        keras.callbacks.ReduceLROnPlateau(monitor),
        keras.callbacks.ModelCheckpoint(
            str(tmp_path / "best.keras"), monitor, save_best_only=True
        ),
    ):
        monitors.callback_list(callback)
        assert callback.mode == "min"


def test_a_direction_that_was_given_and_figures_of_others_are_left():
    for callback, mode in (
        (keras.callbacks.EarlyStopping("alpha_loss", mode="max"), "max"),
        (keras.callbacks.EarlyStopping("val_loss"), "auto"),
        (keras.callbacks.EarlyStopping("accuracy"), "auto"),
    ):
        monitors.callback_list(callback)
        assert callback.mode == mode


def test_a_search_on_images_stops_early_by_its_own_figures(tmp_path):
    model = image_search.model("first_order")
    model.alpha_optimizer.learning_rate = 0.0
    stop = keras.callbacks.EarlyStopping("entropy_normal", patience=1)
    loss = keras.callbacks.EarlyStopping("alpha_loss", patience=9)
    history = model.fit(
        *image_search.data(),
        batch_size=4,
        epochs=4,
        steps_per_epoch=1,
        verbose=0,
        callbacks=[darts_tf.SearchLog(tmp_path), stop, loss],
    )
    assert len(history.history["loss"]) == 2  # the entropy does not move
    assert loss.best is not None


def test_a_search_on_texts_stops_early_by_the_perplexity():
    model = text_search.model()
    stop = keras.callbacks.EarlyStopping("perplexity", baseline=0.0, patience=1)
    model.fit(
        text_search.text(9),
        alpha_data=text_search.text(9),
        batch_size=text_search.BATCH,
        epochs=3,
        verbose=0,
        callbacks=stop,
    )
    assert stop.stopped_epoch > 0


def test_a_language_model_keeps_its_best_by_the_perplexity(tmp_path):
    network = darts_tf.RecurrentNetwork(
        darts_tf.zoo.RECURRENT_DARTS_V2, vocabulary_size=9, units=2
    )
    model = darts_tf.StatefulLanguageModel(network, batch_size=2)
    model.compile("sgd", run_eagerly=True)
    path = tmp_path / "best.weights.h5"
    model.fit(
        text_streams.sequences(np.arange(40) % 9, 2, 4),
        steps_per_epoch=1,
        verbose=0,
        shuffle=False,
        callbacks=keras.callbacks.ModelCheckpoint(
            str(path), "perplexity", save_best_only=True, save_weights_only=True
        ),
    )
    assert path.exists()
