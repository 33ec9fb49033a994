"""Keeps the weights of the epoch that was best on the validation images."""

import pathlib
import re

import keras
import numpy as np

from darts_tf.files import atomic_file

_FILE = re.compile(r"best_(\d+)\.npz")


class BestEpoch(keras.callbacks.Callback):
    """Keeps the weights of the best epoch in a file, `best_<epoch>.npz`.

    Its state goes on with `darts_tf.ExactResume`: the file of an earlier epoch
    is removed only when a later one has been saved with it.

    Args:
        directory: String or path, an existing folder.
        monitor: String, the metric; of equal ones the lower loss counts.
            Defaults to `"val_accuracy"`.

    Example:

    >>> import tempfile
    >>> from darts_tf.classifier import best_epoch
    >>> folder = tempfile.TemporaryDirectory()
    >>> best = best_epoch.BestEpoch(folder.name)
    >>> best.set_model(keras.Sequential([keras.Input((1,))]))
    >>> best.on_epoch_end(0, {"val_accuracy": 0.5, "val_loss": 1.0})
    >>> best.on_epoch_end(1, {"val_accuracy": 0.4, "val_loss": 0.9})
    >>> best.epoch, best.value
    (1, 0.5)
    >>> folder.cleanup()
    """

    def __init__(self, directory, monitor="val_accuracy"):
        super().__init__()
        self.directory = pathlib.Path(directory)
        self.monitor = monitor
        self.epoch, self.value, self.loss = 0, None, None

    def get_state(self):
        """Returns what a process that goes on has to know."""
        return {"epoch": self.epoch, "value": self.value, "loss": self.loss}

    def set_state(self, state):
        """Goes on where another process was stopped."""
        for name, value in state.items():
            setattr(self, name, value)

    def on_epoch_begin(self, epoch, logs=None):
        """Removes the files of epochs that are not the best, or come again."""
        for path in self.directory.glob("best_*.npz"):
            found = _FILE.fullmatch(path.name)
            if found and int(found[1]) != self.epoch:
                path.unlink()

    def on_epoch_end(self, epoch, logs=None):
        """Keeps the weights, if no epoch before was better."""
        value, loss = float(logs[self.monitor]), float(logs["val_loss"])
        if self.value is not None and (-value, loss) >= (
            -self.value,
            self.loss,
        ):
            return
        self.epoch, self.value, self.loss = epoch + 1, value, loss
        with atomic_file.replacing(self._path()) as temporary:
            np.savez(temporary, *self.model.get_weights())

    def restore(self, model):
        """Gives a model the weights of the best epoch.

        Args:
            model: The model that was trained, or one like it.
        """
        with np.load(self._path()) as file:
            model.set_weights([file[f"arr_{i}"] for i in range(len(file))])

    def _path(self):
        return self.directory / f"best_{self.epoch:04}.npz"
