"""What happens between the epochs of a search."""

import json
import os
import pathlib

import keras
import tensorflow as tf


class SearchLog(keras.callbacks.Callback):
    """Keeps what a search has found so far, at each epoch, in a folder.

    - `genotype.json`, the most likely cell as of now;
    - `alphas.jsonl`, the architecture logits over time, one line an epoch,
      the first (epoch 0) from before the search;
    - `history.jsonl`, losses, metrics and entropy, one line an epoch;
    - `tensorboard/`, all of them and the op weights, for TensorBoard.

    The entropy of the op weights, in nats and by cell type, is added to what
    `fit` shows and returns.

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
        super().__init__()
        self.directory = pathlib.Path(directory)
        if not self.directory.is_dir():
            raise NotADirectoryError(
                "`directory` must be an existing folder. "
                f"Received: directory={str(directory)!r}"
            )
        self._writer = None

    def on_train_begin(self, logs=None):
        """Writes the state before the first step."""
        self._writer = tf.summary.create_file_writer(
            str(self.directory / "tensorboard")
        )
        if not (self.directory / "alphas.jsonl").exists():
            self._write_alphas(0)

    def on_epoch_end(self, epoch, logs=None):
        """Writes the state after an epoch."""
        logs = {} if logs is None else logs
        for cell_type, value in self.model.entropy().items():
            logs[f"entropy_{cell_type}"] = value
        self.model.genotype().save(self.directory / "genotype.json")
        numbers = {name: float(value) for name, value in logs.items()}
        self._append("history.jsonl", {"epoch": epoch + 1, **numbers})
        self._write_alphas(epoch + 1)
        with self._writer.as_default(step=epoch + 1):
            for name, value in numbers.items():
                tf.summary.scalar(name, value)

    def on_train_end(self, logs=None):
        """Closes the TensorBoard log."""
        self._writer.close()

    def _write_alphas(self, epoch):
        types = self.model.space.cell_types
        self._append(
            "alphas.jsonl",
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

    def _append(self, name, value):
        with open(self.directory / name, "a", encoding="utf-8") as file:
            file.write(json.dumps(value) + "\n")
            file.flush()
            os.fsync(file.fileno())
