"""The figures of a training in a file and in TensorBoard."""

from darts_tf.callbacks import event_log
from darts_tf.callbacks import history_log

EVENTS_FOLDER = "tensorboard"


class TrainingLog(history_log.HistoryLog):
    """Writes `history.jsonl` as `HistoryLog` does, and TensorBoard's log.

    The log is in the folder `tensorboard`. A resumed training removes the
    epochs that it repeats from both.

    Args:
        directory: String or path, an existing folder.
        hyperparameters: Optional dictionary of numbers, strings and booleans
            (and `None`), for TensorBoard's table of runs. Defaults to `None`,
            none.

    Raises:
        NotADirectoryError: If the folder does not exist.
        ValueError: If a file there has a damaged line.
        OSError: In `fit`, if a file cannot be written.

    Example:

    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> callback = darts_tf.callbacks.TrainingLog(
    ...     folder.name, hyperparameters={"filters": 36}
    ... )
    >>> folder.cleanup()
    """

    def __init__(self, directory, hyperparameters=None):
        super().__init__(directory)
        self.hyperparameters = hyperparameters
        self._events = None

    def rewind(self, epoch):
        """Removes what a run has written after a number of epochs.

        Args:
            epoch: Integer, the number of epochs that are done.
        """
        super().rewind(epoch)
        self._events = event_log.EventLog(
            self.directory / EVENTS_FOLDER, epoch or None
        )
        if not epoch and self.hyperparameters is not None:
            self._events.write_hyperparameters(self.hyperparameters)

    def on_epoch_end(self, epoch, logs=None):
        """Writes the figures of an epoch."""
        if self._events is not None:  # this process writes
            self._events.write(epoch + 1, logs or {})
        # After the events: of an epoch whose line is there they are, too.
        super().on_epoch_end(epoch, logs)

    def on_train_end(self, logs=None):
        """Closes TensorBoard's log."""
        if self._events is not None:
            self._events.close()
