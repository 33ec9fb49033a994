"""Writes a SavedModel as an ONNX file."""

from darts_tf.export import assets
from darts_tf.export import saved_model as saved_model_lib

OPSET = 17


def export_onnx(saved_model, path):
    """Converts a SavedModel to an `.onnx` file of float32 weights.

    It needs `pip install 'darts-tf[onnx]'`. The file takes batches of any
    size: uint8 pixels to probabilities if the SavedModel has the endpoint
    `probabilities`, otherwise what its signature `serving_default` takes and
    returns. The texts inside the SavedModel go into the metadata of the file;
    `read_assets` reads them.

    Args:
        saved_model: String or path, a folder written by `export_saved_model`.
        path: String or path, the file to write; it must not exist yet and end
            in `.onnx`.

    Returns:
        The file as a `pathlib.Path`.

    Raises:
        FileExistsError: If there is something at the path.
        ModuleNotFoundError: If the extra is not installed.
        OSError: If there is no SavedModel.
        ValueError: If the path ends in something else, or the SavedModel is a
            step model: the values of an ONNX graph have one name each, so none
            can take a `state` and return a `state`.

    Example:

    >>> darts_tf.export.export_onnx("saved_model", "network.tflite")
    Traceback (most recent call last):
    ...
    ValueError: `path` must end in .onnx. Received: path='network.tflite'
    """
    path = saved_model_lib.check_new(path)
    if path.suffix != ".onnx":
        raise ValueError(
            f"`path` must end in .onnx. Received: path={str(path)!r}"
        )
    source = saved_model_lib.load_function(saved_model)
    shared = {spec.name for spec in source.specs} & set(
        source.function.get_concrete_function().structured_outputs
    )
    if shared:
        raise ValueError(
            "In an ONNX file no input and output can have the same name. "
            f"Received: {str(saved_model)!r} with {sorted(shared)}"
        )
    import onnx  # An extra: only those who want the format install it.
    import tf2onnx

    model, _ = tf2onnx.convert.from_function(
        source.function, source.specs, opset=OPSET
    )
    onnx.helper.set_model_props(model, assets.read_assets(saved_model))
    onnx.save(model, str(path))
    return path
