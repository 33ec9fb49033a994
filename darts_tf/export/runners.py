"""Runs exported files on images."""

import pathlib

import numpy as np
import tensorflow as tf
from ai_edge_litert import interpreter as litert

from darts_tf.export import networks

BATCH_SIZE = 64


def predict(path, images, num_threads=None):
    """Runs an exported file on images, in its own runtime.

    Args:
        path: String or path: the folder of a SavedModel, a `.tflite` or an
            `.onnx` file, written by this library.
        images: Array of shape `(samples, height, width, channels)`: uint8
            pixels for a file with a classification, otherwise normalised
            float32 images, as the network takes them.
        num_threads: Optional integer, for TFLite and ONNX. Defaults to `None`,
            the runtime's own choice.

    Returns:
        float32 array of shape `(samples, num_classes)`: probabilities, or
        logits; those of an int8 file in its steps.

    Raises:
        ValueError: If the images are not what the file takes.

    Example:

    >>> import tempfile
    >>> network = darts_tf.ConvNetwork(
    ...     darts_tf.zoo.DARTS_V2, filters=2, num_cells=1
    ... )
    >>> network.build((None, 8, 8, 1))
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = darts_tf.export.export_saved_model(network, folder.name + "/net")
    >>> images = np.zeros((3, 8, 8, 1), "float32")
    >>> darts_tf.export.predict(path, images).shape
    (3, 10)
    >>> folder.cleanup()
    """
    images = np.asarray(images)
    run = load(path, num_threads)
    batches = [
        run(images[start : start + BATCH_SIZE])
        for start in range(0, len(images), BATCH_SIZE)
    ]
    return np.concatenate(batches)


def load(path, num_threads=None):
    """Loads an exported file as a function of a batch.

    Args:
        path: As for `predict`.
        num_threads: As for `predict`.

    Returns:
        Callable that takes a batch of images to a float32 array.

    Raises:
        ValueError: If it is the path of another kind of file, or no path.
    """
    networks.check_file(path, "a SavedModel, a .tflite or an .onnx file")
    path = pathlib.Path(path)
    if path.is_dir():
        return _saved_model(path)
    if path.suffix == ".onnx":
        return _onnx(path, num_threads)
    return _tflite(path, num_threads)


def _saved_model(path):
    loaded = tf.saved_model.load(str(path))
    pixels = "classify" in loaded.signatures
    name, output = (
        ("classify", "probabilities") if pixels else ("serve", "logits")
    )

    def run(images):
        _check_type(images, np.uint8 if pixels else np.float32)
        # From `loaded`, which must stay alive as long as its functions.
        return getattr(loaded, name)(images)[output].numpy()

    return run


def _onnx(path, num_threads):
    import onnxruntime  # An extra, as the format itself.

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_threads or 0
    session = onnxruntime.InferenceSession(
        str(path), options, providers=["CPUExecutionProvider"]
    )
    (argument,) = session.get_inputs()
    pixels = argument.type == "tensor(uint8)"

    def run(images):
        _check_type(images, np.uint8 if pixels else np.float32)
        return session.run(None, {argument.name: images})[0]

    return run


def _tflite(path, num_threads):
    interpreter = litert.Interpreter(str(path), num_threads=num_threads)
    (source,) = interpreter.get_input_details()
    (result,) = interpreter.get_output_details()
    shape = tuple(source["shape"])

    def run(images):
        nonlocal shape
        # The integers of an int8 file stand for normalised images.
        takes = np.uint8 if source["dtype"] == np.uint8 else np.float32
        _check_type(images, takes)
        if images.shape != shape or not run.allocated:
            interpreter.resize_tensor_input(source["index"], images.shape)
            interpreter.allocate_tensors()
            shape, run.allocated = images.shape, True
        if source["dtype"] == np.int8:
            images = _quantized(images, *source["quantization"])
        interpreter.set_tensor(source["index"], images)
        interpreter.invoke()
        outputs = interpreter.get_tensor(result["index"])
        if outputs.dtype == np.float32:
            return outputs
        scale, zero = result["quantization"]
        return ((outputs.astype("int32") - zero) * scale).astype("float32")

    run.allocated = False
    return run


def _quantized(images, scale, zero):
    levels = np.round(images / scale) + zero
    return np.clip(levels, -128, 127).astype(np.int8)


def _check_type(images, dtype):
    if images.dtype != dtype:
        raise ValueError(
            f"This file takes images of type {np.dtype(dtype).name}. "
            f"Received: {images.dtype}"
        )
