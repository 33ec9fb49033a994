"""Folders that cannot be used, and files that are gone or damaged."""

import pytest

from tests.tuner import tiny

pytestmark = pytest.mark.usefixtures("no_collection_between_models")


def _search(tuner):
    tuner.search(**tiny.DATA, epochs=1, verbose=0)
    return tuner


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="can be written.*Not a dir.*tiny'"):
        tiny.tuner(tmp_path / "file")


def test_a_tuner_that_was_killed_at_its_beginning_begins_again(tmp_path):
    leftover = tmp_path / "tiny" / ".configuration.999999999.tmp.json"
    leftover.parent.mkdir()
    leftover.touch()
    tiny.tuner(tmp_path)
    assert not leftover.exists()


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("configuration.json", "{"),
        ("configuration.json", "[1]"),
        ("oracle.json", "{"),
        ("trial_0/trial.json", ""),
    ],
)
def test_a_damaged_file_of_the_project_is_an_error_of_one_line(
    tmp_path, file, content
):
    _search(tiny.tuner(tmp_path, max_trials=1))
    (tmp_path / "tiny" / file).write_text(content)
    with pytest.raises(ValueError, match="take another `project_name`") as got:
        tiny.tuner(tmp_path, max_trials=1)
    assert "tiny" in str(got.value)
    tiny.tuner(tmp_path, max_trials=1, overwrite=True)


def test_a_network_that_was_deleted_is_named_with_its_trial(tmp_path):
    tuner = _search(tiny.tuner(tmp_path, max_trials=1))
    (path,) = (tmp_path / "tiny").rglob("network_*.keras")
    path.write_bytes(b"PK damaged")
    with pytest.raises(ValueError, match=r"network_0001\.keras'"):
        tuner.get_best_models(1)
    path.unlink()
    message = "execution 0/0 has no saved network.*build_network.*execution_0'"
    with pytest.raises(FileNotFoundError, match=message):
        tuner.get_best_models(1)
    with pytest.raises(FileNotFoundError, match="execution 0/0"):
        tuner.explain_genotypes(1, max_cost=1.0, cost=lambda network: 0.0)
    assert tuner.get_best_genotypes(1)  # needs no network


@pytest.mark.parametrize("name", ["metrics.json", "genotype.json"])
def test_a_result_that_was_deleted_is_named_with_its_trial(tmp_path, name):
    tuner = _search(tiny.tuner(tmp_path, max_trials=1))
    (tmp_path / "tiny/trial_0/execution_0" / name).unlink()
    for read in (tuner.explain_genotypes, tuner.get_best_models):
        with pytest.raises(FileNotFoundError, match=rf"0/0.*{name}'"):
            read(1)


def test_a_damaged_search_is_named_and_begins_again_without_it(tmp_path):
    hypermodel = tiny.TinyHyperModel()
    hypermodel.build_network = None
    with pytest.raises(TypeError, match="not callable"):
        _search(tiny.tuner(tmp_path, hypermodel, max_trials=1))
    folder = tmp_path / "tiny" / "trial_0" / "execution_0"
    (folder / "genotype.json").unlink()
    (path,) = folder.glob("search_*.keras")
    path.write_bytes(path.read_bytes()[:100])
    hypermodel = tiny.TinyHyperModel()
    with pytest.raises(ValueError, match=r"delete it.*search_0001\.keras'"):
        _search(tiny.tuner(tmp_path, hypermodel, max_trials=1))
    path.unlink()
    _search(tiny.tuner(tmp_path, hypermodel, max_trials=1))
    assert [epoch for _, epoch in hypermodel.searched_epochs] == [0]
