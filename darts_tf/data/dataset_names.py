"""What a data set of images may be called, and what is said of a wrong name.

This file imports nothing of the package, so that the commands can ask it before
TensorFlow is loaded.
"""

import difflib
import pathlib

LAYOUTS = (
    "<class>/*, or train/<class>/* with or without test/<class>/*, or a table "
    ".csv with the columns path and label"
)
TABLE_SUFFIX = ".csv"


def is_path(name):
    """Returns whether a name can only be that of a folder or a table.

    Args:
        name: String.

    Returns:
        Boolean.

    Example:

    >>> from darts_tf.data import dataset_names
    >>> [dataset_names.is_path(name) for name in ("./photos", "mnist")]
    [True, False]
    """
    path = pathlib.Path(name).expanduser()
    return (
        path.is_absolute()
        or name.startswith(".")
        or path.suffix.lower() == TABLE_SUFFIX
    )


def check_known(name, tfds, argument="name"):
    """Raises an error for a name that TensorFlow Datasets does not know.

    Args:
        name: String, the name, perhaps with a configuration and a version.
        tfds: The module `tensorflow_datasets`.
        argument: String, what to call the name in the error. Defaults to
            `"name"`.

    Raises:
        ValueError: If there is no such data set; it names similar ones.
    """
    base = base_of(name)
    known = tfds.list_builders(with_community_datasets=False)
    if base in known:
        return
    there = ""
    if pathlib.Path(name).is_dir():
        there = f"The folder {name!r} has no folders with images. "
    close = difflib.get_close_matches(base, ["digits", *known], n=5)
    raise ValueError(
        f"`{argument}` must be 'digits', a data set of TensorFlow Datasets, or "
        f"the path of a folder with {LAYOUTS}. {there}Close matches: {close}. "
        f"Received: {argument}={name!r}"
    )


def base_of(name):
    """Returns the name of a data set without configuration and version.

    Args:
        name: String, such as `"cifar10:3.0.2"` or `"imagenette/160px"`.

    Returns:
        String.

    Example:

    >>> from darts_tf.data import dataset_names
    >>> dataset_names.base_of("imagenette/160px")
    'imagenette'
    """
    return name.replace(":", "/").split("/")[0]
