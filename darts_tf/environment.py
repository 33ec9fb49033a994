"""The process that darts_tf runs in: what it asks of it, and changes in it.

This is the one file with switches that reach beyond the library, to all that
the process computes. Each says for how long it holds, and is set back as soon
as possible, also after an error:

- `prepare`: oneDNN, an environment variable, for the whole process; and what
  Keras asks a model before it writes HDF5, likewise,
- `set_operation_threads`: threads, for the whole process,
- `without_graph_optimizer`: TensorFlow's graph optimizer, for a `with` block,
- `without_garbage_collection`: Python's garbage collector, likewise,
- `without_retracing_warning`: a warning of TensorFlow's, likewise.

It is also the one file that reads and sets environment variables, and the one
part that does something at import: TensorFlow and Keras read their settings
when they are imported, and later it is too late. So TensorFlow is not imported
here before it is needed.
"""

import contextlib
import functools
import gc
import importlib
import logging
import os
import platform
import sys
import warnings

_ONEDNN = "TF_ENABLE_ONEDNN_OPTS"
_BACKEND = "KERAS_BACKEND"
_LEGACY = "TF_USE_LEGACY_KERAS"
_HDF5 = "keras.src.legacy.saving.legacy_h5_format"
_NO_OPTIMIZER = "disable_meta_optimizer"


def prepare():
    """Turns oneDNN on, and refuses settings that darts_tf cannot work with.

    TensorFlow leaves its fast kernels for x86 processors, oneDNN, off where
    there is no AVX-512; with them a search is about twice as fast there, too.
    They are turned on where TensorFlow is not imported yet and the user has
    not said otherwise, by the environment variable `TF_ENABLE_ONEDNN_OPTS`.
    Where TensorFlow came first and runs without them, a warning says so.

    Keras writes a model as HDF5 without asking it, and empties the file first.
    A model with a method `_check_hdf5` is asked from now on, before anything is
    written.

    This reaches beyond the library, to all of TensorFlow in this process and in
    those that it starts, and holds until they end.

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
    _ask_before_hdf5()


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


def has_gpu():
    """Tells whether there is a GPU, where other forms are the fast ones.

    Returns:
        Boolean.
    """
    return bool(_tensorflow().config.list_physical_devices("GPU"))


def set_operation_threads(threads):
    """Sets how many processor threads take one operation together.

    This reaches beyond the library, to all of TensorFlow in this process, and
    holds until it ends: TensorFlow reads the number once, when it starts. Only
    a command, to which the whole process belongs, should call it.

    Args:
        threads: Positive integer.

    Raises:
        RuntimeError: If TensorFlow has already started.
    """
    _tensorflow().config.threading.set_intra_op_parallelism_threads(threads)


@contextlib.contextmanager
def without_graph_optimizer():
    """Calls graphs without TensorFlow's graph optimizer, on a CPU.

    In a graph of convolutions it finds next to nothing that makes a step
    faster, and takes as long as all the tracing: the first step of the full
    CIFAR-10 network takes 14 s without it and 20 s with it. On a GPU it chooses
    the memory layout, so there it stays. All calls of a graph should be in this
    context or none, for TensorFlow keeps a graph apart for either.

    This reaches beyond the library, to each graph that this thread calls in the
    `with` block; afterwards the option is what it was, also after an error.

    Yields:
        Nothing.
    """
    if has_gpu():
        yield
        return
    options = _tensorflow().config.optimizer
    before = options.get_experimental_options()
    options.set_experimental_options({_NO_OPTIMIZER: True})
    try:
        yield
    finally:
        options.set_experimental_options(
            {_NO_OPTIMIZER: before.get(_NO_OPTIMIZER, False)}
        )


@contextlib.contextmanager
def without_garbage_collection():
    """Keeps Python from looking for garbage, while a graph is traced.

    Among what tracing makes there is little garbage, and to look for it takes a
    sixth of the time.

    This reaches beyond the library, to all threads of the process, for the
    `with` block; afterwards the collector is on if it was, also after an error.

    Yields:
        Nothing.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


@contextlib.contextmanager
def without_retracing_warning():
    """Holds back TensorFlow's warning that a function is traced repeatedly.

    TensorFlow counts the graphs of a function by its code. Each model has
    graphs of its own, so the fifth one looks to it like a function that is
    traced again and again.

    This reaches beyond the library, to all threads of the process, for the
    `with` block; afterwards the warning is shown again, also after an error.

    Yields:
        Nothing.
    """

    def is_about_something_else(record):
        return "triggered tf.function retracing" not in str(record.msg)

    # A function for each block: a logger holds an equal one only once, and the
    # end of a block inside of another one would show the warning again.
    logger = logging.getLogger("tensorflow")
    logger.addFilter(is_about_something_else)
    try:
        yield
    finally:
        logger.removeFilter(is_about_something_else)


def _tensorflow():
    return importlib.import_module("tensorflow")


def _warn_without_onednn():
    # On a GPU the kernels of the processor hardly matter.
    if onednn_is_on() is False and not has_gpu():
        warnings.warn(
            "TensorFlow was imported before darts_tf and runs without oneDNN, "
            "which takes about half of the speed of a search on this "
            "processor. Import darts_tf first, or set the environment "
            f"variable {_ONEDNN}=1 (or 0, to keep it off without this "
            "warning).",
            RuntimeWarning,
            stacklevel=4,  # the line that imports darts_tf
        )


def _ask_before_hdf5():
    """Lets Keras ask a model before the old file of that name is emptied."""
    try:
        # Keras has no public place for it.
        writer = importlib.import_module(_HDF5)
    except ImportError:  # a Keras without HDF5
        return
    write = writer.save_model_to_hdf5

    @functools.wraps(write)
    def ask_and_write(model, filepath, *args, **kwargs):
        check = getattr(model, "_check_hdf5", None)
        if check is not None:
            check(filepath)
        return write(model, filepath, *args, **kwargs)

    writer.save_model_to_hdf5 = ask_and_write


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
