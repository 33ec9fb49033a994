"""TensorBoard's log of a search, which goes on where a run was killed."""

import contextlib
import errno
import pathlib
import re

import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams

from darts_tf.files import atomic_file

# What TensorFlow raises where Python would raise an `OSError`, and its number.
_NUMBERS = {
    tf.errors.ResourceExhaustedError: errno.ENOSPC,
    tf.errors.PermissionDeniedError: errno.EACCES,
    tf.errors.NotFoundError: errno.ENOENT,
}
# Where in a graph it was, which tells a user nothing.
_NODE = re.compile(r"\{\{.*?\}\}\s*")


class EventLog:
    """Writes numbers and pictures for TensorBoard.

    Args:
        folder: String or path; made if it is missing.
        steps: Optional integer: events of later steps, which a run that was
            stopped has written, are removed. Defaults to `None`, all are.

    Raises:
        OSError: Here and in each method, if a file cannot be written.
    """

    def __init__(self, folder, steps=None):
        self.folder = pathlib.Path(folder)
        atomic_file.remove_leftovers(self.folder)
        with self._errors():
            for file in sorted(self.folder.glob("*tfevents*")):
                if steps is None:
                    file.unlink()
                else:
                    _drop_later_events(file, steps)
            self._writer = tf.summary.create_file_writer(str(self.folder))

    def write(self, step, numbers, pictures=None):
        """Writes what belongs to a step; TensorBoard shows it at once.

        Args:
            step: Integer.
            numbers: Dictionary from tags to numbers.
            pictures: Optional dictionary from tags to arrays of shape
                `(height, width, 3)` and type `uint8`. Defaults to `None`.
        """
        with self._errors(), self._writer.as_default(step=step):
            for tag, value in numbers.items():
                tf.summary.scalar(tag, float(value))
            for tag, pixels in (pictures or {}).items():
                tf.summary.image(tag, pixels[None])
            self._writer.flush()

    def write_hyperparameters(self, values):
        """Writes the options of a run, for the table of runs.

        Args:
            values: Dictionary of numbers, strings, booleans and `None`.
        """
        with self._errors(), self._writer.as_default(step=0):
            hparams.hparams(
                {
                    name: "none" if value is None else value
                    for name, value in values.items()
                }
            )

    def close(self):
        """Closes the file."""
        with self._errors():
            self._writer.close()

    @contextlib.contextmanager
    def _errors(self):
        """Turns an error of TensorFlow's writer into that of the system."""
        try:
            yield
        except tf.errors.OpError as error:
            reason = _NODE.sub("", error.message).split("\n")[0]
            raise OSError(
                _NUMBERS.get(type(error), errno.EIO),
                f"TensorBoard's log could not be written ({reason}). "
                f"Received: {str(self.folder)!r}",
            ) from error


def _drop_later_events(path, step):
    """Removes the events of later steps from a file."""
    kept, dropped = [], False
    try:
        for record in tf.data.TFRecordDataset([str(path)]):
            event = tf.compat.v1.Event.FromString(record.numpy())
            if event.step > step:
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
