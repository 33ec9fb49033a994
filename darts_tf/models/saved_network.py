"""Reads a network that was saved, and says what is wrong with the file."""

import os
import pathlib
import zipfile

import keras


def load_network(path):
    """Loads a network of this library from a `.keras` file.

    As `keras.saving.load_model`, which runs no code of the file in its safe
    mode, but for the errors: whatever is wrong with the file is a `ValueError`
    that names it.

    Args:
        path: String or path, a file `.keras`.

    Returns:
        A Keras model.

    Raises:
        ValueError: If the file is torn, holds no model, or one of classes that
            this library does not have.

    Example:

    >>> darts_tf.models.load_network("network.keras")
    Traceback (most recent call last):
    ...
    ValueError: `path` must be a network saved ... (there is no such file)...
    """
    path = pathlib.Path(path)
    reason = "there is no such file"
    if path.is_file():
        reason = "it is no archive" if not zipfile.is_zipfile(path) else None
    if reason is None:
        try:
            return keras.saving.load_model(os.fspath(path))
        except (
            ValueError,
            TypeError,
            KeyError,
            AttributeError,
            OSError,
            RuntimeError,
            EOFError,
            RecursionError,
            zipfile.BadZipFile,
        ) as error:
            # Keras says over many lines what did not fit.
            text = " ".join(str(error).split())
            reason = f"{type(error).__name__}: {text[:200]}"
    raise ValueError(
        "`path` must be a network saved by this library as .keras "
        f"({reason}). Received: {os.fspath(path)!r}"
    )
