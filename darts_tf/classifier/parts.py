"""Divides images for training, validation and test, and keeps the list."""

import dataclasses
import pathlib

import numpy as np

from darts_tf.data import splitting
from darts_tf.files import json_file

SPLIT_FILE = "split.json"
_VALIDATION_SHARE = 0.2
_MOST_VALIDATION = 2000


@dataclasses.dataclass(frozen=True, eq=False)
class Parts:
    """Which images are for what.

    Args:
        train: int64 array of positions among the images that are not for the
            test.
        validation: int64 array of such positions.
    """

    train: np.ndarray
    validation: np.ndarray


def divide(labels, seed):
    """Draws the validation images, a share of each class.

    Args:
        labels: int64 array, of the images that are not for the test.
        seed: Integer.

    Returns:
        A `Parts`.

    Example:

    >>> from darts_tf.classifier import parts
    >>> found = parts.divide(np.repeat([0, 1], 10), seed=0)
    >>> len(found.train), len(found.validation)
    (16, 4)
    """
    share = min(_VALIDATION_SHARE, _MOST_VALIDATION / len(labels))
    train, validation = splitting.hold_out(labels, share, seed)
    return Parts(train, validation)


def write(directory, source, found, seed):
    """Writes which image is in which part.

    Args:
        directory: Path.
        source: A `sources.Source`.
        found: A `Parts` of its labels.
        seed: Integer.

    Raises:
        ValueError: If the folder has the list of other images.
    """
    rest, test = source.items
    lists = {
        "seed": seed,
        "fingerprint": source.fingerprint,
        "classes": list(source.class_names),
        "train": [rest[index] for index in found.train],
        "validation": [rest[index] for index in found.validation],
        "test": test,
    }
    path = pathlib.Path(directory, SPLIT_FILE)
    if path.exists() and json_file.read_object(path) != lists:
        raise ValueError(
            "A run goes on with the images it was begun with, which its "
            f"{SPLIT_FILE} lists. Received: other images or classes, with "
            f"{str(directory)!r}"
        )
    json_file.write(path, lists)
