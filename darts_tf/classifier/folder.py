"""The folder of a run: new, or that of a run to go on with."""

import pathlib
import tempfile

from darts_tf import environment
from darts_tf.classifier import clock
from darts_tf.classifier import parts
from darts_tf.classifier import preparation
from darts_tf.files import atomic_file
from darts_tf.files import json_file
from darts_tf.tuner import configuration

_CONFIGURATION_FILE = "configuration.json"
_BEFORE_A_PLAN = (
    _CONFIGURATION_FILE,
    clock.CLOCK_FILE,
    parts.SPLIT_FILE,
    preparation.SPEED_FILE,
)


def begin(path, name, wishes):
    """Makes the folder, or finds in it a run with the same wishes.

    Args:
        path: Path, or `None` for a new temporary folder.
        name: String, of the images.
        wishes: A `preparation.Wishes`.

    Returns:
        A `pathlib.Path`.

    Raises:
        FileExistsError: If it holds something else.
        ValueError: If it is that of a run with other wishes.
    """
    path = path or pathlib.Path(tempfile.mkdtemp(prefix="image_classifier_"))
    path.mkdir(parents=True, exist_ok=True)
    atomic_file.remove_leftovers(path)
    file = path / _CONFIGURATION_FILE
    if not file.exists() and any(path.iterdir()):
        raise FileExistsError(
            "`workdir` must be a new or an empty folder, or that of such "
            "a run; nothing is overwritten. "
            f"Received: workdir={str(path)!r}"
        )
    if file.exists() and not (path / preparation.PLAN_FILE).exists():
        # Nothing was planned: more minutes may be given to this folder.
        for leftover in _BEFORE_A_PLAN:
            (path / leftover).unlink(missing_ok=True)
    values = {"name": name, **vars(wishes)}
    configuration.check(file, values)
    configuration.write(file, values)
    return path


def keep_config(path, options):
    """Writes what the commands that come after a training read.

    Args:
        path: Path of the folder.
        options: Dictionary.
    """
    json_file.write(path / "config.json", options)
    json_file.write(path / "environment.json", environment.versions())
