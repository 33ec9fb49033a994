"""Reads a network that was saved, and says what is wrong with the file."""

import os
import pathlib
import zipfile

import keras

from darts_tf.models import traced_model


class KerasFileModel(traced_model.TracedModel):
    """A model that is saved as a `.keras` file, and refuses the older HDF5.

    From HDF5 Keras makes a model of a custom class without building it,
    so that no weight finds its place.

    Args:
        *args: Arguments of `keras.Model`.
        **kwargs: Keyword arguments of `keras.Model`.
    """

    def save(self, filepath, overwrite=True, zipped=None, **kwargs):
        """Saves the model, as `keras.Model.save`.

        Args:
            filepath: String or path that ends in `.keras`.
            overwrite: Boolean, as in Keras. Defaults to `True`.
            zipped: Optional boolean, as in Keras. Defaults to `None`.
            **kwargs: Keyword arguments of `keras.Model.save`.

        Raises:
            ValueError: If the file would be one of HDF5, which Keras writes
                and cannot read.
        """
        if str(filepath).endswith((".h5", ".hdf5")):
            self._check_hdf5(filepath)
        super().save(filepath, overwrite, zipped, **kwargs)

    def _check_hdf5(self, filepath):
        """Refuses to be written as HDF5.

        `keras.saving.save_model` asks this, too (`darts_tf.environment`).

        Args:
            filepath: String or path of the file.

        Raises:
            ValueError: Always.
        """
        raise ValueError(
            "A model of this library is saved as .keras, with all that is "
            "needed to load it; `save_weights` writes its weights alone, as "
            f".weights.h5. Received: filepath={str(filepath)!r}"
        )


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
