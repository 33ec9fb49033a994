"""Checks that exported files compute what the network computes."""

import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert import interpreter as litert


def largest_differences(network, images, saved_model=None, tflite=None):
    """Returns by how much the logits of exported files differ at most.

    Args:
        network: A `darts_tf.ConvNetwork`.
        images: Array of shape `(samples, height, width, channels)`, as the
            network takes them.
        saved_model: Optional string or path, a folder written by
            `export_saved_model`. Defaults to `None`.
        tflite: Optional string or path, a file written by `export_tflite`.
            Defaults to `None`.

    Returns:
        A dictionary with the largest absolute difference for each file given,
        under `"saved_model"` and `"tflite"`, and that between the two, under
        `"saved_model_tflite"`, if both are.

    Example:

    >>> network = darts_tf.ConvNetwork(
    ...     darts_tf.zoo.DARTS_V2, filters=2, num_cells=1
    ... )
    >>> images = np.zeros((2, 8, 8, 1), "float32")
    >>> darts_tf.export.largest_differences(network, images)
    {}
    """
    images = np.asarray(images, "float32")
    expected = keras.ops.convert_to_numpy(network(images, training=False))
    logits = {}
    if saved_model is not None:
        loaded = tf.saved_model.load(str(saved_model))
        logits["saved_model"] = loaded.serve(images)["logits"].numpy()
    if tflite is not None:
        logits["tflite"] = run_tflite(tflite, images)
    differences = {
        name: float(np.abs(value - expected).max())
        for name, value in logits.items()
    }
    if len(logits) == 2:
        differences["saved_model_tflite"] = float(
            np.abs(logits["saved_model"] - logits["tflite"]).max()
        )
    return differences


def run_tflite(path, images):
    """Runs a `.tflite` file on a batch of images.

    Args:
        path: String or path, a file with one input and one output.
        images: float32 array of shape `(samples, height, width, channels)`.

    Returns:
        float32 array of shape `(samples, num_classes)`.
    """
    interpreter = litert.Interpreter(model_path=str(path))
    inputs, outputs = (
        details[0]["index"]
        for details in (
            interpreter.get_input_details(),
            interpreter.get_output_details(),
        )
    )
    interpreter.resize_tensor_input(inputs, images.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(inputs, images)
    interpreter.invoke()
    return interpreter.get_tensor(outputs)
