"""What a run says where the disk fails, and what is left of its files."""

import errno
import os

import keras
import pytest

import darts_tf
from trainers import resumable


def _fails(resume, error):
    with resumable.saying_what_is_saved(resume):
        raise error


@pytest.mark.parametrize("saved", [True, False])
def test_an_error_of_the_disk_says_what_is_saved(tmp_path, saved):
    resume = darts_tf.ExactResume(tmp_path)
    if saved:  # as between the two renames of a save
        (tmp_path / "checkpoint.previous.npz").touch()
    full = OSError(errno.ENOSPC, "'alphas.jsonl' could not be written")
    with pytest.raises(OSError, match=r"alphas\.jsonl") as error:
        _fails(resume, full)
    assert error.value.errno == errno.ENOSPC
    expected = "has the last checkpoint" if saved else "has no checkpoint yet"
    assert f"{str(tmp_path)!r} {expected}" in str(error.value)
    assert "\n" not in str(error.value)


def test_the_loss_of_a_worker_is_no_error_of_the_disk(tmp_path):
    lost = ConnectionError("Another worker has ended")
    with pytest.raises(ConnectionError, match="^Another worker has ended$"):
        _fails(darts_tf.ExactResume(tmp_path), lost)


@pytest.mark.parametrize(
    "error", [RuntimeError("Unable to flush"), OSError(errno.ENOSPC, "full")]
)
def test_a_network_is_saved_whole_or_not_at_all(tmp_path, monkeypatch, error):
    network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    path = tmp_path / "network.keras"
    resumable.save_network(network, path)
    before = path.read_bytes()

    def fail(self, temporary):
        temporary.write_bytes(b"half")
        raise error

    monkeypatch.setattr(keras.Model, "save", fail)
    with pytest.raises(OSError, match=r"network\.keras' could not"):
        resumable.save_network(network, path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["network.keras"]
