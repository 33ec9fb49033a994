"""Refuses to go on with a project that was begun with something else."""

import json
import pathlib
import zlib

import numpy as np

from darts_tf.files import json_file


def check(path, configuration):
    """Raises an error if a project was begun with another configuration.

    Args:
        path: Path of the file that holds the configuration of the project. It
            need not exist.
        configuration: Dictionary that can be written as JSON.

    Raises:
        ValueError: If the file holds another one; the message says where they
            differ.

    Example:

    >>> import tempfile
    >>> from darts_tf.tuner import configuration
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = f"{folder.name}/search.json"
    >>> configuration.check(path, {"epochs": 50})
    >>> configuration.write(path, {"epochs": 50})
    >>> configuration.check(path, {"epochs": 20})
    Traceback (most recent call last):
    ...
    ValueError: ... was begun with epochs=50 ... Received: epochs=20
    >>> folder.cleanup()
    """
    path = pathlib.Path(path)
    begun = read(path)
    if begun is None:
        return
    now = json.loads(json.dumps(configuration))
    for name in sorted({*begun, *now}):
        if begun.get(name) != now.get(name):
            raise ValueError(
                f"The project in {str(path.parent)!r} was begun with "
                f"{name}={begun.get(name)} and its trials would not compare; "
                "take another `project_name`, or `overwrite=True`. "
                f"Received: {name}={now.get(name)}"
            )


def read(path):
    """Returns the configuration that a project was begun with.

    Args:
        path: Path of the file.

    Returns:
        A dictionary, or `None` if there is no such file.

    Raises:
        ValueError: If the file holds something else.
    """
    path = pathlib.Path(path)
    if not path.exists():
        return None
    try:
        return json_file.read_object(path)
    except ValueError as error:
        raise ValueError(
            "A file of the project is damaged; take another `project_name`, "
            f"or delete it if you know that all else is as before. {error}"
        ) from error


def write(path, configuration):
    """Writes the configuration that a project begins with.

    Args:
        path: Path of the file.
        configuration: Dictionary that can be written as JSON.
    """
    json_file.write(path, configuration)


def fingerprint(arrays):
    """Returns what tells data from other data, without keeping it.

    Args:
        arrays: Array, tuple of arrays, or `None`.

    Returns:
        A string, or a list of them.

    Example:

    >>> from darts_tf.tuner import configuration
    >>> configuration.fingerprint(np.zeros((2, 3), "uint8"))
    'uint8[2, 3] b1c2a1a3'
    """
    if arrays is None:
        return None
    if isinstance(arrays, tuple | list):
        return [fingerprint(array) for array in arrays]
    array = np.ascontiguousarray(arrays)
    checksum = zlib.crc32(array.reshape(-1).view("uint8"))
    return f"{array.dtype}{list(array.shape)} {checksum:08x}"
