"""Says how a training goes: how long it will take, and a line an epoch."""

import collections
import contextlib
import statistics
import sys
import time

import keras

# The first step builds its graph, and says nothing about the others. As many
# steps, and seconds of them, are seen before the first estimate.
_STEPS = 3
_SECONDS = 5.0
# How many of the last steps an estimate is made of.
_WINDOW = 200
# The line of an epoch has its duration already.
_NOT_SHOWN = ("seconds",)
# What is said of the whole that a training is a part of: the last one counts.
_WHOLES = []


class Progress(keras.callbacks.Callback):
    """Prints the figures of each epoch, and how long the run will take.

    After some steps a line says how long all epochs will take together; the
    first step, which builds the graph, counts once. The line of each epoch
    says how much is left. On a terminal Keras' progress bar has the figures,
    so that only the times are printed: pass `verbose` to `fit`.

    Args:
        start_step: Integer, the number of steps that were taken before in all;
            those of them that the first epoch passes over are not timed.
            Defaults to 0.
        bar: Optional boolean, whether there is a progress bar. Defaults to
            `None`, which means on a terminal.
        out: Optional text stream to print to. Defaults to `None`, standard
            output.
        clock: Callable that returns seconds. Defaults to `time.monotonic`.
        every: Optional integer. After each epoch whose number is a multiple of
            it something more is done that takes time, such as the measurement
            of an eigenvalue. Defaults to `None`, never.

    Example:

    >>> from trainers import progress
    >>> progress.duration(5400), progress.duration(12)
    ('90 min', '12 s')
    """

    def __init__(
        self,
        start_step=0,
        bar=None,
        out=None,
        clock=time.monotonic,
        every=None,
    ):
        super().__init__()
        self.start_step = start_step
        self.bar = bar
        self.out = out
        self.clock = clock
        self.every = every
        self._in_step = False
        self._first = None
        self._steps = collections.deque(maxlen=_WINDOW)
        # Seconds of epochs that are of no step: of those in which something
        # more is done, and of the others.
        self._between = {True: [], False: []}
        self._said = False

    @property
    def verbose(self):
        """What `fit` gets: 1, Keras' progress bar, or 0, none."""
        shown = self._stream().isatty() if self.bar is None else self.bar
        return 1 if shown else 0

    def step_line(self):
        """Returns what to say when a signal asks to stop, or `None`."""
        if not self._in_step:
            return None
        if self._steps:
            how_long = f"a step takes about {duration(self._step_seconds())}"
        else:
            how_long = "the first one takes longer: it builds the graph"
        return f"Stopping after this step ({how_long})."

    def on_train_begin(self, logs=None):
        """Starts the clock."""
        self._in_step = True
        params = self.params or {}
        self._epochs = params.get("epochs") or 0
        self._steps_an_epoch = params.get("steps")
        self._skip = 0
        if self._steps_an_epoch:
            self._skip = self.start_step % self._steps_an_epoch
        self._began = self._last = self.clock()

    def on_epoch_begin(self, epoch, logs=None):
        """Notes the time; on a terminal, says how much is left."""
        if self.verbose and any(self._between.values()):
            self._print(f"{self._left(epoch, 0)}.")
        self._epoch = epoch
        self._epoch_began = self._last = self.clock()
        self._in_steps = 0.0

    def on_train_batch_end(self, batch, logs=None):
        """Measures the step, and makes the first estimate."""
        now = self.clock()
        seconds, self._last = now - self._last, now
        if self._skip:
            self._skip -= 1
            return
        self._in_steps += seconds
        if self._first is None:
            self._first = seconds
            return
        self._steps.append(seconds)
        if (
            not self._said
            and len(self._steps) >= _STEPS
            and sum(self._steps) >= _SECONDS
        ):
            self._estimate(batch)

    def on_epoch_end(self, epoch, logs=None):
        """Prints the line of the epoch."""
        seconds = self.clock() - self._epoch_began
        does_more = self._more_until(epoch + 1) > self._more_until(epoch)
        self._between[does_more].append(seconds - self._in_steps)
        self._said = True  # what is left says more than a first estimate
        if self.verbose:
            return
        figures = [
            f"{name} {_number(float(value))}"
            for name, value in (logs or {}).items()
            if name not in _NOT_SHOWN
        ]
        epochs = self._epochs
        last = epoch + 1 >= epochs
        self._print(
            "  ".join(
                [
                    f"Epoch {epoch + 1}/{epochs}: {duration(seconds)}",
                    *figures,
                    *([] if last else [self._left(epoch + 1, 0)]),
                ]
            )
        )

    def on_train_end(self, logs=None):
        """Stops to speak of steps."""
        self._in_step = False

    def _estimate(self, batch):
        if self._steps_an_epoch is None:
            return
        self._said = True
        left = self._seconds_left(self._epoch, batch + 1)
        total = self.clock() - self._began + left
        is_unknown = self._more_until(self._epochs) > self._more_until(
            self._epoch
        ) and not any(self._between.values())
        self._print(
            f"About {duration(total)} in all, until {until(left)}: "
            f"{duration(self._step_seconds())} a step after the first one, "
            f"which took {duration(self._first)}."
            + (
                f" What is measured every {self.every} epochs comes on top."
                if is_unknown
                else ""
            )
        )
        whole = _WHOLES[-1](total) if _WHOLES else None
        if whole:
            self._print(whole)

    def _left(self, epochs_done, steps_done):
        return f"{duration(self._seconds_left(epochs_done, steps_done))} left"

    def _seconds_left(self, epochs_done, steps_done):
        epochs = self._epochs - epochs_done
        steps = epochs * (self._steps_an_epoch or 0) - steps_done
        with_more = self._more_until(self._epochs) - self._more_until(
            epochs_done
        )
        plain = _mean(self._between[False], 0.0)
        # The first time builds a graph, as the first step does.
        more = self._between[True][1:] or self._between[True]
        between = (epochs - with_more) * plain + with_more * _mean(more, plain)
        return max(steps, 0) * self._step_seconds() + between

    def _more_until(self, epochs):
        """Returns how often something more is done in so many epochs."""
        return epochs // self.every if self.every else 0

    def _step_seconds(self):
        if self._steps:
            return statistics.median(self._steps)
        return self._first or 0.0

    def _print(self, text):
        # On a terminal the line takes the place of the bar, which is drawn
        # again below it.
        start = "\r\x1b[K" if self.verbose else ""
        print(f"{start}{text}", file=self._stream(), flush=True)

    def _stream(self):
        return self.out or sys.stdout


@contextlib.contextmanager
def part_of(describe):
    """Says, in a block with trainings, how long the whole will take.

    Args:
        describe: Callable that gets the estimate for a training, in seconds,
            and returns a sentence on the whole, or `None`.
    """
    _WHOLES.append(describe)
    try:
        yield
    finally:
        _WHOLES.remove(describe)


@contextlib.contextmanager
def unless_part_of(describe):
    """Is `part_of`, unless a block around it says what the whole is.

    Args:
        describe: Callable, as for `part_of`.
    """
    if _WHOLES:
        yield
        return
    with part_of(describe):
        yield


def until(seconds):
    """Returns the time of day in so many seconds.

    Args:
        seconds: Number.

    Returns:
        String.
    """
    clock = time.strftime("%H:%M", time.localtime(time.time() + seconds))
    return clock if seconds < 12 * 3600 else f"{clock} (of a later day)"


def duration(seconds):
    """Returns a time as one reads it.

    Args:
        seconds: Number.

    Returns:
        String.

    Example:

    >>> from trainers import progress
    >>> [progress.duration(s) for s in (0.0312, 1.21, 48, 600, 9000, 400000)]
    ['0.031 s', '1.2 s', '48 s', '10 min', '2.5 h', '4.6 days']
    """
    if seconds < 9.95:
        return f"{seconds:.2g} s"
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    if seconds < 99.5 * 60:
        return f"{seconds / 60:.0f} min"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86400:.1f} days"


def _mean(values, otherwise):
    return statistics.mean(values) if values else otherwise


def _number(value):
    if value and abs(value) < 1e-3:
        return f"{value:.1e}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4f}"
