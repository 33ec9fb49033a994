import sys

import numpy as np
import pytest

from darts_tf import interop
from darts_tf.interop import checkpoint_file

ARRAYS = {
    "stem.0.weight": np.arange(6, dtype="float32").reshape(2, 3),
    "stem.1.running_mean": np.ones(2, "float64"),
}


def _assert_equal(arrays, expected):
    assert list(arrays) == list(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(arrays[name], array)
        assert arrays[name].dtype == array.dtype


def test_npz_files_return_what_was_written(tmp_path):
    path = tmp_path / "weights.npz"
    checkpoint_file.write_checkpoint(ARRAYS, path)
    _assert_equal(interop.read_checkpoint(path), ARRAYS)
    _assert_equal(interop.read_checkpoint(str(path)), ARRAYS)
    with pytest.raises(FileExistsError):
        checkpoint_file.write_checkpoint(ARRAYS, path)


def test_what_official_scripts_put_around_it_is_taken_off():
    parallel = {f"module.{name}": array for name, array in ARRAYS.items()}
    _assert_equal(interop.read_checkpoint(parallel), ARRAYS)
    _assert_equal(
        interop.read_checkpoint({"epoch": 3, "state_dict": parallel}), ARRAYS
    )
    # Some names alone are names.
    some = {**ARRAYS, "module.bias": np.zeros(2)}
    _assert_equal(interop.read_checkpoint(some), some)


def test_counters_are_left_out_where_statistics_are():
    counters = {
        "stem.1.num_batches_tracked": np.array(3),
        "other.num_batches_tracked": np.array(3.0),
    }
    arrays = interop.read_checkpoint({**ARRAYS, **counters})
    assert arrays.keys() - ARRAYS.keys() == {"other.num_batches_tracked"}


@pytest.mark.parametrize(
    "source",
    [
        {},
        {"state_dict": 3},
        {"a": np.arange(3)},
        {"a": "text"},
        {"a": None},
        {"a": [[1.0], [1.0, 2.0]]},
        {"a": np.array([object()])},
        3,
        None,
    ],
)
def test_what_is_no_state_dictionary_is_refused(source):
    with pytest.raises(ValueError, match="Received: "):
        interop.read_checkpoint(source)


def test_npz_files_that_hold_no_arrays_are_refused(tmp_path):
    path = tmp_path / "weights.npz"
    with pytest.raises(FileNotFoundError):
        interop.read_checkpoint(path)
    path.write_text("no zip file")
    with pytest.raises(ValueError, match="named arrays.*Received: source="):
        interop.read_checkpoint(path)
    with open(path, "wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(ValueError, match="named arrays"):
        interop.read_checkpoint(path)
    np.savez(path, a=np.array([{}]))  # an object, that is a pickle
    with pytest.raises(ValueError, match="named arrays.*pickle"):
        interop.read_checkpoint(path)


def test_files_of_pytorch_say_what_they_need(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=r"darts-tf\[interop\].*weights.pt"):
        interop.read_checkpoint(tmp_path / "weights.pt")
    with pytest.raises(ImportError, match=r"darts-tf\[interop\]"):
        checkpoint_file.write_checkpoint(ARRAYS, tmp_path / "weights.pt")
    assert not (tmp_path / "weights.pt").exists()
