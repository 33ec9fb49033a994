"""A chief and two workers on this machine, one of which is killed."""

import collections
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import pytest

from tests.tuner import worker

ROOT = pathlib.Path(__file__).parents[2]
DEADLINE = 300  # seconds; a quiet machine takes about 60


def _free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def _epochs(folder):
    """Returns who began which epoch of which trial, in order."""
    path = folder / "epochs.txt"
    lines = path.read_text().splitlines() if path.exists() else []
    return [
        (who, int(seed), int(epoch))
        for who, seed, epoch in (line.split() for line in lines)
    ]


def _wait_for(condition):
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.fixture
def start(tmp_path):
    """Starts a process under an id; kills what is left of them at the end."""
    port, running = _free_port(), []

    def start(name):
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "KERASTUNER_TUNER_ID": name,
            "KERASTUNER_ORACLE_IP": "127.0.0.1",
            "KERASTUNER_ORACLE_PORT": str(port),
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.tuner.worker", str(tmp_path)],
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_a_killed_worker_does_its_trial_again_and_nothing_else(tmp_path, start):
    chief, other = start("chief"), start("worker1")
    victim = start("worker0")

    def is_in_the_middle():
        return any(
            who == "worker0" and epoch == 2
            for who, _, epoch in _epochs(tmp_path)
        )

    _wait_for(is_in_the_middle)
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    again = start("worker0")
    for process in (other, again, chief):
        assert process.wait(timeout=DEADLINE) == 0

    begun = collections.Counter(
        (seed, epoch) for _, seed, epoch in _epochs(tmp_path)
    )
    # Every epoch of every trial, and only the one that the kill interrupted
    # (or two, if it hit before the first was saved) more than once.
    assert set(begun) == {
        (seed, epoch)
        for seed in range(worker.TRIALS)
        for epoch in range(worker.EPOCHS)
    }
    repeated = [key for key, times in begun.items() if times > 1]
    assert len(repeated) <= 2
    assert len({seed for seed, _ in repeated}) <= 1

    # Alone, without Keras Tuner's variables, it finds what the chief left.
    tuner = worker.make(tmp_path)
    assert tuner.remaining_trials == 0
    statuses = [trial.status for trial in tuner.oracle.trials.values()]
    assert statuses == ["COMPLETED"] * worker.TRIALS
    assert tuner.get_best_hyperparameters(1)[0].get("seed") == 3
