"""The figures of each epoch in a file, and how they are read."""

import doctest

import keras
import pytest

import darts_tf
from darts_tf.callbacks import history_log


def write(folder, *losses):
    log = darts_tf.callbacks.HistoryLog(folder)
    log.set_model(keras.Sequential())
    for epoch, loss in enumerate(losses):
        log.on_epoch_end(epoch, {"loss": loss})


def test_what_was_written_is_read_back(tmp_path):
    assert history_log.read_history(tmp_path) == []
    write(tmp_path, 1.0, 0.5)
    assert history_log.read_history(tmp_path) == [
        {"epoch": 1, "loss": 1.0},
        {"epoch": 2, "loss": 0.5},
    ]


def test_a_damaged_line_is_named(tmp_path):
    write(tmp_path, 1.0)
    with open(tmp_path / "history.jsonl", "a") as file:
        file.write("half a l\n")
    with pytest.raises(ValueError, match=r"history\.jsonl' must.*line 2"):
        history_log.read_history(tmp_path)


def test_the_examples_run():
    scope = {"darts_tf": darts_tf}
    assert not doctest.testmod(history_log, extraglobs=scope).failed
