"""What happens between the epochs of a search."""

import keras

from darts_tf.callbacks import event_log
from darts_tf.callbacks import history_log
from darts_tf.spaces import genotype_json
from darts_tf.spaces import search_record


class SearchLog(history_log.HistoryLog):
    """Writes what a search has found to a folder, at each epoch.

    - `space.json`, the search space;
    - `genotype.json`, the most likely cell so far;
    - `alphas.jsonl`, the architecture logits and the op weights over time, one
      line an epoch, the first (epoch 0) from before the search;
    - `history.jsonl`, losses, metrics and entropy, one line an epoch, and two
      figures of the most likely cell: the number of its operations that change
      nothing (`skips_normal`), and the smallest margin of a choice over the
      second best operation (`margin_normal`);
    - `tensorboard/`, all these figures, the pictures and the hyperparameters,
      for TensorBoard.

    `darts_tf.visualize.write_report` makes one page of these files. The
    entropy of the op weights, in nats and by cell type, is added to what `fit`
    shows and returns. A resumed search removes the lines of the epochs that it
    repeats. If there are several workers, only the chief writes.

    Args:
        directory: String or path, an existing folder.
        pictures: Optional callable that draws the search at each epoch, such
            as `darts_tf.visualize.search_pictures`. It is called with the
            space and the op weights, and returns a dictionary from names to
            arrays of shape `(height, width, 3)` and type `uint8`. Defaults to
            `None`, no pictures.
        hyperparameters: Optional dictionary of numbers, strings and booleans
            (and `None`), for TensorBoard's table of runs. Defaults to `None`,
            none.

    Raises:
        NotADirectoryError: If the folder does not exist.
        ValueError: If a file in the folder has a damaged line.
        OSError: In `fit`, if a file cannot be written.

    Example:

    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> callback = darts_tf.SearchLog(
    ...     folder.name,
    ...     pictures=darts_tf.visualize.search_pictures,
    ...     hyperparameters={"filters": 16},
    ... )
    >>> folder.cleanup()
    """

    files = (history_log.HISTORY_FILE, search_record.ALPHAS_FILE)

    def __init__(self, directory, pictures=None, hyperparameters=None):
        super().__init__(directory)
        self.pictures = pictures
        self.hyperparameters = hyperparameters
        self._events = None

    def rewind(self, epoch):
        """Removes what a run has written after a number of epochs.

        Args:
            epoch: Integer, the number of epochs that are done.
        """
        super().rewind(epoch)
        search_record.drop_later_alphas(self.directory, epoch)
        begun = search_record.has_alphas(self.directory)
        self._events = event_log.EventLog(
            self.directory / "tensorboard", epoch if begun else None
        )
        search_record.write_space(self.directory, self.model.space)
        if not begun:
            if self.hyperparameters is not None:
                self._events.write_hyperparameters(self.hyperparameters)
            self._write_alphas(0, {})

    def on_epoch_end(self, epoch, logs=None):
        """Writes the state after an epoch."""
        logs = {} if logs is None else logs
        for cell_type, value in self.model.entropy().items():
            logs[f"entropy_{cell_type}"] = value
        if not self.writes:
            return
        self.model.genotype().save(self.directory / genotype_json.FILE)
        figures = {**logs, **self._standing()}
        super().on_epoch_end(epoch, figures)
        self._write_alphas(epoch + 1, figures)

    def on_train_end(self, logs=None):
        """Closes the TensorBoard log."""
        if self._events is not None:  # there was an epoch
            self._events.close()

    def _standing(self):
        """Returns the skips and the smallest margin of the likely cells."""
        choices = self.model.explain()
        numbers = {}
        for cell_type, cell in self.model.genotype().cells.items():
            own = [c for c in choices if c.cell_type == cell_type]
            numbers[f"skips_{cell_type}"] = cell.num_skips
            numbers[f"margin_{cell_type}"] = min(c.margin for c in own)
        return numbers

    def _write_alphas(self, epoch, figures):
        space, op_weights = self.model.space, self.model.op_weights()
        numbers = {
            f"op_weights_{cell_type}/{source}-{target}/{name}": value
            for cell_type, rows in op_weights.items()
            for (source, target), row in zip(space.edges, rows, strict=True)
            for name, value in zip(space.primitives, row, strict=True)
        }
        pictures = {}
        if self.pictures is not None:
            drawn = self.pictures(space, op_weights)
            pictures = {f"pictures/{n}": pixels for n, pixels in drawn.items()}
        self._events.write(epoch, {**numbers, **figures}, pictures)
        # After the events: a search whose first line is missing restarts.
        search_record.append_alphas(
            self.directory,
            epoch,
            {
                cell_type: keras.ops.convert_to_numpy(logits)
                for cell_type, logits in zip(
                    space.cell_types, self.model.alphas, strict=True
                )
            },
            {name: op_weights[name] for name in space.cell_types},
        )
