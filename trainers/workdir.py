"""The folder of a run: made once, never shared by two runs."""

import hashlib
import os
import pathlib
from typing import Any

from darts_tf.spaces import atomic_file
from darts_tf.spaces import json_file

CONFIG_FILE = "config.json"
METRICS_FILE = "metrics.json"
# The same folder can be written in several ways, and how often the state is
# saved does not change what comes out.
_MAY_DIFFER = {"workdir", "checkpoint_every"}


def create(
    path: str | os.PathLike[str], config_json: dict[str, Any]
) -> pathlib.Path:
    """Makes the folder of a new run and writes its config there.

    Args:
        path: String or path, the folder: new, or empty.
        config_json: Dictionary, the resolved config, from `options.to_json`;
            written to `config.json`.

    Returns:
        The folder as a `pathlib.Path`.

    Raises:
        FileExistsError: If the folder holds anything. Nothing is overwritten.
        NotADirectoryError: If the path, or one above it, is a file.
        PermissionError: If the folder cannot be written.

    Example:

    >>> import tempfile
    >>> from trainers import workdir
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = workdir.create(f"{folder.name}/run", {"epochs": 50})
    >>> [file.name for file in path.iterdir()]
    ['config.json']
    >>> folder.cleanup()
    """
    folder = pathlib.Path(path).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise NotADirectoryError(
            "`workdir` must be a folder, or a path where one can be made. "
            f"Received: {str(path)!r}, where a file stands in the way"
        ) from error
    except PermissionError as error:
        raise _not_writable(path) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _not_writable(path)
    atomic_file.remove_leftovers(folder)  # of a run killed at its beginning
    # The config first: it says that the folder belongs to another run.
    present = sorted(
        folder.iterdir(), key=lambda file: (file.name != CONFIG_FILE, file)
    )
    if present:
        raise FileExistsError(
            "`workdir` must be a new or an empty folder; nothing is "
            "overwritten. Received: "
            f"{str(path)!r}, which holds {present[0].name!r}"
            + (" of another run" if present[0].name == CONFIG_FILE else "")
        )
    write_json(folder / CONFIG_FILE, config_json)
    return folder


def create_or_resume(
    path: str | os.PathLike[str], config_json: dict[str, Any]
) -> pathlib.Path:
    """Makes the folder of a new run, or finds that of a run to go on with.

    Args:
        path: String or path, the folder: new, empty, or of a run of the same
            config. It has come to its end if there is its `metrics.json`.
        config_json: Dictionary, the resolved config, from `options.to_json`.

    Returns:
        The folder as a `pathlib.Path`.

    Raises:
        ValueError: If the config of the run in it is another one; it lists
            what differs.
        OSError: As `create`.

    Example:

    >>> import tempfile
    >>> from trainers import workdir
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = f"{folder.name}/run"
    >>> one = workdir.create_or_resume(path, {"epochs": 50})
    >>> one == workdir.create_or_resume(path, {"epochs": 50})
    True
    >>> folder.cleanup()
    """
    folder = pathlib.Path(path).expanduser()
    config = folder / CONFIG_FILE
    if not config.is_file():
        return create(path, config_json)
    atomic_file.remove_leftovers(folder)
    try:
        before = json_file.read_object(config)
    except ValueError as error:
        raise ValueError(
            "`workdir` must be new, empty, or that of a run, with its config. "
            f"{error}"
        ) from error
    names = sorted((config_json.keys() | before.keys()) - _MAY_DIFFER)
    differing = [n for n in names if config_json.get(n) != before.get(n)]
    if differing:
        theirs, mine = (
            ", ".join(f"{name}={values.get(name)!r}" for name in differing)
            for values in (before, config_json)
        )
        raise ValueError(
            "A run goes on with the options it was begun with: "
            f"{theirs} in {str(config)!r}. Received: {mine}"
        )
    return folder


def write_json(path: str | os.PathLike[str], value: Any) -> None:
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
    >>> from trainers import workdir
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name, "results.json")
    >>> workdir.write_json(path, {"test_error": 2.76})
    >>> print(path.read_text(), end="")
    {
      "test_error": 2.76
    }
    >>> folder.cleanup()
    """
    json_file.write(path, value)


def read_json(path: str | os.PathLike[str]) -> Any:
    """Returns the value that `write_json` has written.

    Args:
        path: String or path, the file.

    Raises:
        ValueError: If the file is damaged; it names the file.
    """
    return json_file.read(path)


def checksum(path: str | os.PathLike[str] | None) -> str | None:
    """Returns the SHA-256 of a file, which tells it from another of its name.

    Args:
        path: String or path; or `None`, for which it is `None`.
    """
    if path is None:
        return None
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _not_writable(path: str | os.PathLike[str]) -> PermissionError:
    return PermissionError(
        "`workdir` must be a folder that can be written. "
        f"Received: {str(path)!r}"
    )
