"""Keeps a training within the time that it was given."""

import collections
import math
import statistics
import time

import keras

from darts_tf.classifier import clock

# How much faster than planned a training must be for more epochs.
_WORTH = 1.1
# By how much of its time it may be late before there are fewer.
_TOLERANCE = 0.05
_MOST_EPOCHS = 2000


class Pace(keras.callbacks.Callback):
    """Ends a training after the epoch with which its time is used best.

    The number of epochs is that of the plan; when the epochs turn out to be
    slower or faster than planned it changes, with a line that says so. The
    learning rate falls along half a cosine to 0 at the last of them.

    Its state goes on with `darts_tf.ExactResume`.

    Args:
        seconds: Number, from the beginning of the training to its end.
        epochs: Integer, as planned.
        learning_rate: Float, of the first epoch.
        say: Callable that is given lines.
        title: String, what is being trained.
        least: Integer, the fewest epochs that are worth anything; they are
            trained even if the time is over. Defaults to `1`.
        now: Callable that returns seconds. Defaults to `time.monotonic`.
    """

    def __init__(
        self,
        seconds,
        epochs,
        learning_rate,
        say,
        title,
        least=1,
        now=time.monotonic,
    ):
        super().__init__()
        self.seconds = seconds
        self.epochs = min(epochs, _MOST_EPOCHS)
        self.learning_rate = learning_rate
        self.say = say
        self.title = title
        self.least = min(least, self.epochs)
        self.now = now
        self._before = 0.0
        self._began = now()
        self._last_epochs = collections.deque(maxlen=8)

    def get_state(self):
        """Returns what a process that goes on has to know."""
        return {"epochs": self.epochs, "spent": self.spent()}

    def set_state(self, state):
        """Goes on where another process was stopped."""
        self.epochs = state["epochs"]
        self._before = state["spent"]
        self._began = self.now()

    def spent(self):
        """Returns the seconds of this training so far."""
        return self._before + self.now() - self._began

    def on_train_begin(self, logs=None):
        """Awaits the first step, which builds the graph."""
        self._is_first = True

    def on_epoch_begin(self, epoch, logs=None):
        """Sets the learning rate."""
        angle = math.pi * min(epoch / self.epochs, 1.0)
        self._rate = self.learning_rate * (1 + math.cos(angle)) / 2
        self.model.optimizer.learning_rate = self._rate
        self._epoch_began = self._last = self.now()
        self._steps = []

    def on_train_batch_end(self, batch, logs=None):
        """Times the step."""
        now = self.now()
        self._steps.append(now - self._last)
        self._last = now

    def on_epoch_end(self, epoch, logs=None):
        """Decides how many epochs follow."""
        if logs is not None:
            logs["learning_rate"] = self._rate
        done = epoch + 1
        left, each = self.seconds - self.spent(), self._epoch_seconds()
        fits = done + max(round(left / each), 0)
        fits = min(max(fits, self.least), _MOST_EPOCHS)
        # The first epoch made the graphs, and says only what is too much.
        is_faster = fits >= _WORTH * self.epochs and self._last_epochs
        over = (self.epochs - done) * each - left
        is_late = over > _TOLERANCE * self.seconds and fits < self.epochs
        if is_late or is_faster:
            self.say(
                f"{self.title}: {fits} epochs instead of {self.epochs}, to "
                f"end within {clock.minutes(self.seconds)}."
            )
            self.epochs = fits
        if done >= self.epochs:
            self.model.stop_training = True

    def _epoch_seconds(self):
        """Returns how long an epoch takes, from what has been seen."""
        if self._is_first:
            self._is_first = False
            # Without the first step, which built the graph, and validation.
            steps = self._steps[1:] or [self.seconds / self.epochs]
            return max(statistics.median(steps) * len(self._steps), 1e-9)
        self._last_epochs.append(self.now() - self._epoch_began)
        return max(statistics.mean(self._last_epochs), 1e-9)
