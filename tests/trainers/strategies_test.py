import subprocess
import sys

import pytest
import tensorflow as tf
from absl import logging

from trainers import cnn_search
from trainers import strategies

_THREADS_OF_A_SEARCH = """
import tensorflow as tf
from trainers import {command} as command

config = command.Config("unused", {data}={found!r}{options})
try:
    command.run(config)
except (ValueError, OSError):  # of the empty folder, after the threads
    pass
tf.ones(1)
print(tf.config.threading.get_intra_op_parallelism_threads())
"""


# 0 is TensorFlow's own choice.
@pytest.mark.parametrize(
    ("command", "data", "options", "threads"),
    [
        ("cnn_search", "dataset", "", 1),
        ("cnn_search", "dataset", ", intra_op_threads=None", 0),
        ("ptb_search", "corpus", "", 1),
        ("protocol", "dataset", ", intra_op_threads=3", 3),
    ],
)
def test_a_search_has_its_threads_before_tensorflow_starts(
    tmp_path, command, data, options, threads
):
    # A folder that is there passes the checks that come first; it is empty.
    script = _THREADS_OF_A_SEARCH.format(
        command=command, data=data, found=str(tmp_path), options=options
    )
    process = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
    )
    # The command says before that it reads the data.
    assert process.stdout.split()[-1] == str(threads)
    assert "no effect" not in process.stderr


def test_threads_of_a_tensorflow_that_runs_stay(monkeypatch):
    tf.ones(1)
    before = tf.config.threading.get_intra_op_parallelism_threads()
    warnings = []
    monkeypatch.setattr(
        logging, "warning", lambda text, *values: warnings.append(text % values)
    )
    strategies.limit_threads(before)
    assert not warnings
    strategies.limit_threads(before + 1)
    assert len(warnings) == 1
    assert f"intra_op_threads={before + 1} has no effect" in warnings[0]
    assert tf.config.threading.get_intra_op_parallelism_threads() == before


def test_no_thread_at_all_is_refused():
    with pytest.raises(ValueError, match="intra_op_threads=0"):
        cnn_search.Config("unused", intra_op_threads=0)
