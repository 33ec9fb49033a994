"""Data sets that are too large for memory: the same images, from a file."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import darts_tf
from darts_tf.data import streams
from darts_tf.tuner import configuration
from darts_tf.tuner import labelled_images
from darts_tf.tuner import stored_images

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (60, 8, 8, 1)).astype("uint8")
Y = np.arange(60) % 3


class Batches(keras.utils.PyDataset):
    """The images in batches, the last of them smaller."""

    def __init__(self, x=PIXELS, y=Y, count=4):
        super().__init__()
        self.x, self.y, self.count = x, y, count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        part = slice(17 * index, 17 * (index + 1))
        return self.x[part], self.y[part]


class Endless(Batches):
    """Says so by the number of its batches, as Keras wants it."""

    @property
    def num_batches(self):
        return None


def _dataset(x=PIXELS):
    return tf.data.Dataset.from_tensor_slices((x, Y)).shuffle(60).batch(7)


@pytest.fixture
def little_memory(monkeypatch):
    monkeypatch.setattr(stored_images, "MOST_IN_MEMORY", 1000)
    monkeypatch.setattr(stored_images, "_CHUNK", 200)


@pytest.mark.parametrize(
    "make", [_dataset, Batches], ids=["tf_data", "PyDataset"]
)
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_a_file_holds_what_memory_would(
    make, dtype, tmp_path, monkeypatch, request
):
    x = PIXELS.astype(dtype)
    (*expected, validation), _ = labelled_images.prepare(
        make(x), None, None, None
    )
    assert not isinstance(expected[0], np.memmap)
    request.getfixturevalue("little_memory")
    said = []
    (*found, held_out), number = labelled_images.prepare(
        make(x), None, None, None, folder=tmp_path, say=said.append
    )
    assert isinstance(found[0], np.memmap)
    assert number == 3
    for part, other in (
        (found, expected),
        (held_out, validation),
    ):
        for array, like in zip(part, other, strict=True):
            np.testing.assert_array_equal(array, like)
            assert array.dtype == like.dtype
    # A project that was begun in memory goes on from a file.
    assert configuration.fingerprint(found) == configuration.fingerprint(
        expected
    )
    (line,) = said
    assert "images of x take more than" in line
    assert str(tmp_path) in line
    assert not list(tmp_path.iterdir())  # it has no name


def _all_batches(x, y, transform):
    (train, alpha), batch = labelled_images.halves(x, y, 5), 4
    convert = labelled_images.as_floats(x, transform)
    pairs = streams.paired(train, alpha, batch, seed=5, transform=convert)
    whole = streams.sequential(
        labelled_images.as_arrays(x, y),
        batch,
        labelled_images.as_floats(x, None),
    )
    return [*pairs.take(9), *((element,) for element in whole)]


@pytest.mark.parametrize("transform", [None, lambda batch, seed: batch])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_batches_out_of_a_file_are_those_out_of_memory(
    dtype, transform, tmp_path
):
    x = PIXELS.astype(dtype)
    np.save(tmp_path / "x.npy", x)
    stored = np.load(tmp_path / "x.npy", mmap_mode="r")
    found = _all_batches(stored, Y, transform)
    expected = _all_batches(x, Y, transform)
    for batches, others in zip(found, expected, strict=True):
        for batch, other in zip(batches, others, strict=True):
            for tensor, like in zip(batch, other, strict=True):
                assert tensor.dtype == like.dtype
                # So that a model can be built on them.
                assert tensor.shape == like.shape
                np.testing.assert_array_equal(tensor, like)


def test_the_shape_of_a_batch_out_of_a_file_is_known(tmp_path):
    np.save(tmp_path / "x.npy", PIXELS)
    stored = np.load(tmp_path / "x.npy", mmap_mode="r")
    (part, labels), _ = labelled_images.halves(stored, Y, 0)
    convert = labelled_images.as_floats(stored, None)
    stream = streams.batches((part, labels), 4, 0, transform=convert)
    assert stream.element_spec[0] == tf.TensorSpec((4, 8, 8, 1), tf.float32)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (Endless(), "without end"),
        (Batches(count=0), "without any"),
        (Batches(x=PIXELS[:, 0]), r"images of \[\(17, 8, 1\)\]"),
    ],
    ids=["endless", "empty", "no_images"],
)
def test_other_batches_are_refused(source, message):
    with pytest.raises(ValueError, match=message):
        labelled_images.read(source, None, "x")


def test_batches_with_weights_or_images_alone_are_refused():
    class Weighted(Batches):
        def __getitem__(self, index):
            x, y = super().__getitem__(index)
            return x, y, y

    class Alone(Batches):
        def __getitem__(self, index):
            return super().__getitem__(index)[0]

    with pytest.raises(ValueError, match="a tuple of 3 parts"):
        labelled_images.read(Weighted(), None, "x")
    with pytest.raises(ValueError, match="a ndarray"):
        labelled_images.read(Alone(), None, "x")


@pytest.mark.slow
def test_a_search_from_a_file_is_that_from_memory(tmp_path, request, capsys):
    def small(hp):
        for name, value in {
            "hypergradient": "first_order",
            "num_cells": 3,
            "filters": 2,
            "batch_size": 6,
            "network_num_cells": 3,
            "network_filters": 2,
            "retrain_epochs": 1,
            "retrain_batch_size": 6,
        }.items():
            hp.Fixed(name, value)

    losses = []
    for name in ("memory", "file"):
        if name == "file":
            request.getfixturevalue("little_memory")
        tuner = darts_tf.DartsTuner(
            darts_tf.SearchSpace.conv(["none", "skip_connect"], 1),
            max_trials=1,
            hyperparameters=small,
            directory=str(tmp_path),
            project_name=name,
        )
        tuner.search(_dataset(), epochs=1, verbose=2)
        (metrics,) = tuner.executions("0")
        losses.append(metrics["val_loss"])
        printed = capsys.readouterr().out
        assert ("are written into a file" in printed) == (name == "file")
        assert "12 samples, a fifth of each class, are held out" in printed
        assert "48 are searched" in printed
    assert losses[0] == losses[1]
