"""The folder of a run: made once, never shared by two runs."""

import contextlib
import hashlib
import json
import os
import pathlib
from collections.abc import Iterable
from typing import Any

from trainers import late

with late.imports():
    from darts_tf.files import atomic_file
    from darts_tf.files import json_file


CONFIG_FILE = "config.json"
METRICS_FILE = "metrics.json"
# The same folder can be written in several ways, and how often the state is
# saved does not change what comes out.
_MAY_DIFFER = {
    "workdir",
    "checkpoint_every",
    # A finished export is held against any budget.
    "max_bytes",
    "max_ram_bytes",
    "max_ms",
    "max_parameters",
    "max_multiply_adds",
}


def check(
    path: str | os.PathLike[str], config_json: dict[str, Any] | None = None
) -> None:
    """Says at once what `create` or `create_or_resume` would refuse later.

    It makes nothing and needs nothing but Python, so a command asks before
    TensorFlow is imported.

    Args:
        path: String or path, the folder of a run.
        config_json: Optional dictionary, the config of a run that may go on in
            the folder. Defaults to `None`, a run that needs a new one.

    Raises:
        ValueError: If the folder is that of a run with another config.
        OSError: If no run can be there.
    """
    folder = pathlib.Path(path).expanduser()
    standing = next(p for p in (folder, *folder.parents) if p.exists())
    if not standing.is_dir():
        raise _in_the_way(path)
    if not os.access(standing, os.W_OK | os.X_OK):
        raise _not_writable(path)
    config = folder / CONFIG_FILE
    if config_json is not None and config.is_file():
        before = None
        # A damaged one is described where it is read.
        with contextlib.suppress(ValueError, RecursionError):
            before = json.loads(config.read_text(encoding="utf-8"))
        if isinstance(before, dict):
            _check_same(config, before, config_json)
    elif folder.exists():
        # A run that was killed at its beginning leaves a file half written.
        _check_empty(
            path, [f for f in folder.iterdir() if ".tmp" not in f.name]
        )


def check_file(name: str, path: str) -> None:
    """Raises an error for an input that is not there, before TensorFlow loads.

    Args:
        name: String, the option that names it.
        path: String, a file or folder.

    Raises:
        ValueError: If there is nothing at the path.
    """
    if not pathlib.Path(path).expanduser().exists():
        raise ValueError(
            f"`{name}` must be a path that exists. Received: {name}={path!r}"
        )


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
        raise _in_the_way(path) from error
    except PermissionError as error:
        raise _not_writable(path) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _not_writable(path)
    atomic_file.remove_leftovers(folder)  # of a run killed at its beginning
    _check_empty(path, folder.iterdir())
    json_file.write(folder / CONFIG_FILE, config_json)
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
    _check_same(config, before, config_json)
    return folder


def checksum(path: str | os.PathLike[str] | None) -> str | None:
    """Returns the SHA-256 of a file, which tells it from another of its name.

    Args:
        path: String or path; or `None`, for which it is `None`.
    """
    if path is None:
        return None
    with pathlib.Path(path).expanduser().open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_empty(
    path: str | os.PathLike[str], files: Iterable[pathlib.Path]
) -> None:
    # The config first: it says that the folder belongs to another run.
    present = sorted(files, key=lambda file: (file.name != CONFIG_FILE, file))
    if present:
        raise FileExistsError(
            "`workdir` must be a new or an empty folder; nothing is "
            "overwritten. Received: "
            f"{str(path)!r}, which holds {present[0].name!r}"
            + (" of another run" if present[0].name == CONFIG_FILE else "")
        )


def _check_same(
    path: pathlib.Path, before: dict[str, Any], config: dict[str, Any]
) -> None:
    names = sorted((config.keys() | before.keys()) - _MAY_DIFFER)
    differing = [n for n in names if config.get(n) != before.get(n)]
    if differing:
        theirs, mine = (
            ", ".join(f"{name}={values.get(name)!r}" for name in differing)
            for values in (before, config)
        )
        raise ValueError(
            "A run goes on with the options it was begun with: "
            f"{theirs} in {str(path)!r}. Received: {mine}"
        )


def _in_the_way(path: str | os.PathLike[str]) -> NotADirectoryError:
    return NotADirectoryError(
        "`workdir` must be a folder, or a path where one can be made. "
        f"Received: {str(path)!r}, where a file stands in the way"
    )


def _not_writable(path: str | os.PathLike[str]) -> PermissionError:
    return PermissionError(
        "`workdir` must be a folder that can be written. "
        f"Received: {str(path)!r}"
    )
