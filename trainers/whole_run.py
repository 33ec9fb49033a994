"""Says how long a command will take that consists of several trainings."""

import contextlib
import statistics
import time

from trainers import progress


class Repetitions:
    """Says how long several like runs will take together.

    Args:
        count: Integer, the number of runs.
        clock: Callable that returns seconds. Defaults to `time.monotonic`.

    Example:

    >>> from trainers import whole_run
    >>> runs = whole_run.Repetitions(2, clock=iter([0, 60]).__next__)
    >>> with runs.run():
    ...     pass
    Run 1 of 2 took 60 s: about 60 s left, until ...
    """

    def __init__(self, count, clock=time.monotonic):
        self.count = count
        self.clock = clock
        self._done = 0
        self._seconds = []

    @contextlib.contextmanager
    def run(self, is_finished=False):
        """Measures a run, and says what is left after it.

        Args:
            is_finished: Boolean, whether an earlier process has finished it,
                so that it takes no time. Defaults to `False`.
        """
        if is_finished:
            self._done += 1
            yield
            return
        began = self.clock()
        with progress.part_of(self._describe):
            yield
        self._done += 1
        self._seconds.append(self.clock() - began)
        runs_left = self.count - self._done
        if runs_left:
            left = runs_left * statistics.mean(self._seconds)
            print(
                f"Run {self._done} of {self.count} took "
                f"{progress.duration(self._seconds[-1])}: about "
                f"{progress.duration(left)} left, until "
                f"{progress.until(left)}.",
                flush=True,
            )

    def _describe(self, seconds):
        runs_left = self.count - self._done
        if runs_left < 2:
            return None
        return (
            f"About {progress.duration(seconds * runs_left)} for the runs "
            f"{self._done + 1} to {self.count}."
        )


class Protocol:
    """Says how long the whole protocol will take, from what is done of it.

    A full training is taken to last as long for an epoch as a short one, and
    a random cell as long as the short training of one that was searched for.

    Args:
        config: A `trainers.protocol.Config`.

    Example:

    >>> import types
    >>> from trainers import whole_run
    >>> protocol = whole_run.Protocol(
    ...     types.SimpleNamespace(
    ...         searches=4, random_cells=4, retrain_epochs=5, runs=1, epochs=10
    ...     )
    ... )
    >>> protocol.seconds_left() is None
    True
    >>> protocol.cells["searched"].append(
    ...     {"search_seconds": 100.0, "network_seconds": 10.0}
    ... )
    >>> protocol.seconds_left()  # 3 * 110 + 4 * 10 + 2 * 20
    410.0
    """

    def __init__(self, config):
        self.config = config
        self.cells = {"searched": [], "random": []}
        self.trainings = 0
        self._training_seconds = []

    def seconds_left(self):
        """Returns how long it will take, `None` before a cell is done."""
        config, searched, chance = self.config, *self.cells.values()
        if not searched:
            return None
        search = statistics.mean(cell["search_seconds"] for cell in searched)
        short = statistics.mean(
            cell["network_seconds"] for cell in (*searched, *chance)
        )
        searches_left = max(config.searches - len(searched), 0)
        left = searches_left * (search + short)
        if config.random_cells is None:
            spent = sum(cell["network_seconds"] for cell in chance)
            left += max(config.searches * (search + short) - spent, 0.0)
        else:
            left += max(config.random_cells - len(chance), 0) * short
        full = (
            statistics.mean(self._training_seconds)
            if self._training_seconds
            else short * config.epochs / config.retrain_epochs
        )
        return left + max(2 * config.runs - self.trainings, 0) * full

    @contextlib.contextmanager
    def training(self, is_finished=False):
        """Measures a full training.

        Args:
            is_finished: Boolean, whether an earlier process has finished it.
                Defaults to `False`.
        """
        began = time.monotonic()
        yield
        self.trainings += 1
        if not is_finished:
            self._training_seconds.append(time.monotonic() - began)
            self.say()

    @contextlib.contextmanager
    def searches(self):
        """Says in the first search how long all of them will take."""
        with progress.part_of(self._describe):
            yield

    def say(self):
        """Prints what is left, if that is known and anything is."""
        left = self.seconds_left()
        if left:
            print(
                f"About {progress.duration(left)} left of the whole protocol, "
                f"until {progress.until(left)}.",
                flush=True,
            )

    def _describe(self, seconds):
        if self.cells["searched"]:
            return None
        together = progress.duration(seconds * self.config.searches)
        return (
            f"About {together} for {self.config.searches} searches; how long "
            "the trainings take shows after the first cell."
        )
