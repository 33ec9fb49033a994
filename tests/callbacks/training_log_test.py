"""TensorBoard has each epoch of a training once, however often it stopped."""

import doctest

import keras
import numpy as np
import pytest
import tensorflow as tf

import darts_tf
from darts_tf.callbacks import training_log

X, Y = np.zeros((8, 2), "float32"), np.ones((8, 1), "float32")


def train(folder, first, last, **kwargs):
    """Trains from one epoch to another, and writes what there is to write."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    log = darts_tf.callbacks.TrainingLog(folder, **kwargs)
    model.fit(
        X,
        Y,
        epochs=last,
        initial_epoch=first,
        validation_data=(X, Y),
        callbacks=[log],
        verbose=0,
    )


def events(folder):
    found = {}
    for file in (folder / "tensorboard").glob("*tfevents*"):
        for record in tf.data.TFRecordDataset([str(file)]):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                found.setdefault(value.tag, []).append(event.step)
    return {tag: sorted(steps) for tag, steps in found.items()}


def test_figures_of_training_and_validation_are_written(tmp_path):
    train(tmp_path, 0, 2, hyperparameters={"filters": 36, "search": None})
    found = events(tmp_path)
    assert found["loss"] == found["val_loss"] == [1, 2]
    assert any("hparams" in tag for tag in found)
    lines = (tmp_path / "history.jsonl").read_text().splitlines()
    assert len(lines) == 2


def test_epochs_that_are_repeated_are_there_once(tmp_path):
    train(tmp_path, 0, 3)
    train(tmp_path, 1, 4)
    assert events(tmp_path)["loss"] == [1, 2, 3, 4]
    train(tmp_path, 0, 1)
    assert events(tmp_path)["loss"] == [1]


def test_without_hyperparameters_none_are_written(tmp_path):
    train(tmp_path, 0, 1)
    assert not any("hparams" in tag for tag in events(tmp_path))


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(NotADirectoryError, match="directory='.*missing'"):
        darts_tf.callbacks.TrainingLog(tmp_path / "missing")


def test_the_examples_run():
    scope = {"darts_tf": darts_tf}
    assert not doctest.testmod(training_log, extraglobs=scope).failed
