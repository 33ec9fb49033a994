"""The figures of a training in a file, a line an epoch."""

import pathlib

import keras

from darts_tf.distribution import replicas
from darts_tf.files import json_file

HISTORY_FILE = "history.jsonl"


class HistoryLog(keras.callbacks.Callback):
    """Writes the figures of each epoch to `history.jsonl` in a folder.

    A resumed training removes the lines of the epochs that it repeats, so each
    epoch has one line. If there are several workers, only the chief writes.

    Args:
        directory: String or path, an existing folder.

    Raises:
        NotADirectoryError: If the folder does not exist.
        ValueError: If a file there has a damaged line.
        OSError: In `fit`, if the file cannot be written.

    Example:

    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> callback = darts_tf.callbacks.HistoryLog(folder.name)
    >>> folder.cleanup()
    """

    files = (HISTORY_FILE,)

    def __init__(self, directory):
        super().__init__()
        self.directory = pathlib.Path(directory)
        if not self.directory.is_dir():
            raise NotADirectoryError(
                "`directory` must be an existing folder. "
                f"Received: directory={str(directory)!r}"
            )
        for name in self.files:  # before long work
            if (self.directory / name).exists():
                json_file.read_lines(self.directory / name)
        self._begun = False

    def on_train_begin(self, logs=None):
        """Awaits the first epoch."""
        self._begun = False

    def on_epoch_begin(self, epoch, logs=None):
        """Removes what is written about this epoch and later ones."""
        if not self._begun:
            self._begun = True
            if self.writes:
                self.rewind(epoch)

    @property
    def writes(self):
        """Whether this process writes the files."""
        return replicas.is_chief(self.model.distribute_strategy)

    def rewind(self, epoch):
        """Removes what a run has written after a number of epochs.

        Args:
            epoch: Integer, the number of epochs that are done.
        """
        json_file.drop_later_lines(self.directory / HISTORY_FILE, epoch)

    def on_epoch_end(self, epoch, logs=None):
        """Writes one line."""
        if not self.writes:
            return
        numbers = {name: float(value) for name, value in (logs or {}).items()}
        json_file.append_line(
            self.directory / HISTORY_FILE, {"epoch": epoch + 1, **numbers}
        )


def read_history(directory):
    """Reads what `HistoryLog` wrote, also while the training runs.

    Args:
        directory: String or path, the folder of the training.

    Returns:
        A list of dictionaries, one for each epoch, with the integer `"epoch"`
        and the figures; empty if nothing is written yet.

    Raises:
        ValueError: If a line is damaged.
        OSError: If the file cannot be read.

    Example:

    >>> import tempfile
    >>> from darts_tf.callbacks import history_log
    >>> folder = tempfile.TemporaryDirectory()
    >>> history_log.read_history(folder.name)
    []
    >>> folder.cleanup()
    """
    path = pathlib.Path(directory, HISTORY_FILE)
    return json_file.read_lines(path) if path.exists() else []
