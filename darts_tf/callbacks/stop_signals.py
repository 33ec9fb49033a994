"""Notes that a training is asked to stop, for as long as its `fit` goes on.

Keras tells a callback that `fit` ends, but not that it dies by an exception
of another callback. Handlers that were left behind would then swallow the
next Ctrl-C; these find out from the stack whether their `fit` is still there.
"""

import signal
import sys
import threading

_NUMBERS = (signal.SIGINT, signal.SIGTERM)


class StopSignals:
    """Notes SIGINT and SIGTERM while a model is in `fit`.

    Its attribute `number` is the signal that has come, or `None`.

    Example:

    >>> from darts_tf.callbacks import stop_signals
    >>> stop_signals.StopSignals().number is None
    True
    """

    def __init__(self):
        self.number = None
        self._model = None
        self._handlers = {}

    def begin(self, model):
        """Sets the handlers, in the main thread; only that can have some.

        Those of a `fit` that has died are taken away before.

        Args:
            model: The Keras model, which is in `fit`.
        """
        self.end()
        self.number, self._model = None, model
        if threading.current_thread() is not threading.main_thread():
            return
        for number in _NUMBERS:
            owner = getattr(signal.getsignal(number), "__self__", None)
            if isinstance(owner, StopSignals) and not owner._is_in_fit(
                sys._getframe()
            ):
                owner.end()
        self._handlers = {
            number: signal.signal(number, self._note) for number in _NUMBERS
        }

    def end(self):
        """Sets the handlers of before, unless others have replaced these."""
        handlers, self._handlers, self._model = self._handlers, {}, None
        for number, handler in handlers.items():
            if signal.getsignal(number) == self._note:
                signal.signal(number, handler or signal.SIG_DFL)

    def _note(self, number, frame):
        is_in_fit = self._is_in_fit(frame)
        self.end()  # a second one acts at once
        if is_in_fit:
            self.number = number
            return
        handler = signal.getsignal(number)
        if callable(handler):
            handler(number, frame)
        elif handler == signal.SIG_DFL:
            signal.raise_signal(number)

    def _is_in_fit(self, frame):
        while frame is not None and self._model is not None:
            if frame.f_code.co_name == "fit" and (
                frame.f_locals.get("self") is self._model
            ):
                return True
            frame = frame.f_back
        return False
