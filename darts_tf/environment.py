"""What darts_tf asks of TensorFlow and Keras before it works with them.

This is the one file that reads and sets environment variables, and the one
part that does something at import: TensorFlow and Keras read their settings
when they are imported, and later it is too late.
"""

import functools
import importlib
import os
import platform
import sys
import warnings

_ONEDNN = "TF_ENABLE_ONEDNN_OPTS"
_BACKEND = "KERAS_BACKEND"
_LEGACY = "TF_USE_LEGACY_KERAS"


def prepare():
    """Turns oneDNN on, and refuses settings that darts_tf cannot work with.

    TensorFlow leaves its fast kernels for x86 processors, oneDNN, off where
    there is no AVX-512; with them a search is about twice as fast there, too.
    They are turned on where TensorFlow is not imported yet and the user has
    not said otherwise, by the environment variable `TF_ENABLE_ONEDNN_OPTS`.
    Where TensorFlow came first and runs without them, a warning says so.

    Raises:
        ImportError: If Keras has another backend than TensorFlow or takes the
            channels of images first, or if TensorFlow is to use Keras 2.
    """
    if platform.machine() in ("x86_64", "AMD64"):
        if _ONEDNN not in os.environ:
            if "tensorflow" in sys.modules:
                _warn_without_onednn()
            else:
                os.environ[_ONEDNN] = "1"
    _check_keras()


@functools.cache
def onednn_is_on():
    """Tells whether TensorFlow uses oneDNN's kernels on this processor.

    Returns:
        Boolean; `None` where TensorFlow does not tell.

    Example:

    >>> from darts_tf import environment
    >>> environment.onednn_is_on() in (True, False, None)
    True
    """
    try:
        # TensorFlow has no public door to this; its own tests use this one.
        port = importlib.import_module(
            "tensorflow.python.util._pywrap_util_port"
        )
        return bool(port.IsMklEnabled())
    except (ImportError, AttributeError):
        return None


def versions():
    """Returns what a run runs on, for its records.

    Returns:
        A dictionary with the versions of Python, darts_tf, TensorFlow, Keras
        and NumPy, the name of the platform, the numbers of CPU cores and of
        GPUs, and the dtype policy of Keras.

    Example:

    >>> import keras
    >>> from darts_tf import environment
    >>> environment.versions()["keras"] == keras.__version__
    True
    """
    names = ("darts_tf", "tensorflow", "keras", "numpy")
    modules = {name: importlib.import_module(name) for name in names}
    gpus = modules["tensorflow"].config.list_physical_devices("GPU")
    return {
        "python": platform.python_version(),
        **{name: module.__version__ for name, module in modules.items()},
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "gpus": len(gpus),
        "dtype_policy": modules["keras"].config.dtype_policy().name,
    }


@functools.cache
def has_avx512():
    """Tells whether the processor has the instructions AVX-512.

    Returns:
        Boolean; `None` where the system does not tell.
    """
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            flags = next(line for line in file if line.startswith("flags"))
    except (OSError, StopIteration):
        return None
    return "avx512f" in flags.split()


def _warn_without_onednn():
    # On a GPU the kernels of the processor hardly matter.
    if onednn_is_on() is False and not _has_gpu():
        warnings.warn(
            "TensorFlow was imported before darts_tf and runs without oneDNN, "
            "which takes about half of the speed of a search on this "
            "processor. Import darts_tf first, or set the environment "
            f"variable {_ONEDNN}=1 (or 0, to keep it off without this "
            "warning).",
            RuntimeWarning,
            stacklevel=4,  # the line that imports darts_tf
        )


def _has_gpu():
    tf = importlib.import_module("tensorflow")
    return bool(tf.config.list_physical_devices("GPU"))


def _check_keras():
    legacy = os.environ.get(_LEGACY, "").lower()
    if legacy in ("1", "true"):
        raise ImportError(
            "darts_tf needs Keras 3, so the environment variable "
            f"{_LEGACY} must not be set. Received: {_LEGACY}={legacy}"
        )
    # First by name: to import Keras with a backend that is not installed
    # would end in a message about that backend.
    _check_backend(os.environ.get(_BACKEND) or "tensorflow")
    keras = importlib.import_module("keras")
    _check_backend(keras.config.backend())
    data_format = keras.config.image_data_format()
    if data_format != "channels_last":
        raise ImportError(
            "darts_tf takes images of shape (batch, height, width, channels), "
            "so Keras' image data format must be 'channels_last': call "
            "keras.config.set_image_data_format('channels_last') before the "
            "import, or change keras.json. Received: "
            f"image_data_format={data_format!r}"
        )


def _check_backend(backend):
    if backend != "tensorflow":
        raise ImportError(
            "darts_tf needs Keras' backend 'tensorflow': set the environment "
            f"variable {_BACKEND}=tensorflow before the import, or change "
            f"keras.json. Received: backend={backend!r}"
        )
