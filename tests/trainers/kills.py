"""Kills a command before and after each file that it puts in its place."""

import contextlib
import json
import os
import pathlib
import shutil

import numpy as np
import tensorflow as tf

DEAD = 999_999_999  # no process has this number


class Killed(BaseException):
    """Stands for `kill -9`: no handler of an error sees it."""


class Kills:
    """Stands for `os.replace`, and kills once at each place in a run.

    A place is a file, how often it was replaced before, and whether the kill
    comes before or after its renaming.
    """

    def __init__(self):
        self.places = set()
        self._replace = os.replace

    def begin(self):
        """Begins to count anew, as a new process does."""
        self._counts = {}

    def __call__(self, source, target):
        source, name = pathlib.Path(source), pathlib.Path(target).name
        number = self._counts[name] = self._counts.get(name, 0) + 1
        if self._is_new((name, number, "before")):
            self._leave(source)
            raise Killed
        self._replace(source, target)
        if self._is_new((name, number, "after")):
            raise Killed

    def _leave(self, source):
        """Leaves a temporary file, as a process that is killed does."""
        name = source.name.replace(f".{os.getpid()}.tmp", f".{DEAD}.tmp")
        if name != source.name:  # the last checkpoint becomes the one before
            shutil.copy(source, source.with_name(name))

    def _is_new(self, place):
        if place in self.places:
            return False
        self.places.add(place)
        return True


def run_with_kills(run, monkeypatch):
    """Runs a command again and again until nothing kills it any more."""
    kills = Kills()
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", kills)
        finished = False
        while not finished:
            kills.begin()
            with contextlib.suppress(Killed):
                run()
                finished = True
    return kills.places


def _untimed(value):
    """Leaves out how long something took."""
    if isinstance(value, dict):
        return {
            name: _untimed(entry)
            for name, entry in value.items()
            if not any(
                word in name for word in ("second", "latency", "profile")
            )
        }
    if isinstance(value, list):
        return [_untimed(entry) for entry in value]
    # Outside of a graph the last bits may change, and Adam makes much of the
    # tiny gradients of these alphas. It is rounding, and no state is lost: a
    # recurrent search that was killed after each checkpoint had alphas 6e-6
    # off in float32 and 2e-16 in float64; a convolutional one, none at all.
    # tests/search/killed_runs.py compares runs in graphs to the last bit.
    return round(value, 6) if isinstance(value, float) else value


def _content(path):
    if path.suffix == ".json" and "seconds" not in path.name:
        return _untimed(json.loads(path.read_text()))
    if path.suffix == ".jsonl":
        lines = path.read_text().splitlines()
        return [_untimed(json.loads(line)) for line in lines]
    if path.name == "checkpoint.npz":
        with np.load(path) as file:
            return {
                name: file[name].shape
                for name in file.files
                if name != "info"  # with how long each epoch took
            }
    if path.suffix in (".html", ".svg", ".txt", ".md"):
        return path.read_text()
    return path.stat().st_size > 0


def files(folder):
    """Returns what a command has left, by name."""
    return {
        str(path.relative_to(folder)): _content(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "tfevents" not in path.name
    }


def events(folder):
    """Returns the steps of each tag of TensorBoard's log."""
    found = {}
    for path in sorted((folder / "tensorboard").glob("*tfevents*")):
        for record in tf.data.TFRecordDataset([str(path)]):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                found.setdefault(value.tag, []).append(event.step)
    return {tag: sorted(steps) for tag, steps in found.items()}


def compare(folder, run, monkeypatch, timed=()):
    """Runs a command whole and killed in the same folder; returns the kills.

    Args:
        folder: Path of the run.
        run: Callable without arguments, the command.
        monkeypatch: That of pytest.
        timed: Names of files whose text says how long something took, which
            are only to be there.

    Returns:
        Set of the names of the files that it was killed at.
    """
    run()
    whole = folder.with_name("whole")
    folder.rename(whole)
    places = run_with_kills(run, monkeypatch)
    expected, found = files(whole), files(folder)
    for name in timed:
        expected[name], found[name] = bool(expected[name]), bool(found[name])
    assert found == expected
    assert events(folder) == events(whole)
    before = files(folder)
    run()  # is finished
    assert files(folder) == before
    return {name for name, _, _ in places}
