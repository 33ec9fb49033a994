"""The folder of a project: may it be used, and does it go on?"""

import os
import pathlib
import tempfile

from darts_tf.files import atomic_file
from darts_tf.tuner import configuration
from darts_tf.tuner import objectives

# What a hypermodel finds in the data unless it is given.
_FOUND = ("num_classes", "vocabulary_size")


def is_worker():
    """Tells whether Keras Tuner's variables make this process a worker."""
    return "KERASTUNER_ORACLE_IP" in os.environ and (
        "chief" not in os.environ.get("KERASTUNER_TUNER_ID", "")
    )


def make_folder(folder):
    """Makes the folder, and sees whether it can be written.

    Args:
        folder: Path.

    Raises:
        OSError: If it cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        # With the number Python makes of it a PermissionError, say.
        raise OSError(
            error.errno,
            "The project needs a folder that can be written, "
            f"`directory`/`project_name` ({error.strerror}). Received",
            str(folder),
        ) from error


def check(folder, expected, measured):
    """Raises an error if a project was begun with another configuration.

    An objective that nothing measures has scored no trial, so that a project
    that was begun with one goes on with another.

    Args:
        folder: Path of the project.
        expected: Dictionary, the configuration.
        measured: Collection of strings, the metrics of a network, or `None`.

    Returns:
        The configuration, with what the project knows already.

    Raises:
        ValueError: If the folder holds another project or something else.
    """
    path = folder / "configuration.json"
    atomic_file.remove_leftovers(folder)  # of a tuner killed at its beginning
    if not path.exists() and folder.is_dir() and any(folder.iterdir()):
        raise ValueError(
            "The folder of the project holds something else; take another "
            "`project_name`, or `overwrite=True`. "
            f"Received: {str(folder)!r}"
        )
    begun = configuration.read(path)
    if begun is None:
        return expected
    known = {
        name: begun[name]
        for name in _FOUND
        if name in expected and expected[name] is None and begun.get(name)
    }
    expected = {**expected, **known}
    scored_by = objectives.names(str(begun.get("objective")))
    valid = all(objectives.has_value(name, measured) for name in scored_by)
    compared = {} if valid else {"objective": begun["objective"]}
    configuration.check(path, {**expected, **compared})
    return expected


def check_found(expected, found):
    """Raises an error if a project was begun with other numbers than found.

    Args:
        expected: Dictionary, the configuration of the project.
        found: Dictionary of what a hypermodel found in the data.

    Raises:
        ValueError: If they differ.
    """
    for name, number in found.items():
        begun = expected.get(name)
        if begun not in (None, number):
            raise ValueError(
                f"The project was begun with {name}={begun}; pass it as "
                "argument to go on, or take another `project_name`. "
                f"Received: data with {name}={number}"
            )


def measured(folder):
    """Returns the metrics that the executions of a project have measured.

    Args:
        folder: Path of the project; it need not exist.

    Returns:
        Set of strings, or `None` before the end of the first execution.
    """
    for path in sorted(pathlib.Path(folder).glob("trial_*/*/metrics.json")):
        return set(configuration.read(path))
    return None
