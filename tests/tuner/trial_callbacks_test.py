"""Each search has callbacks of its own."""

import pathlib
import threading

import keras
import pytest

from darts_tf.tuner import trial_callbacks
from tests.tuner import tiny

pytestmark = pytest.mark.usefixtures("no_collection_between_models")


class Locked(keras.callbacks.Callback):
    """Cannot be copied, and counts what it saw."""

    made = []

    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()
        self.epochs = 0
        Locked.made.append(self)

    def on_epoch_end(self, epoch, logs=None):
        self.epochs += 1


def _search(tuner, **kwargs):
    tuner.search(**tiny.DATA, epochs=2, verbose=0, **kwargs)


def test_a_callback_that_cannot_be_copied_is_refused_before_the_search(
    tmp_path,
):
    tuner = tiny.tuner(tmp_path)
    message = r"lambda: \[Locked\(\)\]`. Received: .*Locked.*lock"
    with pytest.raises(ValueError, match=message):
        _search(tuner, callbacks=[Locked()])
    assert not tuner.oracle.trials


def test_a_function_makes_the_callbacks_of_each_search(tmp_path):
    Locked.made.clear()
    tuner = tiny.tuner(tmp_path, max_trials=2)
    _search(tuner, callbacks=lambda: [Locked()])
    assert [callback.epochs for callback in Locked.made] == [2, 2]


@pytest.mark.parametrize(
    "callbacks",
    [
        [keras.callbacks.EarlyStopping],
        keras.callbacks.EarlyStopping,
        ["EarlyStopping"],
        [lambda: None],
    ],
    ids=["class in list", "class", "name", "function in list"],
)
def test_what_is_no_callback_is_refused(callbacks):
    with pytest.raises(TypeError, match="instances of"):
        trial_callbacks.check(callbacks)


def test_a_single_callback_is_a_list():
    callback = keras.callbacks.EarlyStopping("loss")
    assert trial_callbacks.check(callback) == [callback]
    assert trial_callbacks.check(None) == []
    (copied,) = trial_callbacks.make([callback])
    assert copied is not callback


class Logs(keras.callbacks.TensorBoard):
    """A user's own."""


def test_tensorboard_has_a_folder_for_each_execution(tmp_path):
    tuner = tiny.tuner(tmp_path, max_trials=2, executions_per_trial=2)
    folders = [str(tmp_path / name) for name in ("logs", "own")]
    _search(
        tuner,
        callbacks=[
            keras.callbacks.TensorBoard(folders[0]),
            Logs(folders[1]),
        ],
    )
    for folder in map(pathlib.Path, folders):
        written = {
            path.parent.relative_to(folder).as_posix()
            for path in folder.rglob("events*")
            if path.parent.name == "train"
        }
        assert written == {
            f"{trial}/execution{number}/train"
            for trial in range(2)
            for number in range(2)
        }
    # The hyperparameters of each trial, as Keras Tuner writes them.
    assert list(pathlib.Path(folders[0]).glob("0/execution1/events*"))
