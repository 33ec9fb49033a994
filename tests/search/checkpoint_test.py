import os

import keras
import numpy as np
import pytest

from darts_tf.search import checkpoint


def groups(dtype="float32", value=1.5):
    return {
        "model": [
            keras.Variable(np.full((2, 3), value), dtype=dtype),
            keras.Variable(7, dtype="int64"),
        ],
        "switch": [keras.Variable(True, dtype="bool")],
    }


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_everything_comes_back_bit_for_bit(tmp_path, dtype):
    path = tmp_path / "checkpoint.npz"
    saved = groups(dtype, 1 / 3)
    info = {"history": [{"loss": 0.1}]}
    checkpoint.save(path, saved, info)
    restored = groups(dtype)
    restored["switch"][0].assign(False)
    assert checkpoint.restore(path, restored) == info
    for name, variables in saved.items():
        for one, two in zip(variables, restored[name], strict=True):
            one, two = (keras.ops.convert_to_numpy(v) for v in (one, two))
            assert one.dtype == two.dtype
            assert one.tobytes() == two.tobytes()


def test_a_failure_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint.npz"
    checkpoint.save(path, groups(), {"epoch": 1})

    def fail(*arguments):
        raise OSError("the disk is full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="the disk is full"):
        checkpoint.save(path, groups(value=2.0), {"epoch": 2})
    assert checkpoint.restore(path, groups()) == {"epoch": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_other_variables_are_refused_and_unchanged(tmp_path):
    path = tmp_path / "checkpoint.npz"
    checkpoint.save(path, groups(), {})
    other = groups(value=9.0)
    other["switch"] = [keras.Variable(np.zeros(4))]
    with pytest.raises(ValueError, match=r"switch/0: \(\) instead of \(4,\)"):
        checkpoint.restore(path, other)
    assert np.all(np.array(other["model"][0]) == 9.0)
