"""What every --genotype reads."""

import pytest

import darts_tf
from trainers import genotypes

_TEXT = darts_tf.zoo.DARTS_V2.to_text()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("genotype.json", darts_tf.zoo.DARTS_V2.to_json()),
        ("genotype", darts_tf.zoo.DARTS_V2.to_json()),
        ("cell.txt", _TEXT),
        ("cell.txt", _TEXT.replace(", ", ",\n  ")),
        (
            "log.txt",
            f"1 genotype = {darts_tf.zoo.DARTS_V1.to_text()}\n"
            f"2 genotype = {_TEXT}\n3 valid_acc 88.7\n",
        ),
        ("train.log", f"genotype = {_TEXT}\n"),
        ("search.out", f"genotype = {_TEXT}\n"),
    ],
)
def test_a_file_of_any_program_is_read(tmp_path, monkeypatch, name, content):
    (tmp_path / name).write_text(content)
    monkeypatch.setenv("HOME", str(tmp_path))
    for source in (str(tmp_path / name), f"~/{name}"):
        assert genotypes.read(source, "conv") == darts_tf.zoo.DARTS_V2


@pytest.mark.parametrize(
    "source",
    [
        _TEXT,
        _TEXT + " " * 5000,
        f"genotype = {_TEXT}\n",
        f"\n{_TEXT}".replace(", ", ",\n "),
        "darts_v2",
    ],
    ids=["text", "long", "line", "lines", "name"],
)
def test_a_genotype_itself_is_read(source):
    assert genotypes.read(source, "conv") == darts_tf.zoo.DARTS_V2


def test_a_name_is_not_a_folder_that_has_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "DARTS_V2").mkdir()
    assert genotypes.read("DARTS_V2", "conv") == darts_tf.zoo.DARTS_V2


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("a" * 5000, "must be one of"),
        ("a/" * 5000, "does not exist"),
        ("nothing.json", "does not exist"),
        ("~nobody_of_this_name/genotype.json", "does not exist"),
        (".", "must be"),
        ("a\0b", "must be"),
        ("Genotype(normal=[])", "Received"),
        ("Genotype(" + "[" * 90_000, "Received"),
    ],
)
def test_what_is_no_genotype_is_refused(tmp_path, source, message):
    with pytest.raises(ValueError, match=message):
        genotypes.read(source, "conv")


def test_a_folder_and_an_empty_file_are_named(tmp_path):
    with pytest.raises(ValueError, match="is a folder"):
        genotypes.read(str(tmp_path), "conv")
    (tmp_path / "empty.json").write_text("")
    with pytest.raises(ValueError, match=r"empty\.json"):
        genotypes.read(str(tmp_path / "empty.json"), "conv")


@pytest.mark.parametrize("source", ["file", "text", "name"])
def test_cells_of_the_other_kind_are_refused_from_everywhere(tmp_path, source):
    genotype = darts_tf.zoo.RECURRENT_DARTS_V1
    (tmp_path / "log.txt").write_text(genotype.to_text())
    text = {
        "file": str(tmp_path / "log.txt"),
        "text": genotype.to_text(),
        "name": "RECURRENT_DARTS_V1",
    }[source]
    assert genotypes.read(text, "recurrent") == genotype
    with pytest.raises(ValueError, match="convolutional"):
        genotypes.read(text, "conv")


@pytest.mark.parametrize(
    "source",
    [_TEXT, "darts-v2", "RECURRENT_ENAS", "random:3", "[[('none', 0)]]"],
)
def test_what_may_be_a_genotype_passes_the_quick_check(source):
    genotypes.check(source)


def test_a_file_without_a_suffix_passes_the_quick_check(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cell").write_text(_TEXT)
    genotypes.check("cell")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("FOO", "one of.*'DARTS_V2'.*genotype='FOO'"),
        ("random:x", "seed of a random"),
        ("a" * 5000, "one of"),
        ("a\0b", "one of"),
        ("~nobody_of_this_name/cell", "does not exist"),
    ],
)
def test_what_is_no_genotype_fails_the_quick_check(source, message):
    with pytest.raises(ValueError, match=message):
        genotypes.check(source)
