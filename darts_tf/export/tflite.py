"""Writes a SavedModel as a TFLite file."""

import numpy as np
import tensorflow as tf

from darts_tf.export import assets
from darts_tf.export import rewriting
from darts_tf.export import saved_model as saved_model_lib

PRECISIONS = ("float32", "float16", "dynamic_range", "int8")


def export_tflite(
    saved_model, path, precision="float32", representative_images=None
):
    """Converts a SavedModel to a `.tflite` file.

    A SavedModel with the endpoint `probabilities` becomes a file that takes
    uint8 pixels and returns probabilities: float32, and with `"int8"` uint8 in
    steps of 1/256. Another one becomes a file that takes and returns what its
    signature `serving_default` does: float32, and with `"int8"` int8.

    The batch size of images in the file is 1, which lets the converter fuse
    dilated convolutions; `resize_tensor_input` makes it another. The texts
    inside the SavedModel go into the file; `read_assets` reads them.

    Args:
        saved_model: String or path, a folder written by `export_saved_model`
            or `export_step_model`.
        path: String or path, the file to write; it must not exist yet.
        precision: String. `"float32"`; `"float16"` weights, half the size;
            `"dynamic_range"`: int8 weights, activations rounded to int8 as
            they come; `"int8"`: all of it in integers, with ranges that are
            measured on images, so not for step models, whose state would be
            rounded at each word. Defaults to `"float32"`.
        representative_images: Array of shape `(samples, height, width,
            channels)`, a hundred or so real images as the SavedModel takes
            them, for `"int8"` only. Defaults to `None`.

    Returns:
        The file as a `pathlib.Path`.

    Raises:
        FileExistsError: If there is something at the path.
        OSError: If there is no SavedModel.
        ValueError: If the precision is unknown or not for this network, if
            the network was built for images of any size, or if images are
            lacking, of another shape, or do not apply.

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
    path = saved_model_lib.check_new(path)
    content = convert(saved_model, precision, representative_images)
    path.write_bytes(rewriting.shortened(content))
    assets.append_to_tflite(path, assets.read_assets(saved_model))
    return path


def convert(saved_model, precision="float32", representative_images=None):
    """Returns a SavedModel of any origin as the content of a `.tflite` file.

    Args:
        saved_model: String or path, a folder; its signature `serving_default`
            or, if there is one, `probabilities` is converted.
        precision: As for `export_tflite`. Defaults to `"float32"`.
        representative_images: As for `export_tflite`. Defaults to `None`.

    Returns:
        Bytes.

    Raises:
        OSError: If there is no SavedModel.
        ValueError: As for `export_tflite`.
    """
    if precision not in PRECISIONS:
        raise ValueError(
            f"`precision` must be one of {PRECISIONS}. "
            f"Received: precision={precision!r}"
        )
    if (representative_images is not None) != (precision == "int8"):
        raise ValueError(
            "`representative_images` must be given with precision='int8', and "
            f"not otherwise. Received: precision={precision!r}"
        )
    integers = precision == "int8"
    source = saved_model_lib.load_function(saved_model, 1, floats=integers)
    _check_sizes(source.specs, saved_model)
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [source.function.get_concrete_function()], source.owner
    )
    if precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if integers:
        images = _checked(representative_images, source)
        converter.representative_dataset = lambda: ([image] for image in images)
        # Fails, instead of leaving float operations in the file.
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.TFLITE_BUILTINS_INT8
        ]
        dtype = tf.uint8 if source.takes_pixels else tf.int8
        converter.inference_input_type = dtype
        converter.inference_output_type = dtype
    return converter.convert()


def _check_sizes(specs, saved_model):
    """Raises an error for images of any size, which LiteRT does not take."""
    for spec in specs:
        if None in spec.shape[1:]:
            raise ValueError(
                "A TFLite file takes images of one size: build a network of "
                "the same genotype for that size, such as "
                "network.build((None, 224, 224, 3)), call its set_weights "
                "with the weights of this one, and export it. Received: "
                f"{str(saved_model)!r}, which takes {tuple(spec.shape)}"
            )


def _checked(images, source):
    """Returns images one by one, as the converter wants them."""
    if len(source.specs) != 1:
        raise ValueError(
            "An int8 file is made of a network of images: the state of a "
            "language model would be rounded to 8 bits at each word. "
            f"Received: inputs {[spec.name for spec in source.specs]}"
        )
    images = np.array(images, "float32")  # a copy, which is changed below
    shape = tuple(source.specs[0].shape[1:])
    if images.shape[1:] != shape or not len(images):
        raise ValueError(
            f"`representative_images` must have the shape (samples, *{shape}). "
            f"Received: an array of shape {images.shape}"
        )
    if source.takes_pixels:
        # So that one step of the quantised input is one grey level, exactly.
        images[0].flat[0], images[0].flat[-1] = 0, 255
    return images[:, np.newaxis]
