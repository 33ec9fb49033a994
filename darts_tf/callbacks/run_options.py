"""What two runs must have in common, for one to go on with the other."""

import contextlib

import keras

# They change during a run, or only count the objects of a process.
_NO_OPTIONS = (
    "learning_rate",
    "name",
    "build_config",
    "compile_config",
    "inbound_nodes",
    "input_layers",
    "output_layers",
    "shared_object_id",
)


def optimizers(model):
    """Returns the optimizers of a model.

    Args:
        model: A Keras model, compiled.

    Returns:
        A list of pairs of a name and an optimizer.
    """
    pairs = [("optimizer", model.optimizer)]
    if getattr(model, "alpha_optimizer", None) is not None:
        pairs.append(("alpha_optimizer", model.alpha_optimizer))
    return pairs


def describe(model, steps_per_epoch):
    """Returns the options of a run, as a flat dictionary.

    Args:
        model: A Keras model, compiled.
        steps_per_epoch: Integer.

    Returns:
        A dictionary from names such as `optimizer.momentum` to values.
    """
    parts = {"model": model, **dict(optimizers(model))}
    result = {"steps_per_epoch": steps_per_epoch}
    for name, part in parts.items():
        result[name] = type(part).__name__
        with contextlib.suppress(NotImplementedError):  # a model may have none
            _flatten(name, keras.saving.serialize_keras_object(part), result)
    return result


def _flatten(prefix, value, result):
    if isinstance(value, dict):
        for name, entry in value.items():
            if name not in _NO_OPTIONS:
                _flatten(f"{prefix}.{name}", entry, result)
    elif isinstance(value, list | tuple):
        result[prefix] = len(value)
        for index, entry in enumerate(value):
            _flatten(f"{prefix}.{index}", entry, result)
    else:
        result[prefix] = value
