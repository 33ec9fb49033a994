"""The callbacks of a user, made anew for each search."""

import copy

import keras


def check(callbacks):
    """Returns the callbacks of a tuner, after a look at them.

    Args:
        callbacks: `None`, a Keras callback, a list of them, or a function
            without arguments that returns one.

    Returns:
        The list, or the function.

    Raises:
        TypeError: If something else is among them.
        ValueError: If a callback cannot be copied.

    Example:

    >>> from darts_tf.tuner import trial_callbacks
    >>> trial_callbacks.check([keras.callbacks.EarlyStopping])
    Traceback (most recent call last):
    ...
    TypeError: `callbacks` must be ... Received: <class ...EarlyStopping'>
    """
    if _is_function(callbacks):
        return callbacks
    callbacks = _as_list(callbacks)
    for callback in callbacks:
        try:
            copy.deepcopy(callback)
        except Exception as error:
            raise ValueError(
                "Each search gets a copy of each callback. For a callback "
                "that cannot be copied, let `callbacks` be a function that "
                "makes the list anew, such as "
                f"`lambda: [{type(callback).__name__}()]`. Received: "
                f"{callback!r}, where copy.deepcopy raises {error!r}"
            ) from error
    return callbacks


def make(callbacks):
    """Returns the callbacks of one search, which no other search has.

    Args:
        callbacks: What `check` returned.

    Returns:
        A list of Keras callbacks.

    Raises:
        TypeError: If a function returned something else.
    """
    if _is_function(callbacks):
        return _as_list(callbacks())
    return copy.deepcopy(_as_list(callbacks))


def _is_function(callbacks):
    return callable(callbacks) and not isinstance(
        callbacks, keras.callbacks.Callback | type
    )


def _as_list(callbacks):
    if callbacks is None:
        return []
    if not isinstance(callbacks, list | tuple):
        callbacks = [callbacks]
    for callback in callbacks:
        if not isinstance(callback, keras.callbacks.Callback):
            raise TypeError(
                "`callbacks` must be a list of instances of "
                "keras.callbacks.Callback, or a function that returns one. "
                f"Received: {callback!r}"
            )
    return list(callbacks)
