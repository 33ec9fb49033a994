"""What every test gets: a quiet TensorFlow, fixed seeds, a fresh Keras."""

import os
import sys

# TensorFlow reads these once, when it is imported.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as darts_tf does

import random

import hypothesis
import numpy as np
import pytest

# The same examples in each run, so that a failure is there again the next
# time; `--hypothesis-profile=default` draws new ones.
hypothesis.settings.register_profile("repeatable", derandomize=True)
hypothesis.settings.load_profile("repeatable")


@pytest.fixture(autouse=True)
def fixed_seeds_and_fresh_keras():
    """Makes the result of a test independent of the tests before it.

    Keras is looked up instead of imported, so that the tests of the plain
    Python parts do not wait seconds for TensorFlow. Memory is left to
    Python's own collector: a full collection costs 0.2 s with TensorFlow
    loaded, which is more than most tests take.
    """
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 (Keras and libraries may still draw here)
    keras = sys.modules.get("keras")
    if keras is not None:
        keras.utils.set_random_seed(0)
    yield
    keras = sys.modules.get("keras")
    if keras is not None:
        keras.backend.clear_session(free_memory=False)


@pytest.fixture
def float64():
    """Makes layers and models of double precision."""
    import keras

    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")


@pytest.fixture
def determinism():
    """Makes sums independent of the threads that take part."""
    import tensorflow as tf
    from tensorflow.python.framework import config

    tf.config.experimental.enable_op_determinism()
    yield
    config.disable_op_determinism()


@pytest.fixture
def torch():
    """Leaves the test out where there is no PyTorch."""
    module = pytest.importorskip("torch")
    module.manual_seed(0)
    return module


@pytest.fixture
def torch_float64(float64, torch):
    """Makes layers, models and modules of double precision."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)
