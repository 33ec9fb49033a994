"""How long a command takes that consists of several trainings."""

import doctest
import types

from trainers import progress
from trainers import whole_run


def test_several_runs_say_what_is_left_after_each(capsys):
    clock = iter([0, 50, 100, 170]).__next__  # two runs
    runs = whole_run.Repetitions(4, clock)
    with runs.run(is_finished=True):
        pass
    assert not capsys.readouterr().out
    described = []
    for _ in range(2):
        with runs.run():
            # What a training in it says once it knows its steps.
            (describe,) = progress._WHOLES
            described.append(describe(60.0))
    lines = capsys.readouterr().out.splitlines()
    assert described == [
        "About 3 min for the runs 2 to 4.",
        "About 2 min for the runs 3 to 4.",
    ]
    assert lines[0].startswith("Run 2 of 4 took 50 s: about 2 min left, until ")
    assert lines[1].startswith("Run 3 of 4 took 70 s: about 60 s left, until ")
    clock = iter([0, 10]).__next__
    runs = whole_run.Repetitions(1, clock)
    with runs.run():
        assert progress._WHOLES[-1](60.0) is None
    assert not capsys.readouterr().out
    assert not progress._WHOLES


def _protocol(**values):
    config = {
        "searches": 3,
        "random_cells": None,
        "retrain_epochs": 5,
        "runs": 2,
        "epochs": 10,
    }
    return whole_run.Protocol(types.SimpleNamespace(**{**config, **values}))


def _cell(search, network):
    return {"search_seconds": float(search), "network_seconds": float(network)}


def test_the_protocol_is_estimated_from_its_first_cell_on():
    protocol = _protocol()
    assert protocol.seconds_left() is None
    protocol.cells["searched"].append(_cell(90, 10))
    # Two searches, random cells for the time of three, four full trainings.
    assert protocol.seconds_left() == 2 * 100 + 300 + 4 * 20
    protocol.cells["searched"] += [_cell(90, 10)] * 2
    protocol.cells["random"] += [_cell(0, 10)] * 20
    assert protocol.seconds_left() == 100 + 4 * 20


def test_a_full_training_is_measured_instead_of_guessed(monkeypatch, capsys):
    monkeypatch.setattr(
        whole_run.time, "monotonic", iter([0.0, 1.0, 31.0]).__next__
    )
    protocol = _protocol(searches=1, random_cells=1)
    protocol.cells["searched"].append(_cell(90, 10))
    protocol.cells["random"].append(_cell(0, 10))
    with protocol.training(is_finished=True):
        pass
    assert protocol.seconds_left() == 3 * 20
    with protocol.training():
        pass
    assert protocol.seconds_left() == 2 * 30
    assert capsys.readouterr().out.startswith(
        "About 60 s left of the whole protocol, until "
    )


def test_the_first_search_of_a_protocol_says_how_long_all_take():
    protocol = _protocol()
    with protocol.searches():
        text = progress._WHOLES[-1](600.0)
        assert text.startswith("About 30 min for 3 searches; ")
        protocol.cells["searched"].append(_cell(90, 10))
        assert progress._WHOLES[-1](600.0) is None


def test_examples_run():
    results = doctest.testmod(whole_run, optionflags=doctest.ELLIPSIS)
    assert results.attempted
    assert not results.failed
