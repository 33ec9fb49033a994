"""What `fit` looks at while it runs, and what it says about its errors."""

import contextlib
import re

import keras
import tensorflow as tf

from darts_tf import checks
from darts_tf.models import traced_model

_LARGEST = 2**31 - 1

# What TensorFlow says on a CPU; on a GPU the loss is NaN.
_NO_CLASS = re.compile(
    r"label value of (-?\d+) which is outside the valid range of \[0, (\d+)\)"
)
_NO_WORD = re.compile(r"indices\[[\d,]*\] = (-?\d+) is not in \[0, (\d+)\)")


def requested_steps(steps_per_epoch):
    """Returns a number of steps that a user asked for.

    Args:
        steps_per_epoch: Integer or `None`.

    Returns:
        Integer or `None`.

    Raises:
        ValueError: If it is not a positive integer.
    """
    if steps_per_epoch is None:
        return None
    return checks.integer(steps_per_epoch, "steps_per_epoch", 1, _LARGEST)


def pair_of_batches(batch):
    """Raises an error unless a batch for each of the two streams was given.

    Args:
        batch: What the user gave.

    Returns:
        The same.

    Raises:
        ValueError: If it is not a pair of tuples.
    """
    if not (
        isinstance(batch, list | tuple)
        and len(batch) == 2
        and all(isinstance(p, list | tuple) and len(p) in (2, 3) for p in batch)
    ):
        raise ValueError(
            "Expected a pair of batches, ((x, y), (x, y)), the first of the "
            "weights and the second of the alphas. "
            f"Received: batch of {type(batch)}"
        )
    return batch


class StepsAreTaken(keras.callbacks.Callback):
    """Raises an error at the end of an epoch without a step.

    Keras warns that data has run out and goes on with the next epoch. After
    all of them the cell would be read off the initial alphas.

    Raises:
        ValueError: In `fit`, if an epoch had no step.
    """

    def on_epoch_begin(self, epoch, logs=None):
        """Begins to count."""
        self._steps = 0

    def on_train_batch_end(self, batch, logs=None):
        """Counts the steps."""
        self._steps += 1

    def on_epoch_end(self, epoch, logs=None):
        """Raises the error."""
        if not self._steps:
            raise ValueError(
                "An epoch must have at least one step, but a data set had no "
                "batch: is it empty, at its end, or shorter than one batch "
                "with drop_remainder=True? The search needs a batch of each "
                "of its two streams, for the weights and for the alphas. "
                f"Received: no batch in epoch {epoch + 1}"
            )


@contextlib.contextmanager
def running(supernet):
    """Makes errors of the data clear ones, for a `with` block.

    Args:
        supernet: The model that the data goes to.

    Yields:
        Nothing.

    Raises:
        ValueError: If a label is not a class, or an id not a word.
    """
    try:
        with traced_model.graphs_of_many_models():
            yield
    except tf.errors.InvalidArgumentError as error:
        for pattern, noun, argument in (
            (_NO_CLASS, "Labels", "num_classes"),
            (_NO_WORD, "The ids of words", "vocabulary_size"),
        ):
            found = pattern.search(str(error))
            size = getattr(supernet, argument, None)
            if found and size == int(found[2]):
                raise ValueError(
                    f"{noun} must be from 0 to {size - 1}. "
                    f"Received: {found[1]}, {argument}={size}"
                ) from None
        raise
