"""What happens between the epochs of a search."""

import keras
import tensorflow as tf

from darts_tf.search import history_log
from darts_tf.spaces import atomic_file

ALPHAS_FILE = "alphas.jsonl"


class SearchLog(history_log.HistoryLog):
    """Keeps what a search has found so far, at each epoch, in a folder.

    - `genotype.json`, the most likely cell as of now;
    - `alphas.jsonl`, the architecture logits over time, one line an epoch,
      the first (epoch 0) from before the search;
    - `history.jsonl`, losses, metrics and entropy, one line an epoch;
    - `tensorboard/`, all of them and the op weights, for TensorBoard.

    The entropy of the op weights, in nats and by cell type, is added to what
    `fit` shows and returns. A search that goes on removes what was written of
    the epochs that it repeats.

    Args:
        directory: String or path, an existing folder.

    Raises:
        NotADirectoryError: If the folder does not exist.

    Example:

    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> callback = darts_tf.SearchLog(folder.name)
    >>> folder.cleanup()
    """

    def __init__(self, directory):
        super().__init__(directory)
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
        path = self.directory / ALPHAS_FILE
        if not path.exists() or not path.stat().st_size:
            self._write_alphas(0)

    def on_epoch_end(self, epoch, logs=None):
        """Writes the state after an epoch."""
        logs = {} if logs is None else logs
        for cell_type, value in self.model.entropy().items():
            logs[f"entropy_{cell_type}"] = value
        self.model.genotype().save(self.directory / "genotype.json")
        super().on_epoch_end(epoch, logs)
        self._write_alphas(epoch + 1)
        with self._writer.as_default(step=epoch + 1):
            for name, value in logs.items():
                tf.summary.scalar(name, float(value))
        self._writer.flush()

    def on_train_end(self, logs=None):
        """Closes the TensorBoard log."""
        if self._writer is not None:  # there was an epoch
            self._writer.close()

    def _write_alphas(self, epoch):
        types = self.model.space.cell_types
        history_log.append_line(
            self.directory / ALPHAS_FILE,
            {
                "epoch": epoch,
                **{
                    f"alphas_{cell_type}": keras.ops.convert_to_numpy(
                        logits
                    ).tolist()
                    for cell_type, logits in zip(
                        types, self.model.alphas, strict=True
                    )
                },
            },
        )
        edges, primitives = self.model.space.edges, self.model.space.primitives
        with self._writer.as_default(step=epoch):
            for cell_type, rows in self.model.op_weights().items():
                for (source, target), row in zip(edges, rows, strict=True):
                    for name, value in zip(primitives, row, strict=True):
                        tag = f"op_weights_{cell_type}/{source}-{target}/{name}"
                        tf.summary.scalar(tag, value)


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
