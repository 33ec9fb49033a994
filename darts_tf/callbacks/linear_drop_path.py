"""How the drop-path rate of a network rises during training."""

import keras

from darts_tf import checks


class LinearDropPath(keras.callbacks.Callback):
    """Raises the drop-path rate linearly from 0, epoch by epoch.

    In epoch e of E it is `rate * e / E`, so it stays just below `rate`.

    Args:
        rate: Float in [0, 1), where the rate would end. Defaults to `0.2`.
        epochs: Integer, E.

    Raises:
        ValueError: If the rate is out of range or `epochs` not positive.

    Example:

    >>> callback = darts_tf.LinearDropPath(rate=0.2, epochs=600)
    """

    def __init__(self, rate=0.2, epochs=600):
        super().__init__()
        checks.fraction(rate, "rate")
        self.rate = rate
        (self.epochs,) = checks.sizes(epochs=epochs)

    def on_epoch_begin(self, epoch, logs=None):
        """Sets the rate of the epoch."""
        self.model.drop_path_rate.assign(self.rate * epoch / self.epochs)
