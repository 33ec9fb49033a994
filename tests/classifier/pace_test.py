"""Trainings keep to their time, by a clock that is no clock."""

import types

import numpy as np
import pytest

from darts_tf.classifier import pace as pace_lib


class Clock:
    """Stands still but for the steps of a training."""

    def __init__(self):
        self.time = 0.0

    def __call__(self):
        return self.time


def train(seconds, epochs, seconds_of, steps=10, state=None, least=1):
    """Does what `fit` does with a callback; returns what became of it."""
    clock, lines, rates, step = Clock(), [], [], 0
    pace = pace_lib.Pace(
        seconds, epochs, 0.1, lines.append, "Training", least, clock
    )
    model = types.SimpleNamespace(
        optimizer=types.SimpleNamespace(learning_rate=None),
        stop_training=False,
    )
    pace.set_model(model)
    pace.on_train_begin()
    if state:
        pace.set_state(state)
    while not model.stop_training:
        pace.on_epoch_begin(len(rates))
        for batch in range(steps):
            clock.time += seconds_of(step)
            step += 1
            pace.on_train_batch_end(batch)
        rates.append(model.optimizer.learning_rate)
        pace.on_epoch_end(len(rates) - 1, {})
    return types.SimpleNamespace(
        pace=pace, clock=clock, lines=lines, rates=rates, epochs=len(rates)
    )


def test_as_planned_nothing_is_said():
    run = train(200, 20, lambda step: 1.0)
    assert (run.epochs, run.pace.epochs, run.clock.time) == (20, 20, 200)
    assert run.lines == []


@pytest.mark.parametrize(("step", "epochs"), [(2.0, 10), (0.5, 40)])
def test_slower_or_faster_steps_make_fewer_or_more_epochs(step, epochs):
    run = train(200, 20, lambda number: step)
    assert run.epochs == run.pace.epochs == pytest.approx(epochs, abs=1)
    assert run.clock.time == pytest.approx(200, rel=0.05)
    assert "instead of 20, to end within 3.3 min" in run.lines[0]


def test_a_machine_that_becomes_slow_is_noticed():
    run = train(200, 20, lambda n: 1.0 if n < 100 else 2.0)
    assert run.clock.time == pytest.approx(200, rel=0.1)
    assert run.lines


def test_the_graph_of_the_first_step_is_not_taken_for_an_epoch():
    run = train(200, 17, lambda step: 30.0 if step == 0 else 1.0)
    assert run.clock.time == pytest.approx(200, rel=0.05)
    assert run.epochs == pytest.approx(17, abs=1)


def test_a_little_late_is_not_worth_an_epoch():
    assert train(200, 20, lambda step: 1.03).epochs == 20


def test_the_learning_rate_falls_to_the_end_that_comes():
    run = train(200, 20, lambda step: 2.0)
    assert run.rates[0] == pytest.approx(0.1)
    assert run.rates == sorted(run.rates, reverse=True)
    # Half a cosine, at the last of its epochs.
    last = 0.05 * (1 + np.cos(np.pi * (1 - 1 / len(run.rates))))
    assert run.rates[-1] == pytest.approx(last, rel=1e-3)


def test_a_process_that_goes_on_has_the_time_that_is_left():
    run = train(200, 20, lambda step: 1.0, state={"epochs": 20, "spent": 150.0})
    assert run.clock.time == pytest.approx(50, abs=10)


def test_one_epoch_is_trained_even_without_time():
    assert train(1, 3, lambda step: 1.0).epochs == 1


def test_so_few_epochs_that_they_are_worth_nothing_are_not_left():
    run = train(20, 10, lambda step: 100.0, least=4)
    assert run.epochs == 4
    assert len(run.lines) == 1
