"""Writes a network as a TFLite file."""

import pathlib

import tensorflow as tf


def export_tflite(saved_model, path):
    """Converts a SavedModel to a float32 `.tflite` file.

    Args:
        saved_model: String or path, a folder written by `export_saved_model`.
        path: String or path, the file to write; it must not exist yet.

    Returns:
        The file as a `pathlib.Path`.

    Raises:
        FileExistsError: If there is something at the path.

    Example:

    >>> import tempfile
    >>> network = darts_tf.ConvNetwork(
    ...     darts_tf.zoo.DARTS_V2, filters=2, num_cells=1
    ... )
    >>> network.build((None, 8, 8, 1))
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = darts_tf.export.export_saved_model(network, folder.name + "/net")
    >>> file = darts_tf.export.export_tflite(path, folder.name + "/net.tflite")
    >>> file.stat().st_size > 0
    True
    >>> folder.cleanup()
    """
    path = pathlib.Path(path)
    if path.exists():
        raise FileExistsError(
            f"`path` must not exist yet. Received: path={str(path)!r}"
        )
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model))
    path.write_bytes(converter.convert())
    return path
