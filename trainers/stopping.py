"""Answers Ctrl-C and SIGTERM at once, while a step may take a minute.

Python hands a signal to the main thread, when that comes back from a step.
The system also writes it to a file descriptor, at once; a thread reads that
and says what happens. A second signal ends the process without waiting for
the main thread.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Callable
from collections.abc import Iterator
from typing import NoReturn

from trainers import screen as screen_lib

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_AT_ONCE = "Once more ends it at once."
# What a training that is going on says of its step: the last one counts.
_DESCRIPTIONS: list[Callable[[], str | None]] = []


class Interrupted(KeyboardInterrupt):
    """Raised in the main thread where a signal comes outside a training.

    Args:
        signal_number: Integer, such as `signal.SIGTERM`.
    """

    def __init__(self, signal_number: int) -> None:
        super().__init__(f"stopped by signal {signal_number}")
        self.signal_number = signal_number


@contextlib.contextmanager
def answering(screen: screen_lib.Screen) -> Iterator[None]:
    """Answers signals while a command runs.

    Args:
        screen: The `Screen` of the command.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    thread = threading.Thread(
        target=_answer, args=(reader, screen), daemon=True
    )
    thread.start()
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    for number, handler in handlers.items():
        if handler is not signal.SIG_IGN:  # as `nohup` and `&` set it
            signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler or signal.SIG_DFL)
        signal.set_wakeup_fd(before)
        os.close(writer)
        thread.join()
        os.close(reader)


@contextlib.contextmanager
def after_the_step(describe: Callable[[], str | None]) -> Iterator[None]:
    """Says, while a block runs, that the training stops after its step.

    Args:
        describe: Callable that returns what is to be known about the step, or
            `None` while no step is being taken.
    """
    _DESCRIPTIONS.append(describe)
    try:
        yield
    finally:
        _DESCRIPTIONS.remove(describe)


def _interrupt(number: int, frame: object) -> NoReturn:
    raise Interrupted(number)


def _answer(reader: int, screen: screen_lib.Screen) -> None:
    """Says what a signal does; runs in a thread until the pipe is closed."""
    asked = False
    while number := os.read(reader, 1):
        if number[0] not in _SIGNALS:
            continue
        if asked:
            screen.say("Ended at once.")
            screen.forget()
            os._exit(128 + number[0])
        asked = True
        step = _DESCRIPTIONS[-1]() if _DESCRIPTIONS else None
        screen.say(f"{step or 'Stopping.'} {_AT_ONCE}")
