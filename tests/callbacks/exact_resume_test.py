"""A training that was stopped inside an epoch is one that never was."""

import errno
import json
import pathlib
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import darts_tf
from darts_tf.search import hypergradient

STEPS = 3


class _Stop(keras.callbacks.Callback):
    """Sends a signal to this process after a number of steps."""

    def __init__(self, steps, number=signal.SIGTERM):
        super().__init__()
        self.steps = steps
        self.number = number

    def on_train_batch_end(self, batch, logs=None):
        self.steps -= 1
        if not self.steps:
            signal.raise_signal(self.number)


def _network(units=2, **options):
    """Makes a network with dropout, batch statistics and a lazy metric."""
    keras.utils.set_random_seed(0)
    network = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(4),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5, seed=1),
            keras.layers.Dense(units),
        ]
    )
    network.compile(
        keras.optimizers.Adam(0.1),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        **{"run_eagerly": True, **options},
    )
    return network


def _fit_network(folder, network=None, epochs=2, callbacks=(), **kwargs):
    network = network or _network()
    x = np.random.default_rng(0).normal(size=(12, 3)).astype("float32")
    resume = darts_tf.ExactResume(folder, every=2)
    start = resume.restore(network, STEPS)
    data = tf.data.Dataset.from_tensor_slices((x, np.arange(12) % 2))
    history = network.fit(
        data.batch(4).repeat().skip(start),
        epochs=epochs,
        steps_per_epoch=STEPS,
        shuffle=False,
        verbose=0,
        callbacks=[
            darts_tf.callbacks.ExponentialDecay(0.1, 0.5),
            darts_tf.callbacks.HistoryLog(folder),
            *callbacks,
            resume,
        ],
        **kwargs,
    )
    return network, history.history


def _fit_search(folder, callbacks=()):
    keras.utils.set_random_seed(0)
    model = darts_tf.DartsSearchModel(
        darts_tf.SearchSpace.recurrent(["none", "tanh"], num_nodes=2),
        "first_order",
        vocabulary_size=9,
        units=3,
        sequence_length=4,
    )
    model.compile(run_eagerly=True)
    text = np.random.default_rng(0).integers(9, size=2 * 13)
    history = model.fit(
        text,
        alpha_data=text[::-1],
        batch_size=2,
        epochs=2,
        verbose=0,
        callbacks=[
            darts_tf.SearchLog(folder),
            *callbacks,
            darts_tf.ExactResume(folder, every=1),
        ],
    )
    return model, history.history


def _state(folder):
    with np.load(folder / "checkpoint.npz") as file:
        arrays = {name: file[name].tobytes() for name in file.files}
    return {**arrays, "history": (folder / "history.jsonl").read_text()}


def _fit_graph(folder, callbacks=()):
    network = _network(run_eagerly=False, jit_compile=False)
    return _fit_network(folder, network, callbacks=callbacks)


@pytest.mark.parametrize(
    ("fit", "stop_after"),
    [
        (_fit_network, 1),
        (_fit_network, 3),  # after the last step of an epoch
        (_fit_network, 4),
        (_fit_graph, 5),
        (_fit_search, 5),
    ],
)
def test_a_stopped_training_goes_on_to_the_same_end(tmp_path, fit, stop_after):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir()
    broken.mkdir()
    _, expected = fit(whole)
    with pytest.raises(darts_tf.callbacks.Stopped) as stopped:
        fit(broken, callbacks=[_Stop(stop_after)])
    assert stopped.value.step == stop_after
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    model, history = fit(broken)
    assert history == expected
    assert _state(broken) == _state(whole)
    assert model._initial_epoch is None


def test_ctrl_c_is_a_keyboard_interrupt_with_the_state_saved(tmp_path):
    with pytest.raises(KeyboardInterrupt, match="after step 1"):
        _fit_network(tmp_path, callbacks=[_Stop(1, signal.SIGINT)])
    resume = darts_tf.ExactResume(tmp_path)
    assert resume.restore(_network(), STEPS) == 1


class _Fail(keras.callbacks.Callback):
    """Fails in a step, as a user's callback does."""

    def on_train_batch_end(self, batch, logs=None):
        raise RuntimeError("a mistake in a callback")


@pytest.mark.parametrize("handler", [signal.default_int_handler, None])
def test_ctrl_c_works_after_a_fit_that_another_callback_has_ended(
    tmp_path, handler
):
    heard = []
    before = signal.getsignal(signal.SIGINT)
    if handler is None:
        signal.signal(signal.SIGINT, lambda *arguments: heard.append(1))
    try:
        with pytest.raises(RuntimeError, match="a mistake"):
            _fit_network(tmp_path, callbacks=[_Fail()])
        if handler is None:
            signal.raise_signal(signal.SIGINT)
            assert heard == [1]
        else:
            with pytest.raises(KeyboardInterrupt) as error:
                signal.raise_signal(signal.SIGINT)
            assert error.type is KeyboardInterrupt
            assert signal.getsignal(signal.SIGINT) is handler
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    finally:
        signal.signal(signal.SIGINT, before)


def test_the_next_fit_takes_away_what_a_failed_one_has_left(tmp_path):
    network = _network()
    network.make_train_function()
    function = network.train_function
    with pytest.raises(RuntimeError, match="a mistake"):
        _fit_network(tmp_path, network, callbacks=[_Fail()])
    _fit_network(tmp_path, network)  # with another ExactResume
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    assert network.train_function is function


def test_the_same_callback_after_a_failed_fit_asks_for_restore(tmp_path):
    network = _network()
    resume = darts_tf.ExactResume(tmp_path, every=1)
    data = tf.data.Dataset.from_tensors((np.zeros((4, 3)), np.zeros(4)))
    arguments = {"steps_per_epoch": STEPS, "shuffle": False, "verbose": 0}
    fail = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: 1 // (2 - batch)
    )
    with pytest.raises(ZeroDivisionError):
        network.fit(data.repeat(), callbacks=[fail, resume], **arguments)
    with pytest.raises(ValueError, match="call `restore` before"):
        network.fit(data.repeat(), callbacks=[resume], **arguments)
    assert resume.restore(network, STEPS) == 2
    network.fit(data.repeat(), callbacks=[resume], **arguments)
    assert resume.step == STEPS
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_a_search_that_a_callback_has_ended_leaves_no_handlers(tmp_path):
    with pytest.raises(RuntimeError, match="a mistake"):
        _fit_search(tmp_path, callbacks=[_Fail()])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_the_end_of_an_epoch_comes_once(tmp_path):
    ends = []
    count = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: ends.append(epoch)
    )
    with pytest.raises(darts_tf.callbacks.Stopped):
        _fit_network(tmp_path, callbacks=[count, _Stop(5)])
    _fit_network(tmp_path, callbacks=[count])
    assert ends == [0, 1]


def test_a_finished_training_is_not_repeated_and_can_be_prolonged(tmp_path):
    _fit_network(tmp_path)
    before = _state(tmp_path)
    _, history = _fit_network(tmp_path)
    assert _state(tmp_path) == before
    assert len(history["loss"]) == 2
    assert len(_fit_network(tmp_path, epochs=3)[1]["loss"]) == 3


def test_a_later_fit_is_an_ordinary_one(tmp_path):
    network, _ = _fit_network(tmp_path)
    history = network.fit(np.zeros((4, 3)), np.zeros(4), verbose=0)
    assert history.epoch == [0]


def test_state_of_other_callbacks_is_that_of_the_checkpoint(tmp_path):
    class Count(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.count = keras.Variable(0)
            self.variables = [self.count]

        def on_train_batch_end(self, batch, logs=None):
            self.count.assign_add(1)

    counts = []
    for stop in ([_Stop(2)], []):
        count = Count()
        resume = darts_tf.ExactResume(tmp_path, None, [count])
        network = _network()
        start = resume.restore(network, STEPS)
        counts.append((start, int(count.count)))
        data = tf.data.Dataset.from_tensors((np.zeros((4, 3)), np.zeros(4)))
        arguments = {"steps_per_epoch": STEPS, "shuffle": False, "verbose": 0}
        callbacks = [count, *stop, resume]
        if stop:
            with pytest.raises(darts_tf.callbacks.Stopped):
                network.fit(data.repeat(), callbacks=callbacks, **arguments)
        else:
            network.fit(data.repeat(), callbacks=callbacks, **arguments)
    assert counts == [(0, 0), (2, 2)]
    assert int(count.count) == STEPS


def test_another_network_is_refused_and_what_differs_is_listed(tmp_path):
    _fit_network(tmp_path)
    network = _network(units=3)
    with pytest.raises(
        ValueError, match=r"units: 2 instead of 3, model/7: \(4, 2\) instead"
    ):
        darts_tf.ExactResume(tmp_path).restore(network, STEPS)
    with pytest.raises(ValueError, match="steps_per_epoch: 3 instead of 4"):
        darts_tf.ExactResume(tmp_path).restore(_network(), 4)


def test_a_search_finds_the_state_of_its_callbacks_by_itself(tmp_path):
    # Equal op weights have an entropy of 1, so that the guard acts at once.
    class _Term(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            signal.raise_signal(signal.SIGTERM)

    def guard():
        return darts_tf.CollapseGuard("stop", min_entropy=1.0)

    with (
        pytest.warns(UserWarning, match="signs of collapse in epoch 1"),
        pytest.raises(darts_tf.callbacks.Stopped),
    ):
        _fit_search(tmp_path, [guard(), _Term()])
    resumed = guard()
    _, history = _fit_search(tmp_path, [resumed])
    assert len(history["loss"]) == 1
    assert resumed.collapsed


def test_a_torn_checkpoint_costs_only_the_steps_since_the_last(tmp_path):
    _fit_network(tmp_path)
    expected = _state(tmp_path)
    path = tmp_path / "checkpoint.npz"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.warns(UserWarning, match=r"checkpoint\.npz': the file is torn"):
        _fit_network(tmp_path)
    assert _state(tmp_path) == expected


def test_a_full_disk_stops_and_leaves_the_last_checkpoint(
    tmp_path, monkeypatch
):
    with pytest.raises(darts_tf.callbacks.Stopped):
        _fit_network(tmp_path, callbacks=[_Stop(1)])
    before = (tmp_path / "checkpoint.npz").read_bytes()

    def full(*arguments, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", full)
        with pytest.raises(OSError, match=r"No space left.*is whole") as error:
            _fit_network(tmp_path)
    assert error.value.errno == errno.ENOSPC
    assert (tmp_path / "checkpoint.npz").read_bytes() == before
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    _fit_network(tmp_path)


def test_what_cannot_be_resumed_is_refused(tmp_path):
    with pytest.raises(NotADirectoryError, match="existing folder"):
        darts_tf.ExactResume(tmp_path / "missing")
    with pytest.raises(ValueError, match="every=0"):
        darts_tf.ExactResume(tmp_path, every=0)
    resume = darts_tf.ExactResume(tmp_path)
    with pytest.raises(ValueError, match="compiled=False"):
        resume.restore(keras.Sequential([keras.Input((2,))]), 1)
    data = tf.data.Dataset.from_tensors((np.zeros((4, 3)), np.zeros(4)))
    network = _network(run_eagerly=False, steps_per_execution=2)
    with pytest.raises(ValueError, match="steps_per_execution"):
        network.fit(data, shuffle=False, callbacks=[resume], verbose=0)
    _fit_network(tmp_path)
    with pytest.raises(ValueError, match="call `restore` before"):
        _network().fit(
            data.repeat(),
            steps_per_epoch=STEPS,
            shuffle=False,
            callbacks=[resume],
            verbose=0,
        )
    model = darts_tf.DartsSearchModel(
        darts_tf.SearchSpace.conv(["none", "skip_connect"], num_nodes=1),
        num_classes=2,
        filters=2,
        num_cells=3,
    )
    with pytest.raises(ValueError, match="last callback"):
        model.fit(
            np.zeros((8, 8, 8, 1)),
            np.arange(8) % 2,
            batch_size=2,
            callbacks=[resume, keras.callbacks.Callback()],
        )


@pytest.mark.slow
def test_runs_killed_at_random_end_bit_for_bit_like_unbroken_ones(tmp_path):
    cases = [
        f"{space}-{method}"
        for space in ("conv", "recurrent")
        for method in hypergradient.METHODS
    ]
    cases += ["network", "language_model"]
    script = pathlib.Path(__file__).with_name("killed_runs.py")
    process = subprocess.run(
        [sys.executable, script, tmp_path, "3", "0", *cases],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    results = [json.loads(line) for line in process.stdout.splitlines()]
    assert [result["case"] for result in results] == cases
    assert not any(result["differs"] for result in results), results
    assert sum(result["kills"] for result in results) == 24
