"""Which models can be exported, and the form of them that goes into a file."""

import contextlib
import os
import pathlib

import keras

from darts_tf.models import conv_network
from darts_tf.models import plain_network
from darts_tf.models import recurrent_network
from darts_tf.models import stateful_language_model
from darts_tf.spaces import genotype as genotype_lib

_CONV = conv_network.ConvNetwork
_RECURRENT = recurrent_network.RecurrentNetwork


def check_conv_network(network):
    """Raises an error that says what to do, unless it is a network of images.

    Args:
        network: What was given to be exported.

    Raises:
        ValueError: If it is not a `darts_tf.ConvNetwork`, or the plain
            network beside which one has stood.
    """
    if isinstance(network, plain_network.PlainNetwork):
        return
    _check(network, _CONV, "Images are exported from")


def check_recurrent_network(network):
    """Raises an error that says what to do, unless it is a language model.

    Args:
        network: What was given to be exported.

    Raises:
        ValueError: If it is not a `darts_tf.RecurrentNetwork`.
    """
    _check(network, _RECURRENT, "A step model is made of")


def check_file(path, formats):
    """Raises an error that says what to do, unless it can name a file.

    Args:
        path: What was given as the path of an exported file.
        formats: String, what kinds of files are expected.

    Raises:
        ValueError: If it is a model, or the file of one before its export.
    """
    if not isinstance(path, str | os.PathLike):
        raise ValueError(
            f"The path of {formats} is expected; `export_saved_model` or "
            "`export_step_model` make one of a network. "
            f"Received: a {type(path).__name__}"
        )
    if pathlib.Path(path).suffix in (".keras", ".h5"):
        raise ValueError(
            f"The path of {formats} is expected; load the network with "
            "`darts_tf.models.load_network` and give it to "
            "`export_saved_model` or `export_step_model` first. "
            f"Received: {os.fspath(path)!r}"
        )


def _check(network, kind, beginning):
    if not isinstance(network, kind):
        raise ValueError(
            f"{beginning} a `darts_tf.{kind.__name__}`; {remedy(network)}. "
            f"Received: a {type(network).__name__}"
        )


def remedy(model):
    """Returns what to do about a model that is exported in another way.

    Args:
        model: Anything.

    Returns:
        String, a clause without a full stop.

    Example:

    >>> from darts_tf.export import networks
    >>> networks.remedy("network.keras")
    'load the file with `darts_tf.models.load_network` first'
    """
    # By its parts: this package does not know the one that searches.
    supernet = getattr(model, "supernet", model)
    if isinstance(model, str | os.PathLike):
        return "load the file with `darts_tf.models.load_network` first"
    if isinstance(model, genotype_lib.Genotype):
        return f"make its network, `darts_tf.{_of_kind(model.kind)}`, first"
    if hasattr(supernet, "alphas"):
        kind = "recurrent" if hasattr(supernet, "vocabulary_size") else "conv"
        return (
            "a search ends in a genotype: train the network of it, "
            f"`darts_tf.{_of_kind(kind)}(model.genotype(), ...)`, and export "
            "that"
        )
    if isinstance(model, stateful_language_model.StatefulLanguageModel):
        return "a `StatefulLanguageModel` has it as its `network`"
    if isinstance(model, _CONV):
        return "a network of images is exported by `export_saved_model`"
    if isinstance(model, _RECURRENT):
        return "a language model is exported by `export_step_model`"
    if isinstance(model, keras.Model):
        return _remedy_of_keras(model)
    return "make one of a genotype, or load one that was saved"


def _of_kind(kind):
    return "RecurrentNetwork" if kind == "recurrent" else "ConvNetwork"


def _remedy_of_keras(model):
    inside = [
        layer
        for layer in model._flatten_layers(include_self=False)
        if isinstance(layer, (_CONV, _RECURRENT))
    ]
    if len(inside) == 1 and inside[0] in model.layers:
        return (
            "export the network inside, `model.get_layer("
            f"{inside[0].name!r})`; what a `Classification` says of the pixels "
            "and classes stands for the layers around it, or Keras exports "
            "the whole, `model.export(path)`"
        )
    if inside:
        return "export the networks inside, each on its own"
    return "other models are exported by Keras, `model.export(path)`"


def in_float32(network):
    """Returns a network that computes in float32, with the same weights.

    Half-precision types are how a network is trained fast; the runtimes of
    phones do not have them, and a file should not round what it need not. The
    network that is given is left as it is.

    Args:
        network: A `darts_tf.ConvNetwork` or `darts_tf.RecurrentNetwork`, of
            any dtype policy.

    Returns:
        The network itself if all its layers are of float32, else another one.

    Example:

    >>> from darts_tf.export import networks
    >>> network = darts_tf.RecurrentNetwork(
    ...     darts_tf.zoo.RECURRENT_DARTS_V2, vocabulary_size=20, units=8
    ... )
    >>> networks.in_float32(network) is network
    True
    """
    if not list(_not_in_float32(network)):
        return network
    with _policy("float32"):
        config = {**network.get_config(), "dtype": "float32"}
        twin = type(network).from_config(config)
        if network.built:
            twin.build_from_config(network.get_build_config() or {})
        if network.built and not twin.built:
            twin.build()  # a language model needs no shape
    # What a layer, such as a custom operation, says of its own type.
    for layer in _not_in_float32(twin):
        layer.dtype_policy = "float32"
    for new, old in zip(twin.variables, network.variables, strict=True):
        new.assign(keras.ops.cast(old.value, new.dtype))
    return twin


def _not_in_float32(network):
    return (
        layer
        for layer in network._flatten_layers(include_self=True)
        if {layer.compute_dtype, layer.variable_dtype} != {"float32"}
    )


@contextlib.contextmanager
def _policy(name):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
