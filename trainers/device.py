"""Says on what a number was measured."""

import importlib.util
import os
import pathlib
import platform
import runpy
from importlib import metadata

from trainers import late

with late.imports():
    import tensorflow as tf


def description() -> str:
    """Returns the number of cores and the name of the processor.

    Example:

    >>> from trainers import device
    >>> "cores of" in device.description()
    True
    """
    name = platform.processor()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line for line in file if line.startswith("model name")]
        name = names[0].split(":")[1].strip() if names else name
    return f"{os.cpu_count()} cores of {name}"


def versions(*packages: str) -> dict[str, str]:
    """Returns the versions of Python, TensorFlow, Keras and other packages.

    Args:
        *packages: Strings, names of other installed packages.

    Example:

    >>> from trainers import device
    >>> list(device.versions("numpy"))
    ['python', 'tensorflow', 'keras', 'numpy']
    """
    return {
        "python": platform.python_version(),
        **{
            name: metadata.version(name)
            for name in ("tensorflow", "keras", *packages)
        },
    }


def version_line() -> str:
    """Returns the versions of the library and of what it stands on.

    Nothing of them is imported for that.

    Example:

    >>> from trainers import device
    >>> device.version_line().split(",")[0]
    'darts_tf 0.1.0'
    """
    found = versions()
    return (
        f"darts_tf {_own_version()}, TensorFlow {found['tensorflow']}, "
        f"Keras {found['keras']}, Python {found['python']}"
    )


def _own_version() -> str:
    """Returns the version of this library, which may not be installed."""
    package = importlib.util.find_spec("darts_tf")
    if package is None or package.origin is None:
        return metadata.version("darts-tf")
    path = pathlib.Path(package.origin).with_name("version.py")
    return runpy.run_path(str(path))["__version__"]


def start_line() -> str:
    """Returns on what a run is done: versions, processor and GPUs."""
    gpus = [
        tf.config.experimental.get_device_details(gpu).get("device_name", "GPU")
        for gpu in tf.config.list_physical_devices("GPU")
    ]
    where = f"{description()}, {', '.join(gpus) or 'no GPU'}"
    return f"{version_line()}; {where}."
