"""The figures of a training in a file, a line an epoch."""

import json
import os
import pathlib

import keras

from darts_tf.search import replicas
from darts_tf.spaces import atomic_file

HISTORY_FILE = "history.jsonl"


class HistoryLog(keras.callbacks.Callback):
    """Writes the figures of each epoch to `history.jsonl` in a folder.

    A training that goes on removes the lines of the epochs that it repeats, so
    that each epoch has one. Of several workers, the chief writes.

    Args:
        directory: String or path, an existing folder.

    Raises:
        NotADirectoryError: If the folder does not exist.

    Example:

    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> callback = darts_tf.search.HistoryLog(folder.name)
    >>> folder.cleanup()
    """

    def __init__(self, directory):
        super().__init__()
        self.directory = pathlib.Path(directory)
        if not self.directory.is_dir():
            raise NotADirectoryError(
                "`directory` must be an existing folder. "
                f"Received: directory={str(directory)!r}"
            )
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
        drop_later_lines(self.directory / HISTORY_FILE, epoch)

    def on_epoch_end(self, epoch, logs=None):
        """Writes one line."""
        if not self.writes:
            return
        numbers = {name: float(value) for name, value in (logs or {}).items()}
        append_line(
            self.directory / HISTORY_FILE, {"epoch": epoch + 1, **numbers}
        )


def append_line(path, value):
    """Writes a value at the end of a file, as a line of JSON.

    Args:
        path: String or path, the file.
        value: What `json.dumps` can write.
    """
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(value) + "\n")
        file.flush()
        os.fsync(file.fileno())


def drop_later_lines(path, epoch):
    """Removes the lines after an epoch, and one that is torn.

    Args:
        path: Path, a file of lines of JSON with an `"epoch"`. It may be
            missing.
        epoch: Integer, the last epoch that stays.
    """
    if not path.exists():
        return
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if _epoch_of(line) <= epoch]
    if kept != lines:
        atomic_file.write_text(path, "".join(kept))


def _epoch_of(line):
    try:
        return json.loads(line)["epoch"]
    except ValueError:
        return float("inf")
