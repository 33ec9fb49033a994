"""Writes a network as a SavedModel."""

import os
import pathlib

import keras
import tensorflow as tf

ASSETS = "assets.extra"


def export_saved_model(network, path):
    """Writes what a network computes in inference as a SavedModel.

    The endpoint `serve`, and the signature `serving_default`, take a batch of
    any size under the name `images` and return `{"logits": ...}`. What only
    training uses (auxiliary classifier, path dropout) is not in the file. The
    genotype is, as the asset `genotype.json`.

    Args:
        network: A built `darts_tf.ConvNetwork`.
        path: String or path, a folder that does not exist yet.

    Returns:
        The folder as a `pathlib.Path`.

    Raises:
        FileExistsError: If there is something at the path.
        ValueError: If the network is not built.

    Example:

    >>> import tempfile, tensorflow as tf
    >>> network = darts_tf.ConvNetwork(
    ...     darts_tf.zoo.DARTS_V2, filters=2, num_cells=1
    ... )
    >>> network.build((None, 8, 8, 1))
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = darts_tf.export.export_saved_model(network, folder.name + "/net")
    >>> loaded = tf.saved_model.load(str(path))
    >>> images = np.zeros((3, 8, 8, 1), "float32")
    >>> loaded.serve(images)["logits"].shape
    TensorShape([3, 10])
    >>> folder.cleanup()
    """
    shape = input_shape(network)
    signature = [tf.TensorSpec(shape, tf.float32, name="images")]

    def serve(images):
        return {"logits": network(images, training=False)}

    return write(network, path, serve, signature)


def write(network, path, serve, signature):
    """Writes a function of a network, and its genotype, as a SavedModel.

    Args:
        network: A built model with a `genotype`, whose variables it uses.
        path: String or path, a folder that does not exist yet.
        serve: Callable, the endpoint `serve`; it returns a dictionary.
        signature: List of `tf.TensorSpec`, one for each argument of `serve`.

    Returns:
        The folder as a `pathlib.Path`.

    Raises:
        FileExistsError: If there is something at the path.
    """
    path = pathlib.Path(path)
    if path.exists():
        raise FileExistsError(
            f"`path` must not exist yet. Received: path={str(path)!r}"
        )
    archive = keras.export.ExportArchive()
    archive.track(network)
    archive.add_endpoint("serve", serve, signature)
    archive.write_out(str(path), verbose=False)
    assets = path / ASSETS
    os.makedirs(assets, exist_ok=True)
    network.genotype.save(assets / "genotype.json")
    return path


def input_shape(network):
    """Returns the shape of a batch of a network's images.

    Args:
        network: A built `darts_tf.ConvNetwork`.

    Returns:
        Tuple with an open batch size.

    Raises:
        ValueError: If the network is not built.
    """
    config = network.get_build_config() if network.built else None
    if not config:
        raise ValueError(
            "The network must be built, on the size of images that it will "
            f"see. Received: built={network.built}"
        )
    return (None, *config["input_shape"][1:])
