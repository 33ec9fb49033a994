"""Times exported networks on one image, beside MobileNetV2 of width 1.4.

    python -m benchmarks.export_latency

The network of a genotype for ImageNet in the mobile setting, untrained, goes
through the converter in each precision; so does MobileNetV2 of Keras
Applications, untrained, in the width nearest to it in multiply-adds. All files
take turns on the same image, so that what else the machine does meets all
alike. `before` is the network as it would be converted in the forms that
training uses and with an open batch size: what the forms for inference gain.
`relu_alone` has only its ReLUs in the form of training.
Prints JSON: bytes, operators, milliseconds by number of threads (median,
quartiles, least, most), the slowest operators, the device and the versions.
"""

import contextlib
import dataclasses
import functools
import json
import pathlib
import sys
import tempfile
from unittest import mock

import keras
import numpy as np
import tensorflow as tf

import darts_tf
from darts_tf.export import runners
from darts_tf.export import saved_model as saved_model_lib
from darts_tf.export import tflite
from darts_tf.layers import elementwise_kernels
from darts_tf.layers import pooling_kernels
from trainers import device
from trainers import export as export_trainer
from trainers import genotypes
from trainers import options

_TRAINING_FORMS = {
    "before": ("relu", "add_n", "max_pool", "average_pool", "halves"),
    "relu_alone": ("relu",),
}
_KERNELS = {
    "relu": elementwise_kernels,
    "add_n": elementwise_kernels,
    "max_pool": pooling_kernels,
    "average_pool": pooling_kernels,
}
_COMPARED = ("float32", "int8")  # the precisions of these


@dataclasses.dataclass(frozen=True)
class Config:
    """Options of the benchmark; each field is a flag of the same name."""

    genotype: str = options.option(genotypes.HELP, "DARTS_V2")
    image_size: int = options.option("Pixels in height and width.", 224)
    filters: int | None = options.option(
        "Filters of the first cells; none is the paper's 48.", None
    )
    num_cells: int | None = options.option(
        "Cells of the network; none is the paper's 14.", None
    )
    width: float = options.option("Width of MobileNetV2.", 1.4)
    precisions: str = options.option(
        "Precisions, separated by commas.", ",".join(tflite.PRECISIONS)
    )
    num_threads: str = options.option(
        "Numbers of threads, separated by commas.", "1,2"
    )
    runs: int = options.option("Runs of each file that count.", 50)
    output: str | None = options.option("File for the JSON; none prints.", None)


def run(config):
    """Runs the benchmark and prints its JSON.

    Args:
        config: A `Config`.

    Returns:
        What is printed, as a dictionary.
    """
    threads = export_trainer.threads_of(config.num_threads)
    genotype = genotypes.read(config.genotype, "conv")
    keras.utils.set_random_seed(0)
    shape = (config.image_size, config.image_size, 3)
    network = darts_tf.ConvNetwork(
        genotype,
        filters=config.filters,
        num_cells=config.num_cells,
        stem="imagenet",
    )
    network.build((None, *shape))
    mobilenet = keras.applications.MobileNetV2(
        shape, config.width, weights=None, classifier_activation=None
    )
    rng = np.random.default_rng(0)
    images = rng.normal(size=(16, *shape)).astype("float32")
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        files = _convert_all(
            folder, network, mobilenet, config.precisions.split(","), images
        )
        latencies = _in_turns(files, images[:1], threads, config.runs)
        rows = [
            {
                "model": model,
                "precision": precision,
                "bytes": path.stat().st_size,
                "latency_ms": latencies.get((model, precision)),
                "operators": darts_tf.export.count_operators(path),
                "profile": darts_tf.export.profile_operators(path)[:6]
                if model != "before"
                else None,
            }
            for (model, precision), path in files.items()
        ]
    report = {
        "setting": dataclasses.asdict(config),
        "device": device.description(),
        "versions": device.versions("ai-edge-litert"),
        "models": {
            name: {
                "parameters": darts_tf.count_parameters(model),
                "multiply_adds": darts_tf.count_multiply_adds(model),
            }
            for name, model in (
                (config.genotype, network),
                ("mobilenet_v2", mobilenet),
            )
        },
        "results": rows,
    }
    text = json.dumps(report, indent=2)
    if config.output:
        with open(config.output, "w", encoding="utf-8") as file:
            file.write(text + "\n")
    print(text)
    return report


def _convert_all(folder, network, mobilenet, precisions, images):
    """Writes all files; returns their paths by model and precision."""
    saved = {
        "network": folder / "network",
        "mobilenet_v2": folder / "mobilenet",
    }
    darts_tf.export.export_saved_model(network, saved["network"])
    mobilenet.export(str(saved["mobilenet_v2"]), verbose=False)
    for model, names in _TRAINING_FORMS.items():
        with _training_forms(names):
            saved[model] = folder / model
            darts_tf.export.export_saved_model(network, saved[model])
    files = {}
    for model, path in saved.items():
        with _open_batch() if model == "before" else contextlib.nullcontext():
            for precision in precisions:
                if model in _TRAINING_FORMS and precision not in _COMPARED:
                    continue
                print(f"{model}, {precision} ...", file=sys.stderr, flush=True)
                file = folder / f"{model}_{precision}.tflite"
                calibration = images if precision == "int8" else None
                file.write_bytes(tflite.convert(path, precision, calibration))
                files[model, precision] = file
    return files


@contextlib.contextmanager
def _training_forms(names):
    """Makes layers compute inference by the operators of training.

    Args:
        names: Names of the raw kernels that do, and `halves` for the joining
            of a factorized reduction.
    """

    def joined(layer, inputs, scale):
        halves = [layer.even(inputs), layer.odd(inputs[:, 1:, 1:])]
        joined = keras.ops.concatenate(halves, -1)
        return layer.norm(joined, scale, training=False)

    def training(function):
        @functools.wraps(function)
        def call(*args, **kwargs):
            return function(*args, **{**kwargs, "training": True})

        return call

    with contextlib.ExitStack() as patches:
        for name in names:
            patch = (
                mock.patch.object(
                    darts_tf.layers.FactorizedReduce,
                    "_normalized_apart",
                    joined,
                )
                if name == "halves"
                else mock.patch.object(
                    _KERNELS[name],
                    name,
                    training(getattr(_KERNELS[name], name)),
                )
            )
            patches.enter_context(patch)
        yield


def _open_batch():
    """Makes the converter leave the batch size open."""
    load = saved_model_lib.load_function
    return mock.patch.object(
        saved_model_lib,
        "load_function",
        lambda path, batch_size, **options: load(path, None, **options),
    )


def _in_turns(files, image, threads, runs):
    """Returns the latencies by model and precision, then threads."""
    calls = {}
    for (model, precision), path in files.items():
        if (model, precision) == ("before", "int8"):
            continue  # scales of 1e38 end the process
        for number in threads:
            run_file = runners.load(path, number)
            calls[model, precision, number] = functools.partial(run_file, image)
    seconds = {key: [] for key in calls}
    for _ in range(runs):
        for key, call in calls.items():
            seconds[key] += darts_tf.export.operators.invocation_seconds(
                call, runs=1, warm_up=1
            )
    latencies = {}
    for (model, precision, number), values in seconds.items():
        latencies.setdefault((model, precision), {})[str(number)] = (
            darts_tf.export.report.summarize(values)
        )
    return latencies


if __name__ == "__main__":
    tf.get_logger().setLevel("ERROR")
    options.main(Config, run)
