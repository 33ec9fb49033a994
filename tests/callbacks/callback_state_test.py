"""What a callback remembers outlives a kill, also in the epoch it acts in."""

import signal

import keras
import numpy as np
import pytest
import tensorflow as tf

import darts_tf
from darts_tf.callbacks import callback_state
from darts_tf.callbacks import checkpoint
from tests.tuner import tiny

STEPS, SKIP = 2, 1


class _Killed(BaseException):
    """Stands for `kill -9`: nothing in the library catches it."""


@pytest.fixture(autouse=True)
def signals_as_before():
    """Ends what a killed process takes with it: its handlers of signals."""
    handlers = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


class _Collapse(keras.callbacks.Callback):
    """Makes the search prefer skip connections in its second epoch."""

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 1:
            for alphas in self.model.alphas:
                logits = np.zeros(alphas.shape)
                logits[:, SKIP] = 1.0
                alphas.assign(logits)


def _search(folder, action, *callbacks):
    """Searches where the guard acts in the second of four epochs."""
    keras.utils.set_random_seed(0)
    model = tiny.TinySearchModel()
    model.compile(darts_tf.optimizers.Adam(0.1), "mse", run_eagerly=True)
    model(tiny.X)  # builds it
    for alphas in model.alphas:  # no skip connection at first
        alphas.assign(np.tile([0.0, 0.0, 1.0], (alphas.shape[0], 1)))
    guard = darts_tf.CollapseGuard(action, max_skips=1, min_entropy=0.0)
    callbacks = [
        _Collapse(),
        guard,
        darts_tf.SearchLog(folder),
        *callbacks,
        darts_tf.ExactResume(folder),
    ]
    start = callbacks[-1].restore(model, STEPS, callbacks[:-1])
    data = tf.data.Dataset.from_tensor_slices((tiny.X, tiny.Y)).batch(4)
    history = model.fit(
        data.repeat().skip(start),
        epochs=4,
        steps_per_epoch=STEPS,
        shuffle=False,
        verbose=0,
        callbacks=callbacks,
    )
    return {
        "epochs": history.epoch,
        "history": history.history,
        "collapsed": guard.collapsed,
        "alphas": [np.array(alphas).tolist() for alphas in model.alphas],
        "weights": [np.array(v).tolist() for v in model.variables],
        "log": (folder / "history.jsonl").read_text(),
        "op weights": (folder / "alphas.jsonl").read_text(),
    }


def _signal_in(epoch):
    def on_epoch_end(index, logs):
        if index == epoch:
            signal.raise_signal(signal.SIGTERM)

    return keras.callbacks.LambdaCallback(on_epoch_end=on_epoch_end)


def _kill_in(monkeypatch, epoch, saved):
    """Kills at the end of an epoch, after its save or before it."""
    save = checkpoint.save

    def killed(path, groups, info, configuration=None):
        if info["epoch"] <= epoch or saved:
            save(path, groups, info, configuration)
        if info["epoch"] > epoch:
            raise _Killed

    monkeypatch.setattr(checkpoint, "save", killed)


@pytest.mark.filterwarnings("ignore:The search shows signs of collapse")
@pytest.mark.parametrize("action", ["warn", "stop", "return"])
def test_a_guard_acts_once_and_to_the_end_wherever_it_is_killed(
    tmp_path, monkeypatch, action
):
    folders = [tmp_path / name for name in ("whole", "stopped", "saved", "not")]
    for folder in folders:
        folder.mkdir()
    whole, *broken = folders
    expected = _search(whole, action)
    assert expected["epochs"] == ([0, 1, 2, 3] if action == "warn" else [0, 1])
    with pytest.raises(darts_tf.callbacks.Stopped):
        _search(broken[0], action, _signal_in(1))
    for folder, saved in zip(broken[1:], (True, False), strict=True):
        with monkeypatch.context() as patch:
            _kill_in(patch, 1, saved)
            with pytest.raises(_Killed):
                _search(folder, action)
    for folder in broken:
        assert _search(folder, action) == expected
        assert _search(folder, action) == expected  # and stays there


def test_the_guard_does_not_warn_again_after_a_kill(tmp_path):
    with (
        pytest.raises(darts_tf.callbacks.Stopped),
        pytest.warns(UserWarning, match="collapse in epoch 2"),
    ):
        _search(tmp_path, "warn", _signal_in(1))
    _search(tmp_path, "warn")  # a warning would be an error


class _Paths(keras.layers.Layer):
    """Stands for path dropout: what it lets through depends on the rate."""

    def build(self, input_shape):
        self.rate = self.add_weight(
            shape=(), initializer="zeros", trainable=False, name="rate"
        )

    def call(self, inputs, training=False):
        return inputs * (1.0 - self.rate) if training else inputs


class _KillIn(keras.callbacks.Callback):
    """Kills after the last step of an epoch, of which the first is saved."""

    def __init__(self, epoch):
        super().__init__()
        self.steps = STEPS * (epoch + 1)

    def on_train_batch_end(self, batch, logs=None):
        self.steps -= 1
        if not self.steps:
            raise _Killed


def _network():
    keras.utils.set_random_seed(0)
    paths = _Paths()
    network = keras.Sequential(
        [keras.Input((3,)), paths, keras.layers.Dense(2)]
    )
    network.drop_path_rate = paths.rate
    network.compile(
        darts_tf.optimizers.SGD(0.5),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        run_eagerly=True,
    )
    return network


def _fit(folder, make, *others, epochs=6, every=None):
    """Trains where the folder is; returns the callback and all that is left."""
    network = _network()
    callback = make(network)
    callbacks = [callback, *others, darts_tf.ExactResume(folder, every)]
    x = np.random.default_rng(0).normal(size=(4 * STEPS, 3)).astype("float32")
    y = np.arange(4 * STEPS) % 2
    start = callbacks[-1].restore(network, STEPS, callbacks[:-1])
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(4).repeat()
    history = network.fit(
        data.skip(start),
        epochs=epochs,
        steps_per_epoch=STEPS,
        validation_data=(x, 1 - y),  # whose loss only rises
        shuffle=False,
        verbose=0,
        callbacks=callbacks,
    )
    weights = [np.array(v).tolist() for v in network.variables]
    rate = float(network.optimizer.learning_rate)
    state = [np.array(v).tolist() for v in getattr(callback, "variables", ())]
    return callback, (history.epoch, history.history, weights, rate, state)


CALLBACKS = {
    "early stopping": lambda network: keras.callbacks.EarlyStopping(
        "val_loss", patience=2, restore_best_weights=True
    ),
    "plateau": lambda network: keras.callbacks.ReduceLROnPlateau(
        "val_loss", factor=0.5, patience=2, cooldown=1
    ),
    "averaging": lambda network: darts_tf.callbacks.SwitchToAveragedSGD(
        network.trainable_variables, patience=1
    ),
}
SCHEDULES = {
    "path dropout": lambda network: darts_tf.LinearDropPath(0.5, epochs=6),
    "cosine": lambda network: darts_tf.callbacks.CosineDecay(0.5, 0.1, 6),
    "factor": lambda network: darts_tf.callbacks.ExponentialDecay(0.5, 0.7),
}


@pytest.mark.parametrize("epoch", [1, 2, 3])
@pytest.mark.parametrize("name", CALLBACKS)
def test_other_callbacks_go_on_from_any_epoch(tmp_path, name, epoch):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir()
    broken.mkdir()
    _, expected = _fit(whole, CALLBACKS[name])
    if epoch < len(expected[0]):
        with pytest.raises(darts_tf.callbacks.Stopped):
            _fit(broken, CALLBACKS[name], _signal_in(epoch))
    assert _fit(broken, CALLBACKS[name])[1] == expected


@pytest.mark.parametrize("place", ["in the middle", "saved", "not saved"])
@pytest.mark.parametrize("name", [*CALLBACKS, *SCHEDULES])
def test_other_callbacks_go_on_wherever_they_are_killed(
    tmp_path, monkeypatch, name, place
):
    make = {**CALLBACKS, **SCHEDULES}[name]
    every = 1 if place == "in the middle" else None
    (tmp_path / "whole").mkdir()
    _, expected = _fit(tmp_path / "whole", make)
    # Schedules act in each epoch, the others in the second or the third.
    for epoch in (1, 2):
        folder = tmp_path / f"{epoch}"
        folder.mkdir()
        others = []
        with monkeypatch.context() as patch:
            if every:
                others.append(_KillIn(epoch))
            else:
                _kill_in(patch, epoch, place == "saved")
            with pytest.raises(_Killed):
                _fit(folder, make, *others, every=every)
        assert _fit(folder, make, every=every)[1] == expected


class _Own(keras.callbacks.Callback):
    """Counts and sums batches; ends the training in its third epoch."""

    def __init__(self):
        super().__init__()
        self.state = {"count": 0, "sum": np.zeros(2, "float32"), "best": None}

    def get_state(self):
        return self.state

    def set_state(self, state):
        self.state = state

    def on_train_batch_end(self, batch, logs=None):
        self.state["count"] += 1
        self.state["sum"] = self.state["sum"] + np.float32(logs["loss"])
        if self.state["count"] == 5:
            self.model.stop_training = True


@pytest.mark.parametrize("step", [1, 4, 5])
def test_a_callback_of_a_user_with_two_methods_goes_on_within_an_epoch(
    tmp_path, step
):
    def raise_after(batch, logs):
        nonlocal taken
        taken += 1
        if taken == step:
            signal.raise_signal(signal.SIGTERM)

    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir()
    broken.mkdir()
    own, expected = _fit(whole, lambda network: _Own())
    assert expected[0] == [0, 1, 2]
    taken = 0
    stop = keras.callbacks.LambdaCallback(on_train_batch_end=raise_after)
    with pytest.raises(darts_tf.callbacks.Stopped):
        _fit(broken, lambda network: _Own(), stop, every=1)
    resumed, found = _fit(broken, lambda network: _Own(), every=1)
    assert found == expected
    assert resumed.state["count"] == own.state["count"] == 5
    np.testing.assert_array_equal(resumed.state["sum"], own.state["sum"])


def test_a_training_that_a_callback_ended_stays_ended(tmp_path):
    _, first = _fit(tmp_path, CALLBACKS["early stopping"])
    _, again = _fit(tmp_path, CALLBACKS["early stopping"], epochs=20)
    assert again == first


def test_a_state_that_cannot_be_saved_is_refused(tmp_path):
    class Own(_Own):
        def get_state(self):
            return {"file": object()}

    with pytest.raises(ValueError, match="numbers, strings.*object from Own"):
        _fit(tmp_path, lambda network: Own())


def test_an_attribute_of_another_kind_is_no_state():
    callback = keras.callbacks.Callback()
    callback.variables = {"a": 1}
    state = callback_state.CallbackState([callback], _network())
    assert state.variables == []
    assert state.get() == {}
