"""What is set and refused at import, and the switches that are set back."""

import contextlib
import gc
import logging
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import darts_tf
from darts_tf import environment

# Whether oneDNN is on, and for which types a convolution is grouped.
_PRINT_STATE = """
import tensorflow as tf
from darts_tf import environment
from darts_tf.layers import convolution_kernels
types = (tf.float32, tf.float64, tf.bfloat16)
print("on" if environment.onednn_is_on() else "off")
print([convolution_kernels.grouped_convolution_works(t) for t in types])
"""


def test_the_versions_are_those_of_this_process():
    found = environment.versions()
    assert found["darts_tf"] == darts_tf.__version__
    assert found["keras"] == keras.__version__
    assert found["numpy"] == np.__version__
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["dtype_policy"] == "float32"


def run(code, **variables):
    """Runs Python code with only these settings of TensorFlow and Keras."""
    ours = ("TF_ENABLE_ONEDNN_OPTS", "KERAS_BACKEND", "TF_USE_LEGACY_KERAS")
    kept = {k: v for k, v in os.environ.items() if k not in ours}
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**kept, "TF_CPP_MIN_LOG_LEVEL": "3", **variables},
        capture_output=True,
        text=True,
        check=False,
    )


needs_onednn = pytest.mark.skipif(
    environment.onednn_is_on() is not True,
    reason="TensorFlow has no oneDNN here, or it was turned off",
)


@needs_onednn
def test_import_turns_onednn_on_and_its_kernels_are_chosen_quietly():
    ended = run(
        f"import darts_tf{_PRINT_STATE}",
        TF_CPP_MIN_LOG_LEVEL="1",  # warnings of TensorFlow are shown
        CUDA_VISIBLE_DEVICES="-1",
    )
    state, chosen = ended.stdout.splitlines()
    assert state == "on"
    assert chosen.startswith("[True, False")
    assert "filter_size" not in ended.stderr
    assert "BFLOAT16" not in ended.stderr


@needs_onednn
def test_what_the_user_says_about_onednn_wins():
    ended = run(
        f"import tensorflow, darts_tf{_PRINT_STATE}",
        TF_ENABLE_ONEDNN_OPTS="0",
        TF_CPP_MIN_LOG_LEVEL="1",
        CUDA_VISIBLE_DEVICES="-1",
    )
    assert ended.stdout.splitlines() == ["off", "[False, False, False]"]
    assert "RuntimeWarning" not in ended.stderr
    assert "filter_size" not in ended.stderr


@needs_onednn
def test_warning_names_the_remedy_where_tensorflow_came_first():
    # By itself TensorFlow turns oneDNN on where there is AVX-512, so the test
    # turns it off, and hides that from darts_tf.
    code = "; ".join(
        (
            "import os, tensorflow",
            "del os.environ['TF_ENABLE_ONEDNN_OPTS']",
            "import darts_tf",
            "import darts_tf.layers",
        )
    )
    ended = run(code, TF_ENABLE_ONEDNN_OPTS="0", CUDA_VISIBLE_DEVICES="-1")
    assert ended.returncode == 0
    assert ended.stderr.count("RuntimeWarning") == 1
    assert "Import darts_tf first" in ended.stderr
    assert "TF_ENABLE_ONEDNN_OPTS=1" in ended.stderr


@pytest.mark.parametrize(
    ("code", "variables", "message"),
    [
        ("", {"KERAS_BACKEND": "jax"}, "Received: backend='jax'"),
        (
            "import keras; "
            "keras.config.set_image_data_format('channels_first'); ",
            {},
            "Received: image_data_format='channels_first'",
        ),
        (
            "",
            {"TF_USE_LEGACY_KERAS": "1"},
            "Received: TF_USE_LEGACY_KERAS=1",
        ),
    ],
)
def test_settings_that_do_not_fit_are_named_at_import(code, variables, message):
    ended = run(f"{code}import darts_tf", **variables)
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith("ImportError: ")
    assert message in ended.stderr.splitlines()[-1]


def test_setting_after_the_import_does_not_change_a_network():
    network = darts_tf.ConvNetwork(
        darts_tf.zoo.DARTS_V2, num_classes=3, filters=2, num_cells=3
    )
    images = np.zeros((2, 8, 8, 1), "float32")
    keras.config.set_image_data_format("channels_first")
    try:
        assert network(images).shape == (2, 3)
    finally:
        keras.config.set_image_data_format("channels_last")


def _graph_optimizer_is_off():
    options = tf.config.optimizer.get_experimental_options()
    return options.get("disable_meta_optimizer", False)


def _retracing_is_reported():
    record = logging.LogRecord(
        "tensorflow",
        logging.WARNING,
        "",
        0,
        "triggered tf.function retracing",
        None,
        None,
    )
    return bool(logging.getLogger("tensorflow").filter(record))


@pytest.mark.parametrize(
    ("switch", "state", "inside"),
    [
        (environment.without_graph_optimizer, _graph_optimizer_is_off, True),
        (environment.without_garbage_collection, gc.isenabled, False),
        (environment.without_retracing_warning, _retracing_is_reported, False),
    ],
)
@pytest.mark.parametrize("fails", [False, True])
def test_a_switch_is_set_back_also_after_an_error(
    monkeypatch, switch, state, inside, fails
):
    monkeypatch.setattr(environment, "has_gpu", lambda: False)
    before = state()
    assert before != inside
    refused = pytest.raises(RuntimeError, match="of a step")
    with refused if fails else contextlib.nullcontext(), switch():
        assert state() == inside
        with switch():
            assert state() == inside
        # What is inside of another block does not end it.
        assert state() == inside
        if fails:
            raise RuntimeError("of a step")
    assert state() == before


def test_a_collector_that_was_off_stays_off():
    gc.disable()
    try:
        with environment.without_garbage_collection():
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_the_graph_optimizer_stays_on_a_gpu(monkeypatch):
    monkeypatch.setattr(environment, "has_gpu", lambda: True)
    assert not _graph_optimizer_is_off()
    with environment.without_graph_optimizer():
        assert not _graph_optimizer_is_off()


def test_threads_of_operations_cannot_be_set_once_tensorflow_runs():
    tf.config.list_logical_devices()  # starts it
    with pytest.raises(RuntimeError):
        environment.set_operation_threads(7)
