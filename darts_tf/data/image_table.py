"""Reads a table of the paths of images and their labels."""

import csv
import pathlib

import numpy as np

from darts_tf.data import dataset_names

# The names that such tables have for their columns.
_PATHS = ("path", "file", "filename", "image", "file_name", "filepath")
_LABELS = ("label", "class", "target", "class_name")
_PARTS = ("split", "set", "subset")
_TRAIN = ("train", "training")
_TEST = ("test", "testing")
_VALIDATION = ("val", "valid", "validation")


def is_one(path):
    """Returns whether a path has the name of a table.

    Args:
        path: A `pathlib.Path`.

    Returns:
        Boolean.
    """
    return path.suffix.lower() == dataset_names.TABLE_SUFFIX


def read(path):
    r"""Reads a file `.csv` of paths and labels.

    The first line names the columns, of which `path` (or `file`, `filename`,
    `image`) and `label` (or `class`, `target`) are read, and `split`, if there
    is one, with `train`, `test` or `val` in each line; where both exist, the
    lines of `val` are training images. Paths are relative to the folder of the
    table.

    Args:
        path: A `pathlib.Path`.

    Returns:
        Tuple `(train, test, class_names)`: `train` and `test` are each a list
        of paths and an int64 array of labels, the positions in `class_names`,
        which are in alphabetical order; `test` is `None` if no line says so.

    Raises:
        ValueError: If a column is missing, a line has no path or label, a
            file does not exist, or a class has no training image.
        OSError: If the table cannot be read.

    Example:

    >>> import pathlib, tempfile
    >>> from darts_tf.data import image_table
    >>> folder = tempfile.TemporaryDirectory()
    >>> for name in ("0.png", "1.png"):
    ...     pathlib.Path(folder.name, name).touch()
    >>> table = pathlib.Path(folder.name, "labels.csv")
    >>> _ = table.write_text("path,label\n0.png,dog\n1.png,cat\n")
    >>> (paths, labels), test, class_names = image_table.read(table)
    >>> labels.tolist(), test, class_names
    ([1, 0], None, ('cat', 'dog'))
    >>> folder.cleanup()
    """
    lines = _lines(path)
    class_names = tuple(sorted({label for _, label, _ in lines}))
    number = {name: index for index, name in enumerate(class_names)}
    has_test = any(part in _TEST for _, _, part in lines)
    held_out = _TEST if has_test else _VALIDATION
    parts = {False: ([], []), True: ([], [])}
    for file, label, part in lines:
        paths, labels = parts[part in held_out]
        paths.append(file)
        labels.append(number[label])
    train, test = (
        (paths, np.array(labels, np.int64)) for paths, labels in parts.values()
    )
    missing = sorted(set(range(len(class_names))) - set(train[1].tolist()))
    if missing:
        raise ValueError(
            "Each class must have a training image. Received: "
            f"{str(path)!r} without one of {class_names[missing[0]]!r}"
        )
    return train, test if len(test[1]) else None, class_names


def _lines(path):
    """Returns path, label and part (or `""`) of each line."""
    try:
        # Excel begins a file with a mark that does not belong to the name.
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file, skipinitialspace=True)
            names = table.fieldnames or ()
            columns = [
                _column(names, known, path) for known in (_PATHS, _LABELS)
            ]
            columns.append(next((n for n in names if _is(n, _PARTS)), None))
            lines = [_line(row, columns, path, table.line_num) for row in table]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(
            f"A table of text in UTF-8, with commas, is expected ({error}). "
            f"Received: {str(path)!r}"
        ) from error
    if not lines:
        raise ValueError(
            f"At least one image is expected. Received: {str(path)!r} with "
            "its first line alone"
        )
    return lines


def _column(names, known, path):
    """Returns the name of the column that is one of the known names."""
    for name in names:
        if _is(name, known):
            return name
    raise ValueError(
        f"The first line must name a column {known[0]!r} (or one of "
        f"{known[1:]}), with commas between the columns. "
        f"Received: {str(path)!r} with {list(names)}"
    )


def _is(name, known):
    return (name or "").strip().lower() in known


def _line(row, columns, path, number):
    """Returns the values of one line, checked."""
    file, label, part = (
        (row[column] or "").strip() if column else "" for column in columns
    )
    part = part.lower()
    if not file or not label:
        raise ValueError(
            "Each line must have a path and a label. "
            f"Received: line {number} of {str(path)!r}"
        )
    if columns[2] and part not in (*_TRAIN, *_TEST, *_VALIDATION):
        raise ValueError(
            f"A line must say {_TRAIN[0]!r}, {_TEST[0]!r} or "
            f"{_VALIDATION[0]!r} in its column {columns[2]!r}. "
            f"Received: {part!r} in line {number} of {str(path)!r}"
        )
    found = path.parent / pathlib.Path(file).expanduser()
    if not found.is_file():
        raise ValueError(
            f"The path must be that of a file, from the folder of the table. "
            f"Received: {file!r} in line {number} of {str(path)!r}"
        )
    return str(found), label, part
