"""What other libraries write is kept off the screen, unless a command fails.

TensorFlow, its converters and others write to standard error, from C++ too:
that a GPU was not found, which instructions were not compiled in, what a
converter ignores. Nobody can act on it, except after a failure. So a command
gives its standard error to a helper that keeps the last of it in memory, and
shows it if the command ends badly, even by a signal that nobody can catch.
What the command itself says goes to the screen at once.
"""

import contextlib
import os
import secrets
import subprocess
import sys
import types
import warnings
from collections.abc import Iterator
from typing import Any

_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
_MORE = ("TF_CPP_MAX_VLOG_LEVEL", "TF_CPP_VMODULE", "TF_CPP_VLOG_FILENAME")
# Our packages, whose warnings are shown.
_OURS = ("darts_tf", "trainers")
# Reads until the command has ended. $0 is the word that stands last if all
# went well.
_HELPER = """
trap '' INT TERM HUP
text=$(tail -c 200000)
case $text in *"$0" | '') ;; *) printf '%s\\n' "$text" >&2 ;; esac
"""


class Screen:
    """Where a command writes what its user is to see at once."""

    def __init__(self) -> None:
        self._stderr = 2
        self._helper: subprocess.Popen[bytes] | None = None

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
        stderr = os.dup(2)
        self._word = f"all went well {secrets.token_hex(8)}"
        try:
            self._helper = subprocess.Popen(
                ["/bin/sh", "-c", _HELPER, self._word],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                start_new_session=True,  # Ctrl-C is not for it
            )
        except OSError:  # a system without a shell
            os.close(stderr)
            return
        sys.stderr.flush()
        self._stderr = stderr
        os.dup2(_input_of(self._helper).fileno(), 2)

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
        with contextlib.suppress(OSError):
            _input_of(self._helper).close()
        # A process that was started meanwhile may hold the pipe open.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._helper.wait(timeout=5)
        os.close(self._stderr)
        self._stderr, self._helper = 2, None

    def forget(self) -> None:
        """Lets the end of the process show nothing, whatever the end is."""
        if self._helper is not None:
            with contextlib.suppress(OSError):
                os.write(_input_of(self._helper).fileno(), self._word.encode())


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
    if show_all or _lines_are_asked_for():
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


def _input_of(helper: "subprocess.Popen[bytes]") -> Any:
    return helper.stdin
