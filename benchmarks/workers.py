"""Processes that take timed steps in turn, and what their machine is."""

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time

MARK = "worker"


class Worker:
    """A process that takes a step whenever it reads a line.

    Args:
        module: String, the benchmark; run with `MARK` and a setting it calls
            `work`.
        setting: Dictionary, what the process is told.
    """

    def __init__(self, module, setting):
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, MARK, json.dumps(setting)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
        self.first_step = self.step()

    def step(self):
        """Lets the process take a step; returns its seconds."""
        return self._ask("step")

    def stop(self):
        """Ends the process; returns its peak memory in GB."""
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


def interleaved(workers, steps):
    """Lets workers take steps in turn, and ends them.

    Args:
        workers: Dictionary from names to workers.
        steps: Integer, the steps to count of each, after one that is not.

    Returns:
        A list of dictionaries, one for each worker, with its name as `form`.
    """
    for worker in workers.values():  # warm: kernels, memory pools
        worker.step()
    seconds = {form: [] for form in workers}
    for _ in range(steps):
        for form, worker in workers.items():
            seconds[form].append(worker.step())
    return [
        {
            "form": form,
            "first_step": round(worker.first_step, 2),
            "step_median": round(statistics.median(seconds[form]), 3),
            "step_min": round(min(seconds[form]), 3),
            "step_max": round(max(seconds[form]), 3),
            "peak_memory_gb": round(worker.stop(), 2),
        }
        for form, worker in workers.items()
    ]


def work(model, data):
    """Answers each line of stdin with the seconds of a step of `fit`.

    Args:
        model: A compiled Keras model.
        data: An endless `tf.data.Dataset`.
    """
    import keras

    _await_step()
    start = time.perf_counter()

    class Stopwatch(keras.callbacks.Callback):
        """Waits before each step but the first, and times it."""

        def on_train_batch_begin(self, batch, logs=None):
            nonlocal start
            if batch:
                _await_step()
                start = time.perf_counter()

        def on_train_batch_end(self, batch, logs=None):
            float(logs["loss"])
            print(time.perf_counter() - start, flush=True)

    model.fit(data, steps_per_epoch=10**9, callbacks=[Stopwatch()], verbose=0)


def report(config, results, output, **more):
    """Prints the results as JSON, and writes them to a file if there is one.

    Args:
        config: Dictionary, the options.
        results: List of dictionaries.
        output: String or `None`, the file.
        **more: Further entries.
    """
    text = json.dumps(
        {
            "setting": config,
            "device": _device(),
            "versions": _versions(),
            "results": results,
            **more,
        },
        indent=2,
    )
    if output:
        with open(output, "w", encoding="utf-8") as file:
            file.write(text + "\n")
    print(text)


def _await_step():
    """Waits for a line; at the word `stop`, tells the peak memory and ends."""
    if sys.stdin.readline().strip() != "step":
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
