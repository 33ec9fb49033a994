"""How much of the time that was given is used, over several processes."""

import pathlib
import time

from darts_tf.files import json_file

CLOCK_FILE = "clock.json"


class Clock:
    """Counts the seconds of a run, also those before it was stopped.

    Args:
        directory: String or path, the folder of the run.
        seconds: Number, what the whole run may take.
        now: Callable that returns seconds. Defaults to `time.monotonic`.

    Example:

    >>> import tempfile
    >>> from darts_tf.classifier import clock
    >>> folder = tempfile.TemporaryDirectory()
    >>> ticks = iter([0, 5, 8, 100, 101])
    >>> first = clock.Clock(folder.name, 60, now=ticks.__next__)
    >>> first.save()
    >>> first.left()
    52
    >>> clock.Clock(folder.name, 60, now=ticks.__next__).spent()
    6
    >>> folder.cleanup()
    """

    def __init__(self, directory, seconds, now=time.monotonic):
        self.path = pathlib.Path(directory, CLOCK_FILE)
        self.seconds = seconds
        self.now = now
        self._before = 0
        if self.path.exists():
            self._before = json_file.read_object(self.path)["seconds"]
        self._began = now()

    def spent(self):
        """Returns the seconds that the run has taken so far."""
        return self._before + self.now() - self._began

    def left(self):
        """Returns the seconds that are left; negative once they are over."""
        return self.seconds - self.spent()

    def save(self):
        """Keeps what is spent, for a process that goes on."""
        json_file.write(self.path, {"seconds": self.spent()})


def minutes(seconds):
    """Returns a time as a run says it.

    Args:
        seconds: Number.

    Returns:
        String.

    Example:

    >>> from darts_tf.classifier import clock
    >>> clock.minutes(45), clock.minutes(90), clock.minutes(1800)
    ('45 s', '1.5 min', '30 min')
    """
    if seconds < 59.5:
        return f"{max(seconds, 0):.0f} s"
    number = seconds / 60
    return f"{number:.1f} min" if number < 9.95 else f"{number:.0f} min"
