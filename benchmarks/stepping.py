"""Times steps in processes that take turns, and reports them as JSON.

Each process (`benchmarks.worker`) holds one thing to be timed and takes a step
whenever it is asked, so that what else the machine does meets all of them
alike, and the peak memory of each is its own.
"""

import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tempfile

from benchmarks import worker
from trainers import device
from trainers import options


def main(config_class, run, make):
    """Runs a benchmark, or is one of its processes.

    Args:
        config_class: The dataclass of the options.
        run: Callable that takes a config, and calls `in_turns`.
        make: Callable for `worker.serve`, which gives it one of the settings
            of `in_turns` as keyword arguments.
    """
    if worker.requested():
        worker.serve(make)
    else:
        options.main(config_class, run)


def in_turns(settings, num_steps):
    """Times the steps of several settings.

    Args:
        settings: List of dictionaries that JSON can write. Each has a
            `module`, the name of the benchmark whose process it is for, and
            may have a `python`, the interpreter, if it is another than this.
        num_steps: Integer, the steps counted, after two that are not.

    Returns:
        A list with a dictionary for each setting: seconds of the first step,
        which builds the graph, and of the others (median, least, most), the
        peak memory in GB, and the figures that the process knows.

    Raises:
        OSError: If a process ends before it is asked to.
    """
    workers = []
    try:
        # One after the other: graph building is timed, too.
        for setting in settings:
            workers.append(_Worker(setting))
        for each in workers:  # warm: kernels, memory pools
            each.step()
        seconds = [[] for _ in workers]
        for _ in range(num_steps):
            for each, row in zip(workers, seconds, strict=True):
                row.append(each.step())
        return [
            _figures(each, row)
            for each, row in zip(workers, seconds, strict=True)
        ]
    finally:
        for each in workers:
            each.end()


def _figures(process, seconds):
    peak, known = process.stop()
    return {
        "first_step": round(process.first_step, 2),
        "step_median": round(statistics.median(seconds), 3),
        "step_min": round(min(seconds), 3),
        "step_max": round(max(seconds), 3),
        "peak_memory_gb": round(peak, 2),
        **known,
    }


def report(config, **results):
    """Prints the results as JSON, with the device and the versions.

    Args:
        config: The config, with `output`, a file for the JSON or `None`.
        **results: What was measured.
    """
    print(save(config, **results))


def save(config, **results):
    """Writes what `report` prints to the file alone.

    Args:
        config: The config, with `output`, a file for the JSON or `None`.
        **results: What was measured.

    Returns:
        String, the JSON.
    """
    value = {
        "setting": dataclasses.asdict(config),
        "device": device.description(),
        "versions": device.versions(),
        **results,
    }
    text = json.dumps(value, indent=2)
    if config.output:
        with open(config.output, "w", encoding="utf-8") as file:
            file.write(text + "\n")
    return text


def training_step(model, dataset):
    """Returns a function that takes a step of a search model's `fit`.

    Args:
        model: A `darts_tf.DartsSearchModel`, built and compiled.
        dataset: The endless data set of pairs of batches.

    Returns:
        A callable without arguments.
    """
    import keras

    batches = iter(dataset)
    model.task.create_metrics(model, dataset.element_spec[0])
    model.make_train_function()

    def step():
        if int(model.optimizer.iterations) == 0:
            specs = map(
                keras.utils.unpack_x_y_sample_weight, dataset.element_spec
            )
            model.engine.build_graphs(*specs)
        return float(model.train_function(batches)["loss"])

    return step


def has_torch(python):
    """Tells whether an interpreter has PyTorch, and says so if it has not.

    Args:
        python: String, the path of the interpreter.

    Returns:
        Boolean.
    """
    code = "import importlib.util as u, sys; sys.exit(not u.find_spec('torch'))"
    found = subprocess.run([python, "-c", code], check=False).returncode == 0
    if not found:
        print(f"Without PyTorch, which {python} lacks.", file=sys.stderr)
    return found


class _Worker:
    """A process that takes a step whenever it reads a line."""

    def __init__(self, setting):
        self._messages = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(
            [
                setting.get("python") or sys.executable,
                "-m",
                setting["module"],
                worker.MARK,
                json.dumps(setting),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._messages,
            text=True,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
        try:
            self.first_step = self.step()
        except OSError:
            self.end()
            raise
        print(setting, self.first_step, file=sys.stderr, flush=True)

    def step(self):
        return self._ask("step")["seconds"]

    def stop(self):
        """Returns the peak memory, and the figures known beforehand."""
        figures = self._ask("stop")
        return figures.pop("peak_memory_gb"), figures

    def end(self):
        """Ends the process, if it lives."""
        self._process.kill()
        self._process.communicate()
        self._messages.close()

    def _ask(self, what):
        try:
            self._process.stdin.write(what + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            code = self._process.wait()
            self._messages.seek(0)
            last = (self._messages.read().splitlines() or [""])[-1]
            raise OSError(f"The process ended with {code}. {last}".rstrip())
        return json.loads(answer)
