import os

import pytest

from darts_tf.spaces import atomic_file


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
