"""Says on what a number was measured."""

import os
import platform
from importlib import metadata


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
