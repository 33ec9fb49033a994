import errno
import io
import os
import warnings

import keras
import numpy as np
import pytest

from darts_tf.callbacks import checkpoint


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


CONFIGURATION = {"model.units": 4, "optimizer": "SGD"}


def two_checkpoints(folder):
    path = folder / "checkpoint.npz"
    for epoch in (1, 2):
        variables = groups(value=epoch)
        checkpoint.save(path, variables, {"epoch": epoch}, CONFIGURATION)
    return path


def without_its_end(content):
    return content[: len(content) // 2]


def with_a_wrong_byte(content):
    # Inside of the first array, so that only the checksum can tell.
    place = content.index(b"NUMPY") + 130
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def random_bytes(content):
    return np.random.default_rng(0).bytes(len(content))


def another_archive(content):
    file = io.BytesIO()
    np.savez(file, info=np.array("{}"), weight=np.zeros(3))
    return file.getvalue()


def pickled(content):
    file = io.BytesIO()
    np.savez(file, info=np.array([{}], dtype=object))
    return file.getvalue()


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        without_its_end,
        with_a_wrong_byte,
        random_bytes,
        another_archive,
        pickled,
    ],
)
def test_a_torn_or_foreign_file_is_named_and_the_one_before_is_used(
    tmp_path, damage
):
    path = two_checkpoints(tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    restored = groups(value=9.0)
    with pytest.warns(UserWarning, match=r"checkpoint\.npz': the file is torn"):
        info = checkpoint.restore(path, restored, CONFIGURATION)
    assert info == {"epoch": 1}
    assert np.all(np.array(restored["model"][0]) == 1)
    earlier = checkpoint.previous(path)
    earlier.write_bytes(damage(earlier.read_bytes()))
    with pytest.raises(ValueError, match=r"npz': the .*previous\.npz': the"):
        checkpoint.restore(path, restored, CONFIGURATION)


def test_a_file_of_another_configuration_lists_what_differs(tmp_path):
    path = two_checkpoints(tmp_path)
    message = "model.units: 4 instead of 8, optimizer: SGD instead of Adam"
    with pytest.raises(ValueError, match=message):
        checkpoint.restore(
            path, groups(), {"model.units": 8, "optimizer": "Adam"}
        )
    other = {**CONFIGURATION, "model.units": 8}
    checkpoint.save(path, groups(), {"epoch": 3}, other)
    with pytest.warns(UserWarning, match="model.units: 8 instead of 4"):
        info = checkpoint.restore(path, groups(), CONFIGURATION)
    assert info == {"epoch": 2}


def test_a_missing_last_file_is_replaced_by_the_one_before(tmp_path):
    # As between the two renames of a save.
    path = two_checkpoints(tmp_path)
    path.unlink()
    assert checkpoint.restore(path, groups(), CONFIGURATION) == {"epoch": 1}


@pytest.mark.parametrize(
    ("module", "function", "number"),
    [
        (np, "savez", errno.ENOSPC),
        (os, "fsync", errno.EIO),
        (os, "replace", errno.EROFS),
        (np, "savez", errno.EACCES),
    ],
)
def test_a_disk_that_fails_is_an_error_and_the_last_file_is_whole(
    tmp_path, monkeypatch, module, function, number
):
    path = two_checkpoints(tmp_path)

    def fail(*arguments, **kwargs):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(module, function, fail)
        with pytest.raises(OSError, match="could not be saved") as error:
            checkpoint.save(path, groups(), {"epoch": 3}, CONFIGURATION)
    assert error.value.errno == number
    assert os.strerror(number) in str(error.value)
    assert checkpoint.restore(path, groups(), CONFIGURATION) == {"epoch": 2}
    assert len(list(tmp_path.iterdir())) == 2


def _small(folder):
    """Makes two checkpoints of a few hundred bytes; returns their content."""
    path = folder / "checkpoint.npz"
    for epoch in (1, 2):
        # A header that is parsed before the end of its array is read.
        weights = {"model": [keras.Variable(np.full((64, 20), float(epoch)))]}
        checkpoint.save(path, weights, {"epoch": epoch})
    return path, weights, path.read_bytes()


def test_any_flipped_bit_is_harmless_or_the_one_before_is_used(tmp_path):
    path, weights, content = _small(tmp_path)
    start = content.index(b"NUMPY") - 60
    # All of the headers, and some of the numbers.
    places = [*range(start + 230), *range(start + 230, len(content), 97)]
    places += range(len(content) - 400, len(content))
    used = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for place in places:
            damaged = bytearray(content)
            damaged[place] ^= 1 << place % 8
            path.write_bytes(damaged)
            arrays, info = checkpoint.load(path, weights)
            np.testing.assert_array_equal(arrays["model/0"], info["epoch"])
            used.append(info["epoch"])
    told = [w for w in caught if "the one before it used" in str(w.message)]
    assert len(told) == used.count(1) > 100


def test_a_file_cut_anywhere_is_refused_and_the_one_before_is_used(tmp_path):
    path, weights, content = _small(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for length in range(0, len(content), 61):
            path.write_bytes(content[:length])
            assert checkpoint.load(path, weights)[1] == {"epoch": 1}


def test_two_damaged_checkpoints_are_one_line_that_names_both(tmp_path):
    path, weights, content = _small(tmp_path)
    damaged = bytearray(content)
    damaged[content.index(b"}", content.index(b"NUMPY"))] ^= 1
    for file in (path, checkpoint.previous(path)):
        file.write_bytes(damaged)
    with pytest.raises(ValueError, match="must be whole") as error:
        checkpoint.load(path, weights)
    message = str(error.value)
    assert "\n" not in message
    assert str(path) in message
    assert str(checkpoint.previous(path)) in message
