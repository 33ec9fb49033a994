"""What happens between the epochs of a search."""

import json

import keras
import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams

from darts_tf.search import history_log
from darts_tf.spaces import atomic_file

ALPHAS_FILE = "alphas.jsonl"
# What passes its input on unchanged; too many of them, and a search collapses.
_SKIPS = ("skip_connect", "identity")


class SearchLog(history_log.HistoryLog):
    """Keeps what a search has found so far, at each epoch, in a folder.

    - `space.json`, the search space;
    - `genotype.json`, the most likely cell as of now;
    - `alphas.jsonl`, the architecture logits and the op weights over time, one
      line an epoch, the first (epoch 0) from before the search;
    - `history.jsonl`, losses, metrics and entropy, one line an epoch, and how
      the most likely cell stands: the number of its operations that change
      nothing (`skips_normal`) and its closest call (`margin_normal`), the
      smallest margin of a choice over the second best;
    - `tensorboard/`, all of them, the pictures and the hyperparameters, for
      TensorBoard.

    The entropy of the op weights, in nats and by cell type, is added to what
    `fit` shows and returns. A search that goes on removes what was written of
    the epochs that it repeats. Of several workers, the chief writes.

    Args:
        directory: String or path, an existing folder.
        pictures: Optional callable that draws the search at each epoch, such
            as `darts_tf.visualize.search_pictures`. It gets the space and the
            op weights and returns a dictionary from names to arrays of shape
            `(height, width, 3)` and type `uint8`. Defaults to `None`, no
            pictures.
        hyperparameters: Optional dictionary of numbers, strings and booleans
            (and `None`), for TensorBoard's table of runs. Defaults to `None`,
            none.

    Raises:
        NotADirectoryError: If the folder does not exist.

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

    def __init__(self, directory, pictures=None, hyperparameters=None):
        super().__init__(directory)
        self.pictures = pictures
        self.hyperparameters = hyperparameters
        self._writer = None

    def rewind(self, epoch):
        """Removes what a run has written after a number of epochs.

        Args:
            epoch: Integer, the number of epochs that are done.
        """
        super().rewind(epoch)
        history_log.drop_later_lines(self.directory / ALPHAS_FILE, epoch)
        folder = self.directory / "tensorboard"
        for file in sorted(folder.glob("*tfevents*")):
            _drop_later_events(file, epoch)
        self._writer = tf.summary.create_file_writer(str(folder))
        space = json.dumps(self.model.space.get_config(), indent=2)
        atomic_file.write_text(self.directory / "space.json", space + "\n")
        path = self.directory / ALPHAS_FILE
        if not path.exists() or not path.stat().st_size:
            self._write_hyperparameters()
            self._write_alphas(0)

    def on_epoch_end(self, epoch, logs=None):
        """Writes the state after an epoch."""
        logs = {} if logs is None else logs
        for cell_type, value in self.model.entropy().items():
            logs[f"entropy_{cell_type}"] = value
        if not self.writes:
            return
        self.model.genotype().save(self.directory / "genotype.json")
        figures = {**logs, **self._standing()}
        super().on_epoch_end(epoch, figures)
        self._write_alphas(epoch + 1)
        with self._writer.as_default(step=epoch + 1):
            for name, value in figures.items():
                tf.summary.scalar(name, float(value))
        self._writer.flush()  # TensorBoard shows the epoch now

    def on_train_end(self, logs=None):
        """Closes the TensorBoard log."""
        if self._writer is not None:  # there was an epoch
            self._writer.close()

    def _write_hyperparameters(self):
        if self.hyperparameters is None:
            return
        with self._writer.as_default(step=0):
            hparams.hparams(
                {
                    name: "none" if value is None else value
                    for name, value in self.hyperparameters.items()
                }
            )

    def _standing(self):
        """Returns the skips and the smallest margin of the likely cells."""
        choices = self.model.explain()
        numbers = {}
        for cell_type in self.model.space.cell_types:
            own = [c for c in choices if c.cell_type == cell_type]
            numbers[f"skips_{cell_type}"] = sum(
                choice.primitive in _SKIPS for choice in own
            )
            numbers[f"margin_{cell_type}"] = min(c.margin for c in own)
        return numbers

    def _write_alphas(self, epoch):
        types, op_weights = self.model.space.cell_types, self.model.op_weights()
        line = {"epoch": epoch}
        for cell_type, logits in zip(types, self.model.alphas, strict=True):
            line[f"alphas_{cell_type}"] = keras.ops.convert_to_numpy(
                logits
            ).tolist()
        for cell_type in types:
            line[f"op_weights_{cell_type}"] = op_weights[cell_type].tolist()
        history_log.append_line(self.directory / ALPHAS_FILE, line)
        edges, primitives = self.model.space.edges, self.model.space.primitives
        with self._writer.as_default(step=epoch):
            for cell_type, rows in op_weights.items():
                for (source, target), row in zip(edges, rows, strict=True):
                    for name, value in zip(primitives, row, strict=True):
                        tag = f"op_weights_{cell_type}/{source}-{target}/{name}"
                        tf.summary.scalar(tag, value)
            if self.pictures is not None:
                pictures = self.pictures(self.model.space, op_weights)
                for name, pixels in pictures.items():
                    tf.summary.image(f"pictures/{name}", pixels[None])


def _drop_later_events(path, epoch):
    """Removes the events of later epochs from a file of TensorBoard's."""
    kept, dropped = [], False
    try:
        for record in tf.data.TFRecordDataset([str(path)]):
            event = tf.compat.v1.Event.FromString(record.numpy())
            if event.step > epoch:
                dropped = True
            else:
                kept.append(record.numpy())
    except tf.errors.DataLossError:  # its end is torn
        dropped = True
    if dropped:
        with (
            atomic_file.replacing(path) as temporary,
            tf.io.TFRecordWriter(str(temporary)) as writer,
        ):
            for record in kept:
                writer.write(record)
