"""Answers to signals: at once, though the main thread is in a long step."""

import os
import pathlib
import select
import signal
import subprocess
import sys
import threading

import pytest

from trainers import screen
from trainers import stopping

_BY_HAND = "Once more ends it at once.\n"
# The main thread is in one call of C, as in a step: no handler of Python can
# run meanwhile.
_SCRIPT = """
import dataclasses, hashlib, signal
from trainers import options, stopping

@dataclasses.dataclass(frozen=True)
class Config:
    rounds: int = options.option("How long the call lasts.", 10**9)

def run(config):
    seen = []
    with stopping.after_the_step(lambda: "Stopping after this step."):
        for number in (signal.SIGINT, signal.SIGTERM):  # as ExactResume does
            signal.signal(number, lambda n, frame: seen.append(n))
        print("ready", flush=True)
        hashlib.pbkdf2_hmac("sha256", b"", b"", config.rounds)
    print("saved", seen, flush=True)

options.main(Config, run)
"""


def _start(*arguments):
    process = subprocess.Popen(
        [sys.executable, "-c", _SCRIPT, *arguments],
        env={
            **os.environ,
            "PYTHONPATH": str(pathlib.Path(__file__).parents[2]),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_a_step_that_lasts(number):
    process = _start()
    process.send_signal(number)
    answer = process.stderr.readline()
    assert answer == f"Stopping after this step. {_BY_HAND}"
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert (out, err) == ("", "Ended at once.\n")


def test_the_answer_comes_before_the_end_of_the_step():
    process = _start("--rounds=2000000")
    process.send_signal(signal.SIGTERM)
    answer = process.stderr.readline()
    assert answer == f"Stopping after this step. {_BY_HAND}"
    # The step goes on: nothing more is said yet.
    assert not select.select([process.stdout], [], [], 0)[0]
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert (out, err) == ("saved [15]\n", "")


def test_handlers_are_as_before_afterwards():
    before = signal.getsignal(signal.SIGINT)
    with stopping.answering(screen.Screen()):
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
    assert signal.set_wakeup_fd(-1) == -1


def test_outside_of_the_main_thread_signals_are_left_alone():
    def run():
        with stopping.answering(screen.Screen()):
            seen.append(signal.getsignal(signal.SIGTERM))

    seen, before = [], signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [before]
