"""What the callbacks of a training remember, taken out and put back.

A callback has a state if it has

- an attribute `variables`, a list of variables: `darts_tf.CollapseGuard`,
  `darts_tf.callbacks.SwitchToAveragedSGD`, and those of a user;
- or the methods `get_state()`, which returns numbers, strings, arrays, and
  lists and dictionaries of them, and `set_state(state)`, which gets them back;
- or is one of Keras' own that keep it in plain attributes.

Others, such as schedules and logs, do what the number of the epoch says.
"""

import base64
import collections
import contextlib

import keras
import numpy as np
import tensorflow as tf

# Keras resets these at the beginning of `fit`.
_KERAS_ATTRIBUTES = {
    keras.callbacks.EarlyStopping: (
        "wait",
        "stopped_epoch",
        "best",
        "best_epoch",
        "best_weights",
    ),
    keras.callbacks.ReduceLROnPlateau: ("wait", "best", "cooldown_counter"),
    keras.callbacks.ModelCheckpoint: (
        "best",
        "_batches_seen_since_last_saving",
        "_last_batch_seen",
    ),
}
_ARRAY = "__array__"


class CallbackState:
    """The state of several callbacks, found in them.

    Args:
        callbacks: Sequence of Keras callbacks, in the order of `fit`; those
            without a state are left out.
        model: The Keras model that they are for.

    Example:

    >>> from darts_tf.callbacks import callback_state
    >>> stop = keras.callbacks.EarlyStopping("loss", patience=3)
    >>> model = keras.Sequential([keras.Input((2,))])
    >>> states = callback_state.CallbackState([stop], model)
    >>> stop.wait, stop.best = 2, 0.5
    >>> saved = states.get()
    >>> stop.wait, stop.best = 0, None
    >>> states.set(saved)
    >>> stop.wait, stop.best
    (2, 0.5)
    """

    def __init__(self, callbacks, model):
        self._with_variables, self._with_values = [], {}
        counts = collections.Counter()
        for callback in callbacks:
            if _has_variables(callback, model):
                self._with_variables.append(callback)
            elif _has_values(callback):
                # The same callbacks may come in another order.
                kind = type(callback).__name__
                self._with_values[f"{kind}/{counts[kind]}"] = callback
                counts[kind] += 1

    @property
    def variables(self):
        """All variables, as one list."""
        return [v for c in self._with_variables for v in c.variables]

    def get(self):
        """Returns the rest of the state, which can be written as JSON.

        Returns:
            A dictionary, for `set`.

        Raises:
            ValueError: If a callback returns what cannot be saved.
        """
        return {
            name: _encoded(_values(callback), name)
            for name, callback in self._with_values.items()
        }

    def set(self, saved):
        """Gives the callbacks what `get` returned.

        Args:
            saved: Dictionary. A callback that is not in it stays as it is.
        """
        for name, callback in self._with_values.items():
            if name in saved:
                _set_values(callback, _decoded(saved[name]))

    def get_whole(self):
        """Returns the whole state, which can be written as JSON.

        Returns:
            A dictionary, for `set_whole`.
        """
        return {
            "values": self.get(),
            "variables": _encoded(self.variables, "variables"),
        }

    def set_whole(self, saved):
        """Gives the callbacks what `get_whole` returned.

        Args:
            saved: Dictionary.
        """
        self.set(saved["values"])
        values = _decoded(saved["variables"])
        for variable, value in zip(self.variables, values, strict=True):
            variable.assign(value)


def _has_variables(callback, model):
    # Not `hasattr`: they may be a property, and made by `set_model` only.
    name = "variables"
    if name not in vars(callback) and not hasattr(type(callback), name):
        return False
    callback.set_model(model)
    found = callback.variables
    return isinstance(found, list | tuple) and all(
        isinstance(v, keras.Variable | tf.Variable) for v in found
    )


def _has_values(callback):
    own = all(
        callable(getattr(callback, name, None))
        for name in ("get_state", "set_state")
    )
    return own or bool(_attributes(callback))


def _attributes(callback):
    return [
        name
        for kind, names in _KERAS_ATTRIBUTES.items()
        if isinstance(callback, kind)
        for name in names
        if hasattr(callback, name)
    ]


def _values(callback):
    if hasattr(callback, "get_state"):
        return callback.get_state()
    return {name: getattr(callback, name) for name in _attributes(callback)}


def _set_values(callback, values):
    if hasattr(callback, "set_state"):
        callback.set_state(values)
        return
    for name in _attributes(callback):
        if name in values:
            setattr(callback, name, values[name])


def _encoded(value, name):
    """Returns a value as JSON has it, with arrays to the last bit."""
    if value is None or isinstance(value, bool | int | float | str):
        # NumPy's float64 is one of Python's, too, and would come back as it.
        return value
    if isinstance(value, dict) and all(isinstance(k, str) for k in value):
        return {key: _encoded(entry, name) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_encoded(entry, name) for entry in value]
    if isinstance(value, keras.Variable | tf.Variable) or tf.is_tensor(value):
        value = keras.ops.convert_to_numpy(value)
    if isinstance(value, np.ndarray | np.generic) and _is_known(value.dtype):
        array = np.asarray(value)
        content = base64.b64encode(array.tobytes()).decode("ascii")
        return {_ARRAY: [array.dtype.name, list(array.shape), content]}
    raise ValueError(
        "The state of a callback must be of numbers, strings, arrays, and "
        "lists and dictionaries of them, so that it can be saved. "
        f"Received: a {type(value).__name__} from {name.split('/')[0]}"
    )


def _is_known(dtype):
    with contextlib.suppress(TypeError):
        return tf.as_dtype(dtype).as_numpy_dtype == dtype and dtype.kind != "O"
    return False


def _decoded(value):
    if isinstance(value, list):
        return [_decoded(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    if set(value) != {_ARRAY}:
        return {key: _decoded(entry) for key, entry in value.items()}
    name, shape, content = value[_ARRAY]
    dtype = tf.as_dtype(name).as_numpy_dtype  # NumPy knows no bfloat16
    array = np.frombuffer(base64.b64decode(content), dtype).reshape(shape)
    return array.copy()[()]  # a number, if there is no axis
