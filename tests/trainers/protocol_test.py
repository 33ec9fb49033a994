"""The protocol: on a task that takes no time, and small on both spaces."""

import json
import types

import keras_tuner
import pytest

from darts_tf.files import json_file
from tests.trainers import kills
from tests.tuner import tiny
from trainers import options
from trainers import protocol
from trainers import workdir


class _Task:
    """The tiny search of the tuner's tests, and a full training by seed."""

    trained = []

    def __init__(self, config):
        self.config = config

    def describe(self):
        return "tiny data"

    def hypermodel(self, space):
        return tiny.TinyHyperModel(batch_size=8, retrain_batch_size=8)

    def hyperparameters(self):
        return {"learning_rate": 0.2}

    def data(self):
        return tiny.DATA

    def train(self, folder, genotype_path, seed):
        self.trained.append((folder.parent.name, seed))
        workdir.create_or_resume(folder, {"seed": seed})
        metrics = {"test_accuracy": seed / 10, "parameters": 1234}
        json_file.write(folder / "metrics.json", metrics)


@pytest.fixture
def tiny_task(monkeypatch):
    module = types.SimpleNamespace(
        Task=_Task,
        SPACE=tiny.SPACE,
        OBJECTIVE=keras_tuner.Objective("val_accuracy", "max"),
        TEST_METRIC="test_accuracy",
    )
    monkeypatch.setitem(protocol._TASKS, "conv", module)
    monkeypatch.setattr(_Task, "trained", [])
    return _Task


def _run(folder, preset="quick", **overrides):
    values = {"workdir": str(folder), **overrides}
    return protocol.run(
        options.resolve(protocol.Config, protocol.PRESETS, preset, values)
    )


SMALL = {
    "searches": 2,
    "random_cells": 3,
    "search_epochs": 1,
    "retrain_epochs": 1,
    "runs": 2,
}


def test_searched_and_random_cells_are_treated_alike(
    tmp_path, tiny_task, capsys
):
    results = _run(tmp_path, **SMALL)
    assert json.loads((tmp_path / "results.json").read_text()) == results
    counts = {kind: len(results[kind]["trials"]) for kind in results}
    assert counts == {"searched": 2, "random": 3}
    # The score is the seed / 10,000, and the best seed is the last.
    assert results["random"]["genotype"] == json.loads(
        tiny.SPACE.random_genotype(2).to_json()
    )
    assert tiny_task.trained == [
        ("searched", 0),
        ("searched", 1),
        ("random", 0),
        ("random", 1),
    ]
    table = (tmp_path / "results.md").read_text()
    printed = capsys.readouterr().out
    assert table in printed
    # After each of the 5 cells, and of the 4 full trainings but the last.
    assert printed.count("left of the whole protocol, until ") == 8
    assert table.splitlines()[:4] == [
        "|  | searched | random |",
        "|---|---|---|",
        "| cells | 2 | 3 |",
        "| val accuracy, short training: mean ± deviation "
        "| 0.0001 ± 0.0001 | 0.0001 ± 0.0001 |",
    ]
    assert table.splitlines()[-1] == (
        "| test accuracy of the best cell: mean ± deviation "
        "| 0.0500 ± 0.0707 | 0.0500 ± 0.0707 |"
    )


def test_the_best_cell_within_the_budget_is_trained(
    tmp_path, tiny_task, capsys, monkeypatch
):
    best = tiny.SPACE.random_genotype(2)
    second = tiny.SPACE.random_genotype(1)
    asked = []
    monkeypatch.setattr(
        tiny_task,
        "over_budget",
        lambda task, genotype: "too large" if genotype == best else None,
        raising=False,
    )
    monkeypatch.setattr(
        tiny_task,
        "check_budget",
        lambda task, space: asked.append(space),
        raising=False,
    )
    results = _run(tmp_path, **SMALL, max_bytes=1000)
    assert [space.primitives for space in asked] == [tiny.SPACE.primitives]
    assert results["random"]["genotype"] == json.loads(second.to_json())
    trained = (tmp_path / "final" / "random" / "genotype.json").read_text()
    assert json.loads(trained) == json.loads(second.to_json())
    printed = capsys.readouterr().out
    assert "random: the cell of 2/0 is passed over" in printed
    assert "0.0002: too large." in printed


def test_a_budget_that_no_cell_keeps_ends_before_the_training(
    tmp_path, tiny_task, monkeypatch
):
    monkeypatch.setattr(
        tiny_task, "over_budget", lambda *args: "too large", raising=False
    )
    monkeypatch.setattr(
        tiny_task, "check_budget", lambda *args: None, raising=False
    )
    with pytest.raises(options.Outcome, match="None of the searched cells"):
        _run(tmp_path, **SMALL, max_bytes=1000)
    assert tiny_task.trained == []


@pytest.mark.parametrize(
    ("preset", "limits", "message"),
    [
        ("quick", {"max_parameters": 100}, "not even one of pools alone.*fits"),
        ("quick", {"max_multiply_adds": 100}, "multiply-adds, --max_multiply"),
        ("quick_text", {"max_parameters": 100}, "Take fewer --units"),
        ("quick_text", {"max_bytes": 100}, "networks of images only"),
        ("quick", {"max_ms": 0.0}, "`max_ms` must be positive"),
    ],
)
def test_a_budget_that_no_cell_can_keep_is_refused_at_once(
    tmp_path, preset, limits, message
):
    with pytest.raises(ValueError, match=message):
        _run(tmp_path / "run", preset, **limits)
    assert not (tmp_path / "run").exists()


def test_the_same_command_goes_on_and_another_is_refused(tmp_path, tiny_task):
    whole = _run(tmp_path, **SMALL)
    (tmp_path / "final" / "random" / "run_1" / "metrics.json").unlink()
    (tmp_path / "results.json").unlink()
    tiny_task.trained.clear()
    assert _run(tmp_path, **SMALL) == whole
    assert tiny_task.trained == [("random", 1)]
    with pytest.raises(ValueError, match="Received: seed=1"):
        _run(tmp_path, seed=1, **SMALL)


@pytest.mark.slow
def test_a_killed_protocol_ends_with_the_same_files(
    tmp_path, tiny_task, monkeypatch
):
    folder = tmp_path / "run"
    names = kills.compare(
        folder,
        lambda: _run(folder, **SMALL),
        monkeypatch,
        timed=["results.md"],
    )
    assert names >= {
        "config.json",
        "configuration.json",
        "search_arguments.json",
        "metrics.json",
        "genotype.json",
        "results.json",
        "results.md",
    }


def test_random_cells_can_have_the_time_of_the_searches(tmp_path, tiny_task):
    results = _run(tmp_path, **{**SMALL, "random_cells": None})
    budget, *spent = (
        [trial["seconds"] for trial in results[kind]["trials"]]
        for kind in ("searched", "random")
    )
    (spent,) = spent
    assert sum(spent) >= sum(budget) > sum(spent[:-1])


def test_hyperparameters_are_tuned_instead_of_repeated(tmp_path, tiny_task):
    results = _run(tmp_path, tune="xi,alpha_learning_rate", **SMALL)
    searched, chance = (
        [trial["hyperparameters"] for trial in results[kind]["trials"]]
        for kind in ("searched", "random")
    )
    assert len({values["xi"] for values in searched}) == 2
    assert {values["seed"] for values in searched} == {0}
    assert {values["xi"] for values in chance} == {"learning_rate"}


@pytest.mark.parametrize(
    ("preset", "values", "message"),
    [
        ("quick", {"runs": 0}, "Received: runs=0"),
        ("quick", {"space": "tree"}, "Received: space='tree'"),
        ("quick", {"tune": "xi,beta"}, "Received: tune='xi,beta'"),
        ("quick", {"min_count": 2}, "does not apply to space='conv'"),
        ("quick", {"units": 5}, "does not apply to space='conv'"),
        ("quick_text", {"cutout": 8}, "does not apply to space='recurrent'"),
    ],
)
def test_wrong_options_are_refused(tmp_path, preset, values, message):
    with pytest.raises(ValueError, match=message):
        _run(tmp_path, preset, **values)


@pytest.mark.parametrize("preset", protocol.PRESETS)
def test_presets_resolve(tmp_path, preset):
    options.resolve(
        protocol.Config, protocol.PRESETS, preset, {"workdir": str(tmp_path)}
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("preset", "sizes"),
    [
        (
            "quick",
            {
                "max_samples": 200,
                "num_nodes": 1,
                "primitives": "none,skip_connect,sep_conv_3x3",
                "hypergradient": "first_order",
                "search_filters": 2,
                "filters": 2,
            },
        ),
        (
            "quick_text",
            {
                "num_nodes": 2,
                "hypergradient": "first_order",
                "batch_size": 128,
                "search_units": 8,
                "retrain_batch_size": 256,
                "train_batch_size": 256,
                "units": 8,
            },
        ),
    ],
)
def test_the_protocol_runs_on_real_data(tmp_path, preset, sizes):
    small = {**SMALL, "searches": 1, "random_cells": 1, "runs": 1, "epochs": 1}
    results = _run(tmp_path, preset, **small, **sizes)
    metric = "test_accuracy" if preset == "quick" else "test_perplexity"
    for kind in ("searched", "random"):
        assert results[kind]["final"][0][metric] > 0
