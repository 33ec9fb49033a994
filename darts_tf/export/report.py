"""What there is to know about exported files before they ship."""

import functools
import pathlib

import numpy as np

from darts_tf.export import contents
from darts_tf.export import memory
from darts_tf.export import networks
from darts_tf.export import operators
from darts_tf.export import runners
from darts_tf.models import classification as classification_lib
from darts_tf.models import counting


def measure_latency(path, images, num_threads=(1, 2), runs=50):
    """Times an exported `.tflite` or `.onnx` file on one image at a time.

    Args:
        path: String or path of the file.
        images: Array of shape `(samples, height, width, channels)`, as for
            `predict`; the first is used.
        num_threads: Sequence of integers. Defaults to `(1, 2)`.
        runs: Integer, calls that count, after three that do not. Defaults to
            `50`.

    Returns:
        A dictionary from each number of threads, as a string, to the `median`,
        `least`, `most` and quartiles (`lower`, `upper`) in milliseconds.

    Example:

    >>> import tempfile
    >>> network = darts_tf.ConvNetwork(
    ...     darts_tf.zoo.DARTS_V2, filters=2, num_cells=1
    ... )
    >>> network.build((None, 8, 8, 1))
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = darts_tf.export.export_saved_model(network, folder.name + "/net")
    >>> file = darts_tf.export.export_tflite(path, folder.name + "/net.tflite")
    >>> images = np.zeros((1, 8, 8, 1), "float32")
    >>> latency = darts_tf.export.measure_latency(file, images, runs=5)
    >>> latency["1"]["least"] <= latency["1"]["median"]
    True
    >>> folder.cleanup()
    """
    image = np.ascontiguousarray(images[:1])
    return time_calls(
        lambda threads: functools.partial(runners.load(path, threads), image),
        num_threads,
        runs,
    )


def time_calls(load, num_threads, runs=50):
    """Times a function for several numbers of threads.

    Args:
        load: Callable that takes a number of threads and returns a function
            without arguments.
        num_threads: Sequence of integers.
        runs: As for `measure_latency`. Defaults to `50`.

    Returns:
        As `measure_latency`.
    """
    return {
        str(number): summarize(operators.invocation_seconds(load(number), runs))
        for number in num_threads
    }


def summarize(seconds):
    """Returns median and spread of times.

    Args:
        seconds: Sequence of floats.

    Returns:
        Dictionary of `least`, `lower` (quartile), `median`, `upper` and
        `most`, in milliseconds.
    """
    names = ("least", "lower", "median", "upper", "most")
    quartiles = np.percentile(1e3 * np.array(seconds), (0, 25, 50, 75, 100))
    return {
        name: round(float(value), 4)
        for name, value in zip(names, quartiles, strict=True)
    }


def compare(network, files, images, labels, classification=None):
    """Compares what exported files say of images with what the network says.

    Args:
        network: The `darts_tf.ConvNetwork` that was exported, which is
            compared as it is in float32.
        files: Dictionary from a name to the path of a SavedModel, a `.tflite`
            or an `.onnx` file.
        images: Array of shape `(samples, height, width, channels)`: uint8
            pixels with a classification, otherwise normalised float32 images.
        labels: Integer array of shape `(samples,)`; `None` if the network is
            not trained, so that no accuracy is measured.
        classification: The `Classification` inside the files, if there is one.
            Defaults to `None`.

    Returns:
        A dictionary with `keras_accuracy`, and under each name `accuracy`
        (both with labels only), `largest_difference` (of probabilities with a
        classification, else of
        logits) and `top_1_agreement`, the share of images of which the file
        names the same class as the network.

    Raises:
        ValueError: If the network is of another kind.

    Example:

    >>> network = darts_tf.ConvNetwork(
    ...     darts_tf.zoo.DARTS_V2, filters=2, num_cells=1
    ... )
    >>> images, labels = np.zeros((2, 8, 8, 1), "float32"), np.array([0, 1])
    >>> sorted(darts_tf.export.compare(network, {}, images, labels))
    ['keras_accuracy']
    """
    networks.check_conv_network(network)
    network = networks.in_float32(network)
    expected = _keras_outputs(network, images, classification)
    best = expected.argmax(-1)
    report = {}
    if labels is not None:
        report["keras_accuracy"] = float((best == labels).mean())
    for name, path in files.items():
        outputs = runners.predict(path, images)
        named = outputs.argmax(-1)
        report[name] = {}
        if labels is not None:
            report[name]["accuracy"] = float((named == labels).mean())
        report[name] |= {
            "largest_difference": float(np.abs(outputs - expected).max()),
            "top_1_agreement": float((named == best).mean()),
        }
    return report


def describe_files(
    network, files, images, labels, classification=None, num_threads=(1, 2)
):
    """Measures exported files: size, likeness, accuracy, speed, operators.

    Args:
        network: The built `darts_tf.ConvNetwork` that was exported.
        files: Dictionary from a name to a path, as for `compare`.
        images: As for `compare`.
        labels: As for `compare`.
        classification: As for `compare`. Defaults to `None`.
        num_threads: Sequence of integers, threads of the runtime for which to
            time a file. Defaults to `(1, 2)`.

    Returns:
        A dictionary that can be written as JSON: `parameters` and
        `multiply_adds` of the network, `images`, `keras_accuracy`, and under
        `files` for each name its `bytes`, what `compare` says, and except for
        the SavedModel `latency_ms`; for TFLite `bytes_by_content`,
        `ram_bytes`, `operators` and `profile`, too.

    Example:

    >>> network = darts_tf.ConvNetwork(
    ...     darts_tf.zoo.DARTS_V2, filters=2, num_cells=1
    ... )
    >>> network.build((None, 8, 8, 1))
    >>> images, labels = np.zeros((2, 8, 8, 1), "float32"), np.array([0, 1])
    >>> report = darts_tf.export.describe_files(network, {}, images, labels)
    >>> report["images"], report["parameters"] > 0
    (2, True)
    """
    compared = compare(network, files, images, labels, classification)
    report = {
        "parameters": counting.count_parameters(network, False),
        "multiply_adds": counting.count_multiply_adds(network),
        "images": len(images),
        "files": {},
    }
    if labels is not None:
        report["keras_accuracy"] = compared["keras_accuracy"]
    for name, path in files.items():
        path = pathlib.Path(path)
        entry = {"bytes": count_bytes(path), **compared[name]}
        if not path.is_dir():
            entry["latency_ms"] = measure_latency(path, images, num_threads)
        if path.suffix == ".tflite":
            entry |= describe_tflite(path)
        report["files"][name] = entry
    return report


def describe_tflite(path):
    """Returns what can be said of a TFLite file without any data.

    Args:
        path: Path.

    Returns:
        A dictionary: `bytes_by_content`, `ram_bytes`, `operators`, `profile`.
    """
    return {
        "bytes_by_content": contents.bytes_by_content(path),
        "ram_bytes": memory.count_ram(path),
        "operators": operators.count_operators(path),
        "profile": operators.profile_operators(path),
    }


def count_bytes(path):
    """Returns the size of a file, or of all files in a folder.

    Args:
        path: Path.

    Returns:
        Integer.
    """
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def _keras_outputs(network, images, classification):
    if classification is None:
        return network.predict(images, runners.BATCH_SIZE, verbose=0)
    logits = [  # in parts: the normalised images are four times as large
        network.predict_on_batch(_normalized(classification, part))
        for part in np.array_split(images, -(-len(images) // 256))
    ]
    return classification_lib.softmax(np.concatenate(logits))


def _normalized(classification, pixels):
    pixels = pixels.astype("float32")
    return classification.normalize(pixels).astype("float32")
