"""Writes a network as a SavedModel."""

import errno
import pathlib
import typing

import tensorflow as tf

from darts_tf.export import assets
from darts_tf.export import networks


def export_saved_model(network, path, classification=None, preprocessing=True):
    """Writes what a network computes in inference as a SavedModel.

    Its endpoints, which are also signatures, take batches of any size under
    the name `images`:

    - `serve`: normalised float32 images, as the network takes them, to
      `{"logits": ...}`; without a classification it is `serving_default`;
    - with a classification `probabilities`: float32 pixels in [0, 255], such
      as resizing makes them, to `{"probabilities": ...}`;
    - and `classify`, then the signature `serving_default`: uint8 pixels to the
      probabilities, `class_name`, the name of the most likely class of each
      image, and `class_names`, all names.

    What only training uses (auxiliary classifier, path dropout) is not in the
    file, which computes in float32, also if the network was trained in mixed
    precision. Genotype, config and labels are in the file, in `assets.extra`,
    the folder which the format leaves to its users; `read_assets` reads them.

    Args:
        network: A built `darts_tf.ConvNetwork`.
        path: String or path, a folder that does not exist yet.
        classification: Optional `Classification`, how the images were
            normalised and what the classes are called. Defaults to `None`,
            the network's own; without one there is only `serve`.
        preprocessing: Boolean; if not, there is only `serve` whatever the
            network knows. Defaults to `True`.

    Returns:
        The folder as a `pathlib.Path`.

    Raises:
        FileExistsError: If there is something at the path.
        ValueError: If the network is of another kind or not built, the
            classification is for other numbers of channels or classes, or is
            given without `preprocessing`.

    Example:

    >>> import tempfile, tensorflow as tf
    >>> network = darts_tf.ConvNetwork(
    ...     darts_tf.zoo.DARTS_V2, num_classes=2, filters=2, num_cells=1
    ... )
    >>> network.build((None, 8, 8, 1))
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = darts_tf.export.export_saved_model(
    ...     network,
    ...     folder.name + "/net",
    ...     darts_tf.Classification([0.5], [0.25], ["cat", "dog"]),
    ... )
    >>> loaded = tf.saved_model.load(str(path))
    >>> outputs = loaded.classify(np.zeros((3, 8, 8, 1), "uint8"))
    >>> outputs["class_name"].shape, outputs["probabilities"].shape
    (TensorShape([3]), TensorShape([3, 2]))
    >>> folder.cleanup()
    """
    facts = {"input_shape": list(input_shape(network))}
    if not preprocessing and classification is not None:
        raise ValueError(
            "A classification is what the preprocessing needs. "
            f"Received: {classification=}, {preprocessing=}"
        )
    if preprocessing and classification is None:
        classification = network.classification
    network = networks.in_float32(network)
    if classification is not None:
        facts["mean"] = list(classification.mean)
        facts["std"] = list(classification.std)
    texts = assets.describe(network, facts)
    if classification is not None:
        texts["labels.txt"] = "\n".join(classification.class_names) + "\n"
    return write(path, _endpoints(network, classification), texts)


def write(path, endpoints, texts):
    """Writes functions of a network, and texts about it, as a SavedModel.

    Args:
        path: String or path, a folder that does not exist yet.
        endpoints: Dictionary from names, `serve` among them, to pairs of a
            function, which returns a dictionary, and the `tf.TensorSpec`s of
            its arguments.
        texts: Dictionary from the name of each text to the text.

    Returns:
        The folder as a `pathlib.Path`.

    Raises:
        FileExistsError: If there is something at the path.
        OSError: If it cannot be written.
    """
    path = check_new(path)
    functions = {
        name: tf.function(function, specs, autograph=False)
        for name, (function, specs) in endpoints.items()
    }
    module = tf.Module()
    for name, function in functions.items():
        setattr(module, name, function)
    # What no endpoint reads (auxiliary classifier, optimizer) stays behind.
    # Keras' ExportArchive would write each variable twice.
    module.read = [
        variable.deref()
        for variable in {
            variable.ref(): None
            for function in functions.values()
            for variable in function.get_concrete_function().variables
        }
    ]
    # Users of a server have pixels; the file takes them if it can.
    default = functions.get("classify", functions["serve"])
    signatures = {**functions, "serving_default": default}
    try:
        tf.saved_model.save(module, str(path), signatures)
    except tf.errors.OpError as error:  # also for a full disk
        reason = error.message.split("\n")[0]
        raise OSError(
            errno.EIO,
            f"The SavedModel could not be written ({reason}). "
            f"Received: path={str(path)!r}",
        ) from error
    assets.write(path, texts)
    return path


def _endpoints(network, classification):
    """Returns the function of each endpoint, and what it takes."""
    shape = input_shape(network)

    def takes(dtype):
        return [tf.TensorSpec(shape, dtype, name="images")]

    def serve(images):
        return {"logits": network(images, training=False)}

    if classification is None:
        return {"serve": (serve, takes(tf.float32))}
    classification.check_fits(shape[-1], network.num_classes)

    def probabilities(images):
        logits = network(classification.normalize(images), training=False)
        return {"probabilities": tf.nn.softmax(logits)}

    def classify(images):
        outputs = probabilities(tf.cast(images, tf.float32))
        names = tf.constant(classification.class_names)
        best = tf.argmax(outputs["probabilities"], -1)
        return {
            **outputs,
            "class_name": tf.gather(names, best),
            "class_names": names,
        }

    return {
        "serve": (serve, takes(tf.float32)),
        "probabilities": (probabilities, takes(tf.float32)),
        "classify": (classify, takes(tf.uint8)),
    }


def check_new(path):
    """Returns a path to write to, if there is nothing yet.

    Args:
        path: String or path.

    Returns:
        A `pathlib.Path`.

    Raises:
        FileExistsError: If there is something at the path.
    """
    path = pathlib.Path(path)
    if path.exists():
        raise FileExistsError(
            f"`path` must not exist yet. Received: path={str(path)!r}"
        )
    return path


def input_shape(network):
    """Returns the shape of a batch of a network's images.

    Args:
        network: A built `darts_tf.ConvNetwork`.

    Returns:
        Tuple with an open batch size.

    Raises:
        ValueError: If the network is of another kind or not built.

    Example:

    >>> network = darts_tf.ConvNetwork(
    ...     darts_tf.zoo.DARTS_V2, filters=2, num_cells=1
    ... )
    >>> network.build((1, 8, 8, 3))
    >>> darts_tf.export.input_shape(network)
    (None, 8, 8, 3)
    """
    networks.check_conv_network(network)
    config = network.get_build_config() if network.built else None
    if not config:
        raise ValueError(
            "The network must be built, on the size of images that it will "
            f"see. Received: built={network.built}"
        )
    return (None, *config["input_shape"][1:])


class LoadedFunction(typing.NamedTuple):
    """What an exporter converts.

    `owner` is the loaded SavedModel, which must outlive the function;
    `takes_pixels` tells whether images are raw pixels.
    """

    owner: typing.Any
    function: typing.Any
    specs: list
    takes_pixels: bool


def load_function(path, batch_size=None, floats=False):
    """Loads what a SavedModel computes, for an exporter to convert.

    That is the endpoint `probabilities`, which is given uint8 pixels, or else
    the signature `serving_default`.

    Args:
        path: String or path, a folder that this library wrote.
        batch_size: Optional integer, of images; of anything else the batch
            stays open. Defaults to `None`, any.
        floats: Boolean, whether pixels are float32 after all. Defaults to
            `False`.

    Returns:
        A `LoadedFunction`.

    Raises:
        OSError: If there is no SavedModel at the path.
        ValueError: If it is the path of another kind of file, or no path.
    """
    networks.check_file(path, "the folder of a SavedModel")
    loaded = tf.saved_model.load(str(path))
    takes_pixels = "probabilities" in loaded.signatures
    signature = loaded.signatures[
        "probabilities" if takes_pixels else "serving_default"
    ]
    inputs = signature.structured_input_signature[1]
    specs = [
        tf.TensorSpec(
            (batch_size if spec.shape.rank == 4 else None, *spec.shape[1:]),
            tf.uint8 if takes_pixels and not floats else spec.dtype,
            name,
        )
        for name, spec in inputs.items()
    ]

    @tf.function(input_signature=specs)
    def function(*tensors):
        cast = {
            name: tf.cast(tensor, spec.dtype)
            for tensor, (name, spec) in zip(
                tensors, inputs.items(), strict=True
            )
        }
        return signature(**cast)

    return LoadedFunction(loaded, function, specs, takes_pixels)
