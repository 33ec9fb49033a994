import errno
import os
import subprocess
import sys

import pytest

from darts_tf.files import atomic_file


def test_text_is_stored_as_utf8_byte_by_byte(tmp_path):
    path = tmp_path / "text"
    atomic_file.write_text(path, "α = 1\r\nβ = 2\n")
    assert path.read_bytes() == "α = 1\r\nβ = 2\n".encode()


def test_text_is_replaced_and_nothing_else_stays(tmp_path):
    path = tmp_path / "text"
    atomic_file.write_text(str(path), "a long first content")
    atomic_file.write_text(path, "second")
    assert path.read_text() == "second"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_failure_leaves_the_old_content(tmp_path, monkeypatch, failing):
    path = tmp_path / "text"
    path.write_text("old")

    def fail(*arguments):
        raise OSError("the disk is full")

    monkeypatch.setattr(os, failing, fail)
    with pytest.raises(OSError, match="the disk is full"):
        atomic_file.write_text(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        atomic_file.write_text(tmp_path / "missing" / "text", "new")


def test_a_failure_names_the_file(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="cell.svg' could not be") as error:
        atomic_file.write_text(tmp_path / "cell.svg", "new")
    assert error.value.errno == errno.ENOSPC
    assert "No space left" in str(error.value)


def test_files_of_dead_processes_are_removed_and_no_others(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    old = tmp_path / f".old.{os.getppid()}.tmp.json"
    leftovers = [
        tmp_path / f".config.{dead.pid}.tmp.json",
        tmp_path / f".checkpoint.{os.getpid()}.tmp.npz",
        tmp_path / f".no_suffix.{dead.pid}.tmp",
        old,
    ]
    others = [
        tmp_path / f".config.{os.getppid()}.tmp.json",  # being written
        tmp_path / "config.json",
        tmp_path / ".hidden",
        tmp_path / ".hidden.7.json",
        tmp_path / f"config.{dead.pid}.tmp.json",
    ]
    for file in leftovers + others:
        file.touch()
    os.utime(old, (0, 0))
    atomic_file.remove_leftovers(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted(others)
    atomic_file.remove_leftovers(tmp_path / "missing")
