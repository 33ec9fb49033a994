"""Writes the files of a network, and looks at what they may cost before."""

import contextlib
import pathlib
import shutil
import tempfile

import numpy as np

from darts_tf import export
from darts_tf.files import atomic_file
from darts_tf.files import json_file
from darts_tf.models import counting

FORMATS = ("saved_model", "float32", "int8")
NETWORK_FILE, EXPORT_FILE = "network.keras", "export.json"
_SCRATCH = ".export"
_CALIBRATION_FILE, _CALIBRATION_IMAGES = "calibration.npz", 64
_COMPARED_IMAGES = 500
# Of each budget: what it limits, of the network or of its int8 file.
BUDGETS = {
    "max_parameters": "parameters",
    "max_multiply_adds": "multiply-adds",
    "max_bytes": "bytes",
    "max_ram_bytes": "bytes of memory",
    "max_ms": "ms",
}
OF_FILES = ("max_bytes", "max_ram_bytes", "max_ms")


def write(network, directory, images, formats=FORMATS):
    """Writes a network in some formats.

    Args:
        network: A network that knows its classes.
        directory: Path of an existing folder; what is there of the same name
            is replaced.
        images: uint8 array of images, some of which int8 measures its ranges
            on.
        formats: Sequence of strings. Defaults to all of `FORMATS`.

    Returns:
        A dictionary from the formats to paths.
    """
    directory = pathlib.Path(directory)
    with atomic_file.replacing(directory / NETWORK_FILE) as temporary:
        network.save(temporary)
    files = {}
    with _scratch(directory) as scratch:
        made = export.export_saved_model(network, scratch / "saved_model")
        for name in formats:
            if name == "saved_model":
                continue
            path = directory / f"network_{name}.tflite"
            path.unlink(missing_ok=True)
            calibration = _evenly(images) if name == "int8" else None
            files[name] = export.export_tflite(made, path, name, calibration)
        if "saved_model" in formats:
            place = directory / "saved_model"
            shutil.rmtree(place, ignore_errors=True)
            shutil.move(made, place)
            files = {"saved_model": place, **files}
    return files


@contextlib.contextmanager
def _scratch(directory):
    """Makes a folder for a while; that of a process that was killed goes."""
    path = directory / _SCRATCH
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def keep_calibration(directory, images):
    """Keeps the images on which int8 measures its ranges.

    Args:
        directory: Path.
        images: uint8 array of images, of which some are kept.
    """
    path = pathlib.Path(directory, _CALIBRATION_FILE)
    with atomic_file.replacing(path) as temporary:
        np.savez(temporary, images=_evenly(images))


def read_calibration(directory):
    """Returns what `keep_calibration` kept.

    Args:
        directory: Path.
    """
    with np.load(pathlib.Path(directory, _CALIBRATION_FILE)) as file:
        return file["images"]


def describe(network, files, directory, test):
    """Compares the files with the network on test images.

    Args:
        network: The network.
        files: What `write` returned.
        directory: Path, where `export.json` is written.
        test: Tuple of a uint8 array of images and of labels.

    Returns:
        A dictionary, as of `darts_tf.export.describe_files`.
    """
    x, y = test
    chosen = np.linspace(0, len(x) - 1, min(_COMPARED_IMAGES, len(x)))
    chosen = chosen.astype(int)
    report = export.describe_files(
        network,
        {name: path for name, path in files.items() if name != "saved_model"},
        x[chosen],
        y[chosen],
        network.classification,
    )
    json_file.write(pathlib.Path(directory, EXPORT_FILE), report)
    return report


def costs(network, images, budgets):
    """Returns what a network, trained or not, takes of each budget.

    Args:
        network: A built network that knows its classes.
        images: uint8 array of images of its size.
        budgets: Dictionary from the names of `BUDGETS` to limits.

    Returns:
        A dictionary from the same names to numbers.
    """
    found = {
        "max_parameters": counting.count_parameters(network, False),
        "max_multiply_adds": counting.count_multiply_adds(network),
    }
    if set(budgets) & set(OF_FILES):
        with tempfile.TemporaryDirectory() as folder:
            path = _int8_file(network, pathlib.Path(folder), images)
            found["max_bytes"] = path.stat().st_size
            found["max_ram_bytes"] = export.count_ram(path)
            if "max_ms" in budgets:
                latency = export.measure_latency(path, images, (1,))
                found["max_ms"] = latency["1"]["median"]
    return {name: found[name] for name in budgets}


def of_report(report):
    """Returns what an exported network takes of each budget.

    Args:
        report: Dictionary from `describe`.
    """
    file = report["files"]["int8"]
    return {
        "max_parameters": report["parameters"],
        "max_multiply_adds": report["multiply_adds"],
        "max_bytes": file["bytes"],
        "max_ram_bytes": file["ram_bytes"],
        "max_ms": file["latency_ms"]["1"]["median"],
    }


def over(taken, budgets):
    """Returns what is over a budget, in words; empty if nothing is.

    Args:
        taken: Dictionary from `costs` or `of_report`.
        budgets: Dictionary from names to limits.

    Example:

    >>> from darts_tf.classifier import shipping
    >>> shipping.over({"max_bytes": 2000}, {"max_bytes": 1500})
    '2,000 bytes, max_bytes=1,500'
    """
    return "; ".join(
        f"{_number(taken[name])} {BUDGETS[name]}, {name}={_number(limit)}"
        for name, limit in budgets.items()
        if taken[name] > limit
    )


def _int8_file(network, folder, images):
    made = export.export_saved_model(network, folder / "saved_model")
    return export.export_tflite(
        made, folder / "int8.tflite", "int8", _evenly(images)
    )


def _evenly(images):
    """Returns some of the images, spread over all."""
    count = min(_CALIBRATION_IMAGES, len(images))
    return images[np.linspace(0, len(images) - 1, count).astype(int)]


def _number(value):
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"
