"""Files of JSON: what is wrong with one is said with its name and its line."""

import errno
import json
import os

import pytest

from darts_tf.files import json_file

GOOD = b'{"epoch": 1, "loss": 0.5}\n'


def test_what_is_not_json_does_not_touch_the_file(tmp_path):
    path = tmp_path / "results.json"
    json_file.write(path, [1, {"a": "ä"}])
    with pytest.raises(TypeError):
        json_file.write(path, {"a": object()})
    assert json.loads(path.read_text()) == [1, {"a": "ä"}]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_damaged_file_is_named(tmp_path, content):
    path = tmp_path / "config.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"must hold JSON.*config\.json'$"):
        json_file.read(path)


def test_another_value_than_an_object_is_refused(tmp_path):
    path = tmp_path / "config.json"
    json_file.write(path, [1])
    with pytest.raises(ValueError, match=r"JSON object.*config\.json', with"):
        json_file.read_object(path)


@pytest.mark.parametrize(
    ("damaged", "expected"),
    [
        (b"half a l", "hold a JSON object"),
        (b"", "hold a JSON object"),
        (b"5", "hold a JSON object"),
        (b'{"epoch": 2, "loss": \xff}', "hold a JSON object"),
        (b'{"loss": 0.5}', "have an integer `epoch`"),
        (b'{"epoch": "2"}', "have an integer `epoch`"),
        (b'{"epoch": true}', "have an integer `epoch`"),
        (b'{"epoch": -1}', "have an integer `epoch`"),
        (b'{"epoch": 2, "loss": "0.5"}', "have a number as 'loss'"),
        (b'{"epoch": 2, "loss": null}', "have a number as 'loss'"),
    ],
)
def test_a_damaged_line_is_one_line_with_file_and_number(
    tmp_path, damaged, expected
):
    path = tmp_path / "history.jsonl"
    path.write_bytes(GOOD + damaged + b"\n" + GOOD)
    for read in (
        json_file.read_lines,
        lambda path: json_file.drop_later_lines(path, 1),
    ):
        with pytest.raises(ValueError, match=expected) as error:
            read(path)
        message = str(error.value)
        assert "\n" not in message
        assert "history.jsonl" in message
        assert "line 2" in message
    assert path.read_bytes() == GOOD + damaged + b"\n" + GOOD


@pytest.mark.parametrize(
    "torn", [b'{"epoch": 2, "lo', b"\0\0\0", b"\xff", b'{"epoch": 2']
)
def test_a_last_line_that_was_torn_is_left_out_and_dropped(tmp_path, torn):
    path = tmp_path / "history.jsonl"
    path.write_bytes(GOOD + torn)
    assert json_file.read_lines(path) == [{"epoch": 1, "loss": 0.5}]
    json_file.drop_later_lines(path, 5)
    assert path.read_bytes() == GOOD


def test_a_whole_last_line_without_its_end_is_kept_and_ended(tmp_path):
    path = tmp_path / "history.jsonl"
    path.write_bytes(GOOD + b'{"epoch": 2, "loss": 0.25}')
    assert [line["epoch"] for line in json_file.read_lines(path)] == [1, 2]
    json_file.drop_later_lines(path, 2)
    json_file.append_line(path, {"epoch": 3})
    assert [line["epoch"] for line in json_file.read_lines(path)] == [1, 2, 3]
    json_file.drop_later_lines(path, 1)
    assert path.read_bytes() == GOOD


def test_a_last_line_of_another_form_is_refused_also_without_its_end(tmp_path):
    path = tmp_path / "history.jsonl"
    path.write_bytes(GOOD + b'{"epoch": "2"}')
    with pytest.raises(ValueError, match="line 2"):
        json_file.read_lines(path)


def test_what_cannot_be_appended_names_the_file(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"history\.jsonl' could not") as error:
        json_file.append_line(tmp_path / "history.jsonl", {"epoch": 1})
    assert error.value.errno == errno.ENOSPC
