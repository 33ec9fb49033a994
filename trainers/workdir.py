"""The folder of a run: made once, never shared by two runs."""

import json
import os
import pathlib
from typing import Any

from darts_tf.spaces import atomic_file

CONFIG_FILE = "config.json"
METRICS_FILE = "metrics.json"


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
) -> tuple[pathlib.Path, bool]:
    """Makes the folder of a new run, or finds that of a run to go on with.

    Args:
        path: String or path, the folder: new, empty, or with a run of the same
            config that has not come to its `metrics.json`.
        config_json: Dictionary, the resolved config, from `options.to_json`.

    Returns:
        The folder as a `pathlib.Path`, and whether there is a run in it.

    Raises:
        ValueError: If the config of the run in it is another one.
        OSError: As `create`, also if the run there has come to its end.

    Example:

    >>> import tempfile
    >>> from trainers import workdir
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = f"{folder.name}/run"
    >>> workdir.create_or_resume(path, {"epochs": 50})[1]
    False
    >>> workdir.create_or_resume(path, {"epochs": 50})[1]
    True
    >>> folder.cleanup()
    """
    folder = pathlib.Path(path).expanduser()
    config = folder / CONFIG_FILE
    if not config.is_file() or (folder / METRICS_FILE).exists():
        return create(path, config_json), False
    before = json.loads(config.read_text(encoding="utf-8"))
    # The same folder can be written in several ways.
    names = (config_json.keys() | before.keys()) - {"workdir"}
    for name in sorted(names):
        if config_json.get(name) != before.get(name):
            raise ValueError(
                "A run goes on with the options it was begun with: "
                f"{name}={before.get(name)!r} in {str(config)!r}. "
                f"Received: {name}={config_json.get(name)!r}"
            )
    return folder, True


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
    atomic_file.write_text(path, json.dumps(value, indent=2) + "\n")


def _not_writable(path: str | os.PathLike[str]) -> PermissionError:
    return PermissionError(
        "`workdir` must be a folder that can be written. "
        f"Received: {str(path)!r}"
    )
