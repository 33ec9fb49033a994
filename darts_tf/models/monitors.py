"""Callbacks that watch a figure: in which direction it gets better."""

import keras

# Keras knows the direction of `loss` and of the metrics of `compile` only.
_SMALLER_IS_BETTER = (
    "alpha_loss",
    "alpha_eigenvalue",
    "perplexity",
    "entropy_",
    "skips_",
)


def callback_list(callbacks):
    """Returns what `fit` takes for callbacks as a list.

    A callback such as `keras.callbacks.EarlyStopping("alpha_loss")`, whose
    `mode` is `"auto"`, gets the direction of the figures of this library.

    Args:
        callbacks: `None`, a callback, a list or tuple of them, or a
            `keras.callbacks.CallbackList`.

    Returns:
        List of callbacks.

    Raises:
        ValueError: If something in it is not a callback.

    Example:

    >>> from darts_tf.models import monitors
    >>> (callback,) = monitors.callback_list(
    ...     keras.callbacks.EarlyStopping("alpha_loss")
    ... )
    >>> callback.mode
    'min'
    """
    if isinstance(callbacks, keras.callbacks.CallbackList):
        callbacks = callbacks.callbacks
    callbacks = [c for c in keras.tree.flatten(callbacks) if c is not None]
    for callback in callbacks:
        if not isinstance(callback, keras.callbacks.Callback):
            raise ValueError(
                "`callbacks` must be Keras callbacks. "
                f"Received: {callback!r} of {type(callback)}"
            )
        monitor = getattr(callback, "monitor", None)
        if getattr(callback, "mode", None) != "auto" or not isinstance(
            monitor, str
        ):
            continue
        if monitor.removeprefix("val_").startswith(_SMALLER_IS_BETTER):
            callback.mode = "min"
    return callbacks
