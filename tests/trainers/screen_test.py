"""The screen of a command: what is withheld, and when it is shown."""

import os
import pathlib
import subprocess
import sys

import pytest

_SCRIPT = """
import dataclasses, os, signal, sys, warnings
from trainers import options

@dataclasses.dataclass(frozen=True)
class Config:
    end: str = options.option("How to end.", "well")

def run(config):
    os.write(2, b"foreign: from C++\\n")
    print("foreign: from Python", file=sys.stderr)
    scope = {"__name__": "sklearn.base", "warnings": warnings}
    exec("warnings.warn('foreign: a warning')", scope)
    scope = {"__name__": "darts_tf.search", "warnings": warnings}
    exec("warnings.warn('it collapses')", scope)
    print("ours")
    sys.stdout.flush()
    if config.end == "error":
        raise ValueError("a wrong option")
    if config.end == "outcome":
        raise options.Outcome("too large")
    if config.end == "bug":
        raise KeyError("a bug")
    if config.end == "exit":
        sys.exit(3)
    if config.end in ("SIGKILL", "SIGABRT", "SIGINT"):
        os.kill(os.getpid(), getattr(signal, config.end))
        while config.end == "SIGINT": pass

options.main(Config, run)
"""
ROOT = str(pathlib.Path(__file__).parents[2])


def _run(*arguments, **settings):
    kept = {k: v for k, v in os.environ.items() if not k.startswith("TF_CPP")}
    return subprocess.run(
        [sys.executable, "-c", _SCRIPT, *arguments],
        env={**kept, "PYTHONPATH": ROOT, **settings},
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_others_write_is_withheld_and_what_we_say_is_shown():
    done = _run()
    assert done.returncode == 0
    assert done.stdout == "ours\n"
    assert done.stderr == "warning: it collapses\n"


@pytest.mark.parametrize(
    ("end", "code", "last"),
    [
        ("error", 1, "error: a wrong option"),
        ("bug", 1, "KeyError: 'a bug'"),
        ("SIGKILL", -9, "foreign: a warning"),
        ("SIGABRT", -6, "foreign: a warning"),
    ],
)
def test_a_command_that_fails_shows_what_was_withheld(end, code, last):
    done = _run(f"--end={end}")
    assert done.returncode == code
    assert "foreign: from C++\nforeign: from Python\n" in done.stderr
    assert last in done.stderr
    if end in ("error", "bug"):
        assert done.stderr.rstrip().endswith(last)


def test_a_signal_and_an_exit_are_no_failures():
    done = _run("--end=SIGINT")
    assert done.returncode == 130
    assert done.stderr == (
        "warning: it collapses\nStopping. Once more ends it at once.\n"
    )
    done = _run("--end=exit")
    assert (done.returncode, done.stderr) == (3, "warning: it collapses\n")


def test_an_outcome_is_said_without_what_was_withheld():
    done = _run("--end=outcome")
    assert done.returncode == 1
    assert done.stderr == "warning: it collapses\nerror: too large\n"


@pytest.mark.parametrize(
    ("arguments", "settings"),
    [
        (["--debug"], {}),
        (["--verbosity=0"], {}),
        ([], {"TF_CPP_MIN_LOG_LEVEL": "0"}),
        ([], {"TF_CPP_MAX_VLOG_LEVEL": "1"}),
    ],
    ids=str,
)
def test_all_is_shown_where_it_is_asked_for(arguments, settings):
    done = _run(*arguments, **settings)
    assert done.returncode == 0
    assert done.stderr.count("foreign: ") >= 3
