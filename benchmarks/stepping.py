"""Times steps in processes that take turns, and reports them as JSON.

Each process holds one thing to be timed and takes a step whenever it is asked,
so that what else the machine does meets all of them alike, and the peak memory
of each is its own.
"""

import dataclasses
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time

from trainers import options

_MARK = "worker"


def main(config_class, run, make):
    """Runs a benchmark, or is one of its processes.

    Args:
        config_class: The dataclass of the options.
        run: Callable that takes a config, and calls `in_turns`.
        make: Callable that takes one of the settings of `in_turns` as keyword
            arguments and returns a function that takes a step.
    """
    if sys.argv[1:2] == [_MARK]:
        _work(make, json.loads(sys.argv[2]))
    else:
        options.main(config_class, run)


def in_turns(settings, num_steps):
    """Times the steps of several settings.

    Args:
        settings: List of dictionaries that JSON can write.
        num_steps: Integer, the steps counted, after two that are not.

    Returns:
        A list with a dictionary for each setting: seconds of the first step,
        which builds the graph, and of the others (median, least, most), and
        the peak memory in GB.
    """
    # One after the other: graph building is timed, too.
    workers = [_Worker(setting) for setting in settings]
    for worker in workers:  # warm: kernels, memory pools
        worker.step()
    seconds = [[] for _ in workers]
    for _ in range(num_steps):
        for worker, row in zip(workers, seconds, strict=True):
            row.append(worker.step())
    return [
        {
            "first_step": round(worker.first_step, 2),
            "step_median": round(statistics.median(row), 3),
            "step_min": round(min(row), 3),
            "step_max": round(max(row), 3),
            "peak_memory_gb": round(worker.stop(), 2),
        }
        for worker, row in zip(workers, seconds, strict=True)
    ]


def report(config, **results):
    """Prints the results as JSON, with the device and the versions.

    Args:
        config: The config, with `output`, a file for the JSON or `None`.
        **results: What was measured.
    """
    value = {
        "setting": dataclasses.asdict(config),
        "device": _device(),
        "versions": _versions(),
        **results,
    }
    text = json.dumps(value, indent=2)
    if config.output:
        with open(config.output, "w", encoding="utf-8") as file:
            file.write(text + "\n")
    print(text)


def training_step(model, dataset):
    """Returns a function that takes a step of a search model's `fit`.

    Args:
        model: A `darts_tf.DartsSearchModel`, built and compiled.
        dataset: The endless data set of pairs of batches.

    Returns:
        A callable without arguments.
    """
    batches = iter(dataset)
    model.task.create_metrics(model, dataset.element_spec[0])
    model.make_train_function()
    return lambda: float(model.train_function(batches)["loss"])


class _Worker:
    """A process that takes a step whenever it reads a line."""

    def __init__(self, setting):
        module = sys.modules["__main__"].__spec__.name
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, _MARK, json.dumps(setting)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
        self.first_step = self.step()
        print(setting, self.first_step, file=sys.stderr, flush=True)

    def step(self):
        return self._ask("step")

    def stop(self):
        peak = self._ask("stop")
        self._process.wait()
        return peak

    def _ask(self, what):
        self._process.stdin.write(what + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise OSError(f"The worker ended with {self._process.wait()}")
        return float(answer)


def _work(make, setting):
    """Answers each line of stdin: `step` by its seconds, `stop` by memory."""
    step = make(**setting)
    while sys.stdin.readline().strip() == "step":
        start = time.perf_counter()
        step()
        print(time.perf_counter() - start, flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(peak, flush=True)
    os._exit(0)


def _device():
    name = platform.processor()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line for line in file if line.startswith("model name")]
        name = names[0].split(":")[1].strip() if names else name
    return f"{os.cpu_count()} cores of {name}"


def _versions():
    from importlib import metadata

    return {
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in ("tensorflow", "keras")},
    }
