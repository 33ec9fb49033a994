"""A training on several devices or workers that was stopped and goes on."""

import json
import subprocess
import time

import pytest

from tests import local_workers
from tests.search import resumed_replicas
from trainers import cnn_search
from trainers import strategies


def _start(arguments, **environment):
    return local_workers.start(
        "tests.search.resumed_replicas",
        arguments,
        subprocess.PIPE,
        **environment,
    )


@pytest.mark.parametrize(
    "case",
    [
        "conv",
        pytest.param("recurrent", marks=pytest.mark.slow),
        pytest.param("network", marks=pytest.mark.slow),
    ],
)
def test_on_two_devices_a_stopped_training_goes_on_to_the_same_end(
    tmp_path, case
):
    process = _start(["mirrored", tmp_path, case])
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    assert json.loads(output) == {case: []}


def _workers(folder):
    return [
        _start(["workers", folder, "conv"], **environment)
        for environment in local_workers.environments()
    ]


def _assert_end_well(processes):
    for process in processes:
        _, errors = process.communicate()
        assert process.returncode == 0, errors


@pytest.mark.slow
@pytest.mark.parametrize("killed", [0, 1])
def test_two_workers_of_which_one_is_killed_go_on_to_the_same_end(
    tmp_path, killed
):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir()
    broken.mkdir()
    _assert_end_well(_workers(whole))
    processes = _workers(broken)
    while not (broken / "checkpoint.npz").exists():
        assert processes[killed].poll() is None
        time.sleep(0.1)
    processes[killed].kill()
    _, errors = processes[1 - killed].communicate()
    assert processes[1 - killed].returncode
    if killed:  # the first one is the one that the others listen to
        assert "ConnectionError: Another worker has ended" in errors
    processes[killed].communicate()
    assert resumed_replicas.differences(whole, broken)
    _assert_end_well(_workers(broken))
    assert not resumed_replicas.differences(whole, broken)


def test_workers_must_be_named(tmp_path, monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    config = cnn_search.Config(
        workdir=str(tmp_path / "new"), strategy="multi_worker"
    )
    with pytest.raises(ValueError, match="TF_CONFIG"):
        strategies.make(config)
    assert not (tmp_path / "new").exists()
