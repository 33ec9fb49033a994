"""Reads and writes JSON files, and says which file is wrong, and where."""

import json
import os
import pathlib
import reprlib
from collections.abc import Iterator
from typing import Any
from typing import cast

from darts_tf.files import atomic_file


def write(path: str | os.PathLike[str], value: object) -> None:
    """Writes a value as JSON, in one step.

    Args:
        path: String or path, the file to write or replace. A reader sees the
            old content or the new, never a part.
        value: What `json.dumps` can write.

    Raises:
        TypeError: If the value cannot be written as JSON; the file is not
            touched.
        OSError: If the file cannot be written.

    Example:

    >>> import pathlib, tempfile
    >>> from darts_tf.files import json_file
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name, "results.json")
    >>> json_file.write(path, {"test_error": 2.76})
    >>> print(path.read_text(), end="")
    {
      "test_error": 2.76
    }
    >>> folder.cleanup()
    """
    atomic_file.write_text(path, json.dumps(value, indent=2) + "\n")


def read(path: str | os.PathLike[str]) -> Any:
    """Returns the value in a file of JSON.

    Args:
        path: String or path, the file.

    Returns:
        What `json.loads` returns.

    Raises:
        ValueError: If the file holds something else.
        OSError: If the file cannot be read.
    """
    try:
        return json.loads(pathlib.Path(path).read_bytes().decode("utf-8"))
    # The decoder descends into nested brackets by recursion.
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"The file must hold JSON; it is damaged, or another one ({error})."
            f" Received: {os.fspath(path)!r}"
        ) from error


def read_object(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Returns the dictionary in a file of JSON.

    Args:
        path: String or path, the file.

    Returns:
        A dictionary.

    Raises:
        ValueError: If the file holds something else.
        OSError: If the file cannot be read.
    """
    value = read(path)
    if not isinstance(value, dict):
        raise ValueError(
            "The file must hold a JSON object, `{...}`. "
            f"Received: {os.fspath(path)!r}, with {reprlib.repr(value)}"
        )
    return cast("dict[str, Any]", value)


def append_line(path: str | os.PathLike[str], value: object) -> None:
    """Writes a value at the end of a file, as a line of JSON.

    Args:
        path: String or path, the file.
        value: What `json.dumps` can write.

    Raises:
        OSError: If it cannot be written; it names the file.
    """
    line = json.dumps(value) + "\n"
    try:
        with open(path, "a", encoding="utf-8", newline="") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise atomic_file.not_written(path, error) from error


def read_lines(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """Reads lines of figures, of which each belongs to an epoch.

    Args:
        path: String or path, a file to which `append_line` writes, perhaps at
            this moment.

    Returns:
        A list of dictionaries with an integer `"epoch"`; what else they hold
        are numbers, or nested lists, whose content is not looked at. A last
        line that a kill or a full disk has torn is left out.

    Raises:
        ValueError: If another line is not of this form; it names the file
            and the number of the line.
        OSError: If the file cannot be read.

    Example:

    >>> import tempfile
    >>> from darts_tf.files import json_file
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = f"{folder.name}/history.jsonl"
    >>> json_file.append_line(path, {"epoch": 1, "loss": 0.5})
    >>> json_file.read_lines(path)
    [{'epoch': 1, 'loss': 0.5}]
    >>> folder.cleanup()
    """
    return [value for _, value in _lines(path)]


def drop_later_lines(path: str | os.PathLike[str], epoch: int) -> None:
    """Removes the lines after an epoch, and a last one that is torn.

    Args:
        path: String or path, as for `read_lines`. It may be missing.
        epoch: Integer, the last epoch that stays.

    Raises:
        ValueError: As `read_lines`.
        OSError: If the file cannot be read or written.
    """
    if not os.path.exists(path):
        return
    content = pathlib.Path(path).read_bytes()
    kept = [line for line, value in _lines(path) if value["epoch"] <= epoch]
    new = b"".join(line + b"\n" for line in kept)
    if new != content:
        atomic_file.write_text(path, new.decode("utf-8"))


def line_error(
    path: str | os.PathLike[str], number: int, expected: str, received: object
) -> ValueError:
    """Returns the error for a line of a file.

    Args:
        path: String or path, the file.
        number: Integer, the number of the line, from 1.
        expected: String, what the line must be.
        received: What it is.
    """
    return ValueError(
        f"A line of {os.fspath(path)!r} must {expected}; the line is damaged, "
        "and may be removed. "
        f"Received: line {number}, {reprlib.repr(received)}"
    )


def _lines(
    path: str | os.PathLike[str],
) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Yields the lines without their ends, and what they hold."""
    *lines, last = pathlib.Path(path).read_bytes().split(b"\n")
    for number, line in enumerate(lines, 1):
        yield line, _checked(path, number, line)
    # A whole object is not the beginning of a longer one, so that only the
    # end of its line is missing; anything else was torn.
    if isinstance(_parsed(last), dict):
        yield last, _checked(path, len(lines) + 1, last)


def _checked(
    path: str | os.PathLike[str], number: int, line: bytes
) -> dict[str, Any]:
    value = _parsed(line)
    if not isinstance(value, dict):
        raise line_error(path, number, "hold a JSON object, `{...}`", line)
    entries = cast("dict[str, Any]", value)
    epoch = entries.get("epoch")
    if type(epoch) is not int or epoch < 0:
        raise line_error(path, number, "have an integer `epoch`", line)
    for name, entry in entries.items():
        if type(entry) not in (int, float, list):
            expected = f"have a number as {name!r}"
            raise line_error(path, number, expected, entry)
    return entries


def _parsed(line: bytes) -> object:
    try:
        return json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
