"""Times one search step: merged form against one layer for each edge.

    python -m benchmarks.search_step --filters=16 --num_cells=8 --batch_size=64

For each hypergradient, three processes hold the same supernet: `merged`
(`darts_tf.ConvSupernet`), `plain` (`benchmarks.plain_supernet`, stock Keras
layers, one for each edge and operation), and `plain_fused` (the same with our
fast batch normalisation). They take steps in turn, so that what else the
machine does meets all alike. Prints JSON: seconds
of the first step (which builds the graph) and of the others (median, least,
most), peak memory in GB, the ratios, the device and the versions.
"""

import dataclasses
import functools
import json
import os
import resource
import statistics
import subprocess
import sys
import time

from trainers import device
from trainers import options


@dataclasses.dataclass(frozen=True)
class Config:
    """Options of the benchmark; each field is a flag of the same name."""

    filters: int = options.option("Filters of the first cells.", 16)
    num_cells: int = options.option("Cells of the supernet.", 8)
    batch_size: int = options.option("Images in either batch.", 64)
    image_size: int = options.option("Pixels in height and width.", 32)
    steps: int = options.option("Steps counted, after two that are not.", 5)
    methods: str = options.option(
        "Hypergradients, separated by commas.",
        "first_order,finite_difference,exact",
    )
    forms: str = options.option(
        "Forms, separated by commas.", "merged,plain,plain_fused"
    )
    output: str | None = options.option("File for the JSON; none prints.", None)


def run(config):
    """Runs the benchmark and prints its JSON.

    Args:
        config: A `Config`.
    """
    results = []
    for method in config.methods.split(","):
        rows = _interleaved(config, method, config.forms.split(","))
        results.extend(rows)
    report = {
        "setting": dataclasses.asdict(config),
        "device": device.description(),
        "versions": device.versions(),
        "results": results,
        "over_merged": _ratios(results),
    }
    text = json.dumps(report, indent=2)
    if config.output:
        with open(config.output, "w", encoding="utf-8") as file:
            file.write(text + "\n")
    print(text)


def _interleaved(config, method, forms):
    workers = {}
    for form in forms:  # one after the other: graph building is timed, too
        workers[form] = _Worker(config, method, form)
    for worker in workers.values():  # warm: kernels, memory pools
        worker.step()
    seconds = {form: [] for form in forms}
    for _ in range(config.steps):
        for form, worker in workers.items():
            seconds[form].append(worker.step())
    rows = []
    for form, worker in workers.items():
        rows.append(
            {
                "method": method,
                "form": form,
                "first_step": round(worker.first_step, 2),
                "step_median": round(statistics.median(seconds[form]), 3),
                "step_min": round(min(seconds[form]), 3),
                "step_max": round(max(seconds[form]), 3),
                "peak_memory_gb": round(worker.stop(), 2),
            }
        )
        print(rows[-1], file=sys.stderr, flush=True)
    return rows


def _ratios(results):
    by_key = {(row["method"], row["form"]): row for row in results}
    return {
        f"{method}, {form}": {
            figure: round(row[figure] / by_key[method, "merged"][figure], 2)
            for figure in ("first_step", "step_median", "peak_memory_gb")
        }
        for (method, form), row in by_key.items()
        if form != "merged" and (method, "merged") in by_key
    }


class _Worker:
    """A process that takes a step whenever it reads a line."""

    def __init__(self, config, method, form):
        setting = json.dumps(
            {**dataclasses.asdict(config), "method": method, "form": form}
        )
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.search_step", _MARK, setting],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
        self.first_step = self.step()

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


_MARK = "worker"


def _work(setting):
    """Answers each line of stdin with the seconds of a step of `fit`."""
    import keras

    model, pairs = _model_and_pairs(**setting)
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

    model.fit(pairs, steps_per_epoch=10**9, callbacks=[Stopwatch()], verbose=0)


def _await_step():
    """Waits for a line; at the word `stop`, tells the peak memory and ends."""
    if sys.stdin.readline().strip() != "step":
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(peak, flush=True)
        os._exit(0)


def _model_and_pairs(
    method, form, filters, num_cells, batch_size, image_size, **_
):
    import keras
    import numpy as np
    import tensorflow as tf

    import darts_tf
    from benchmarks import plain_supernet

    keras.utils.set_random_seed(0)
    model = darts_tf.DartsSearchModel(
        hypergradient=method, filters=filters, num_cells=num_cells
    )
    shape = (batch_size, image_size, image_size, 3)
    if form != "merged":
        model.supernet.build(shape)
        fused = functools.partial(darts_tf.layers.BatchNorm, affine=False)
        plain = plain_supernet.PlainSupernet(
            model.supernet, fused if form == "plain_fused" else None
        )
        plain(np.zeros((1, *shape[1:]), "float32"))
        model.supernet = plain
    model.compile()
    if form == "merged":
        model.build(shape)
    else:
        model.built = True
        model._build_optimizers()
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape).astype("float32")
    y = rng.integers(0, 10, batch_size)
    return model, tf.data.Dataset.from_tensors(
        ((x, y), (x[::-1], y[::-1]))
    ).repeat()


if __name__ == "__main__":
    if sys.argv[1:2] == [_MARK]:
        _work(json.loads(sys.argv[2]))
    else:
        options.main(Config, run)
