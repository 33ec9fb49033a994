"""What other libraries write is kept off the screen, unless a command fails.

TensorFlow, its converters and others write to standard error, from C++ too:
that a GPU was not found, which instructions were not compiled in, what a
converter ignores. Nobody can act on it, except after a failure. So a command
gives its standard error to a helper, a copy of its process, that keeps the last
of it in memory, and shows it if the command ends badly, even by a signal that
nobody can catch. What the command itself says goes to the screen at once.
"""

import contextlib
import os
import secrets
import signal
import sys
import time
import types
import typing
import warnings
from collections.abc import Iterator
from typing import Any

_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
_MORE = ("TF_CPP_MAX_VLOG_LEVEL", "TF_CPP_VMODULE", "TF_CPP_VLOG_FILENAME")
# Our packages, whose warnings are shown.
_OURS = ("darts_tf", "trainers")
_KEPT = 200_000  # bytes
_PATIENCE = 5.0  # seconds


class Screen:
    """Where a command writes what its user is to see at once."""

    def __init__(self) -> None:
        self._stderr = 2
        self._helper: int | None = None
        self._pipe = -1
        self._word = b""

    def say(self, text: str) -> None:
        """Writes a line, from any thread.

        Args:
            text: String.
        """
        # After `^C` of the terminal, or a progress bar, on a line of its own.
        start = "\n" if os.isatty(self._stderr) else ""
        with contextlib.suppress(OSError):
            os.write(self._stderr, f"{start}{text}\n".encode(errors="replace"))

    def withhold(self) -> None:
        """Begins to keep what others write."""
        if sys.stderr is None:  # closed: there is nothing to withhold
            return
        if not hasattr(os, "fork"):  # as on Windows
            return
        self._word = f"all went well {secrets.token_hex(8)}".encode()
        sys.stderr.flush()
        if sys.stdout is not None:
            sys.stdout.flush()  # or the helper had the text, too
        source, self._pipe = os.pipe()
        # Before TensorFlow is imported there are no threads.
        self._helper = os.fork()
        if self._helper == 0:
            _keep_the_last(source, self._pipe, self._word)
        os.close(source)
        self._stderr = os.dup(2)
        os.dup2(self._pipe, 2)

    def release(self, well: bool) -> None:
        """Gives standard error back.

        Args:
            well: Boolean, whether what was withheld can be forgotten;
                otherwise it is shown.
        """
        if self._helper is None:
            return
        sys.stderr.flush()
        os.dup2(self._stderr, 2)
        if well:
            self.forget()
        os.close(self._pipe)
        _wait(self._helper)
        os.close(self._stderr)
        self._stderr, self._helper = 2, None

    def forget(self) -> None:
        """Lets the end of the process show nothing, whatever the end is."""
        if self._helper is not None:
            with contextlib.suppress(OSError):
                os.write(self._pipe, self._word)


@contextlib.contextmanager
def of_a_command(show_all: bool) -> Iterator[Screen]:
    """Withholds what others write while a command runs.

    Called before TensorFlow is imported. The user's own settings of its log
    win: where they ask for its lines, all are shown.

    Args:
        show_all: Boolean, whether to show all instead.

    Yields:
        A `Screen`.
    """
    screen = Screen()
    # Where TensorFlow is there already, most lines are written, and a process
    # with its threads must not be copied.
    if show_all or _lines_are_asked_for() or "tensorflow" in sys.modules:
        yield screen
        return
    # What TensorFlow itself calls information explains no failure.
    os.environ.setdefault(_LEVEL, "1")
    screen.withhold()
    show = warnings.showwarning

    def show_ours(message: Any, *args: Any, **kwargs: Any) -> None:
        if _is_ours(sys._getframe()):
            screen.say(f"warning: {message}")
        else:
            show(message, *args, **kwargs)

    warnings.showwarning = show_ours
    well = False
    try:
        yield screen
        well = True
    except (KeyboardInterrupt, SystemExit):
        well = True
        raise
    finally:
        warnings.showwarning = show
        screen.release(well)


def _lines_are_asked_for() -> bool:
    if any(name in os.environ for name in _MORE):
        return True
    return os.environ.get(_LEVEL, "2") in ("0", "1")


def _is_ours(frame: types.FrameType | None) -> bool:
    """Returns whether the code that warns, up the stack, is of our packages."""
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module not in ("warnings", "_py_warnings", __name__):
            return module.partition(".")[0] in (*_OURS, "__main__")
        frame = frame.f_back
    return False


def _keep_the_last(source: int, pipe: int, word: bytes) -> typing.NoReturn:
    """Is the helper: reads until the command has ended, and may show it."""
    # Whatever happens, this copy of the process must not go on as the command.
    try:
        os.setsid()  # Ctrl-C is not for it
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        os.close(pipe)
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)
        text = b""
        while part := os.read(source, 65536):
            text = (text + part)[-_KEPT:]
        if text and not text.endswith(word):
            os.write(2, text if text.endswith(b"\n") else text + b"\n")
    finally:
        os._exit(0)


def _wait(helper: int) -> None:
    """Waits for the helper, but not for what may hold its pipe open."""
    end = time.monotonic() + _PATIENCE
    with contextlib.suppress(ChildProcessError):
        while not os.waitpid(helper, os.WNOHANG)[0]:
            if time.monotonic() > end:
                return
            time.sleep(0.005)
