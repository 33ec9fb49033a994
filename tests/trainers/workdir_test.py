import doctest
import json
import os

import pytest

from darts_tf.files import json_file
from trainers import workdir


def test_a_new_folder_holds_the_config(tmp_path):
    path = workdir.create(tmp_path / "a" / "b", {"epochs": 50, "clip": None})
    assert path == tmp_path / "a" / "b"
    config = json.loads((path / "config.json").read_text())
    assert config == {"epochs": 50, "clip": None}
    assert [file.name for file in path.iterdir()] == ["config.json"]


def test_an_empty_folder_is_taken(tmp_path):
    workdir.create(str(tmp_path), {})
    assert (tmp_path / "config.json").exists()


def test_the_home_folder_may_be_written_as_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert workdir.create("~/run", {}) == tmp_path / "run"


def test_the_folder_of_another_run_is_refused_and_kept(tmp_path):
    (tmp_path / "alphas.csv").write_text("kept")
    json_file.write(tmp_path / "config.json", {"seed": 1})
    message = r"new or an empty folder.*'config\.json' of another run"
    with pytest.raises(FileExistsError, match=message):
        workdir.create(tmp_path, {"seed": 2})
    assert json.loads((tmp_path / "config.json").read_text()) == {"seed": 1}
    assert (tmp_path / "alphas.csv").read_text() == "kept"


@pytest.mark.parametrize("name", ["notes.txt", ".hidden"])
def test_a_folder_with_any_file_is_refused(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(FileExistsError, match=f"holds '{name}'$"):
        workdir.create(tmp_path, {})
    assert not (tmp_path / "config.json").exists()


@pytest.mark.parametrize("below", ["", "run"])
def test_a_file_in_the_way_is_an_error(tmp_path, below):
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(NotADirectoryError, match="a file stands in the way"):
        workdir.create(file / below, {})


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path, monkeypatch):
    # The permissions of a folder would not stop a test that root runs.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(PermissionError, match="can be written"):
        workdir.create(tmp_path, {})


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path, monkeypatch):
    def refuse(path, mode=0o777):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "mkdir", refuse)
    with pytest.raises(PermissionError, match="can be written.*/run"):
        workdir.create(tmp_path / "run", {})


def test_examples_run():
    results = doctest.testmod(workdir)
    assert results.attempted
    assert not results.failed
