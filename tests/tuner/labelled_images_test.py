"""Images and labels as people have them, for the tuner."""

import numpy as np
import pytest
import tensorflow as tf

import darts_tf
from darts_tf.tuner import labelled_images
from tests.tuner import tiny

X = np.random.default_rng(0).normal(size=(24, 8, 8, 1)).astype("float32")
Y = np.arange(24) % 3


def _dataset(x=X, y=Y):
    return tf.data.Dataset.from_tensor_slices((x, y))


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (Y, 3),
        (Y.astype("uint8"), 3),
        (Y[:, None], 3),
        (Y.astype("float32"), 3),
        (Y == 1, 2),
        (np.eye(3)[Y], 3),
        (np.eye(5, dtype="int32")[Y], 5),
        (list(Y), 3),
    ],
)
def test_the_number_of_classes_is_found(labels, classes):
    (x, y, validation), found = labelled_images.prepare(
        X, labels, (X, labels), None
    )
    assert found == classes
    expected = Y if classes != 2 else Y == 1
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(validation[1], expected)
    assert y.dtype.kind in "iu"
    assert x is X  # without a copy


def test_a_class_of_the_validation_data_only_counts():
    _, found = labelled_images.prepare(X, Y, (X, Y + 4), None)
    assert found == 7


@pytest.mark.parametrize(
    ("validation", "num_classes"),
    [(np.eye(4)[Y], None), (Y, 4), (np.eye(3)[Y], 4)],
)
def test_one_hot_labels_agree_with_the_number_of_classes(
    validation, num_classes
):
    with pytest.raises(ValueError, match="a column for each class.*3 columns"):
        labelled_images.prepare(X, np.eye(3)[Y], (X, validation), num_classes)


@pytest.mark.parametrize(
    "dataset",
    [
        _dataset().batch(7),
        _dataset(),
        _dataset().shuffle(24, seed=1).batch(5),
        _dataset().shuffle(24, seed=2),
        _dataset().map(lambda x, y: {"image": x, "label": y, "id": y}),
        _dataset(y=np.eye(3, dtype="float32")[Y]).batch(24),
    ],
    ids=["batched", "single", "shuffled", "again", "dictionaries", "one-hot"],
)
def test_a_data_set_is_its_samples_in_an_order_of_its_own(dataset):
    expected = labelled_images.read(_dataset(), None, "x")
    x, y, _ = labelled_images.read(dataset, None, "x")
    np.testing.assert_array_equal(x, expected[0])
    np.testing.assert_array_equal(y, expected[1])
    places = [np.flatnonzero((X == image).all((1, 2, 3)))[0] for image in x]
    assert sorted(places) == list(range(24))
    np.testing.assert_array_equal(Y[places], y)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (_dataset().repeat(), None, "without end"),
        (_dataset().take(0), None, "without any"),
        (_dataset().map(lambda x, y: x), None, "pairs|image, label"),
        (_dataset().map(lambda x, y: (x, y, y)), None, "image, label"),
        (_dataset().map(lambda x, y: ((x, y), (x, y))), None, "image, label"),
        (_dataset(), Y, "holds the labels, too"),
        (_dataset(X[:, 0]), None, r"images of \[\(8, 1\)\]"),
        (X, None, "y=None"),
        (X, np.full((24, 3), 1 / 3), "a single 1 in each row"),
        ([X[0], X[1][:4]], Y[:2], "one size"),
    ],
)
def test_what_is_not_labelled_images_is_refused(x, y, message):
    with pytest.raises(ValueError, match=message):
        labelled_images.read(x, y, "x")


def test_another_object_is_refused():
    with pytest.raises(TypeError, match=r"tf\.data\.Dataset.*generator"):
        labelled_images.read((x for x in X), Y, "x")


def test_validation_data_are_a_pair_or_a_data_set():
    with pytest.raises(ValueError, match="Received: 3 parts"):
        labelled_images.prepare(X, Y, (X, Y, Y), None)
    with pytest.raises(ValueError, match="validation_data=None"):
        labelled_images.check((X, Y), None, 3, same_shape=True)


@pytest.mark.parametrize("labels", [Y, np.eye(3)[Y]], ids=["ids", "one-hot"])
def test_without_validation_data_a_fifth_of_each_class_is_held_out(labels):
    (x, y, (held_out, others)), found = labelled_images.prepare(
        X, labels, None, None
    )
    assert found == 3
    assert np.bincount(others).tolist() == [2, 2, 2]  # of 8 each
    assert np.bincount(y).tolist() == [6, 6, 6]
    images = np.concatenate([x, held_out])
    places = [np.flatnonzero((X == one).all((1, 2, 3)))[0] for one in images]
    assert sorted(places) == list(range(24))
    np.testing.assert_array_equal(Y[places], np.concatenate([y, others]))


@pytest.mark.parametrize(
    ("labels", "num_classes", "message"),
    [
        (np.arange(24), None, "at least two samples"),
        (Y, 2, r"\[0, 2\)"),
        (Y + 0.5, None, "must be integers"),
        (Y[:9], None, "24 images, 9 labels"),
    ],
)
def test_what_cannot_be_held_out_is_refused(labels, num_classes, message):
    with pytest.raises(ValueError, match=message):
        labelled_images.prepare(X, labels, None, num_classes)


@pytest.mark.parametrize("transform", [None, lambda batch, seed: batch])
def test_pixels_that_are_integers_become_floats_batch_by_batch(transform):
    convert = labelled_images.as_floats(X.astype("uint8"), transform)
    pixels = tf.constant([[200]], "uint8")
    images, labels = convert((pixels, tf.constant([1])), 0)
    assert images.dtype == tf.float32
    assert images.numpy().tolist() == [[200.0]]
    assert labels.dtype == tf.int32
    # What already are floats keep their graph.
    assert labelled_images.as_floats(X, transform) is transform


def _small(hp):
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


def _tuner(folder, **kwargs):
    return darts_tf.DartsTuner(
        darts_tf.SearchSpace.conv(["none", "skip_connect"], 1),
        max_trials=1,
        hyperparameters=_small,
        directory=str(folder),
        project_name="p",
        **kwargs,
    )


@pytest.mark.slow
def test_a_search_finds_the_classes_of_a_data_set_of_integers(tmp_path):
    pixels = (X * 10).astype("uint8")
    one_hot = np.eye(3, dtype="float32")[Y]
    shuffled = _dataset(pixels, one_hot).shuffle(24).batch(5)
    tuner = _tuner(tmp_path)
    tuner.search(shuffled, validation_data=shuffled, epochs=1, verbose=0)
    (network,) = tuner.get_best_models(1)
    assert network.num_classes == 3
    (metrics,) = tuner.executions("0")
    measured = network.evaluate(
        pixels.astype("float32"), Y, verbose=0, return_dict=True
    )
    assert measured["loss"] == pytest.approx(metrics["val_loss"], rel=1e-4)
    # Shuffled anew, they are the same data; with another class, others.
    again = _tuner(tmp_path)
    again.search(shuffled, validation_data=shuffled, epochs=1, verbose=0)
    with pytest.raises(ValueError, match="was begun with"):
        again.search(pixels, Y, validation_data=(pixels, Y), epochs=1)


def test_labels_beyond_the_classes_are_refused_before_the_search(tmp_path):
    tuner = _tuner(tmp_path, num_classes=2)
    with pytest.raises(ValueError, match=r"\[0, 2\)"):
        tuner.search(X, Y, validation_data=(X, Y), epochs=1)
    assert not tuner.oracle.trials
    with pytest.raises(ValueError, match="num_classes=1"):
        _tuner(tmp_path, num_classes=1)


def test_a_project_keeps_its_number_of_classes(tmp_path):
    _tuner(tmp_path, num_classes=10)
    with pytest.raises(ValueError, match="num_classes=10; pass it"):
        _tuner(tmp_path).search(X, Y, validation_data=(X, Y), epochs=1)
    with pytest.raises(ValueError, match="begun with num_classes=10"):
        _tuner(tmp_path, num_classes=4)


def test_validation_images_of_another_form_are_refused(tmp_path):
    other = np.repeat(X, 3, axis=-1)
    with pytest.raises(ValueError, match=r"\(8, 8, 1\).*\(8, 8, 3\)"):
        _tuner(tmp_path).search(X, Y, validation_data=(other, Y), epochs=1)


def test_without_a_search_the_number_of_classes_must_be_given():
    hypermodel = darts_tf.ConvHyperModel(tiny.SPACE)
    hp = tiny.space(hypermodel.declare_hyperparameters)
    with pytest.raises(ValueError, match="num_classes=None"):
        hypermodel.build(hp)
