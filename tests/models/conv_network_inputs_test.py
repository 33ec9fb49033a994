"""What images a network takes, by whichever door they come."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import darts_tf

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def _network(shape=(8, 8, 1), **options):
    options = {"num_classes": 3, "filters": 2, "num_cells": 3, **options}
    network = darts_tf.ConvNetwork(darts_tf.zoo.DARTS_V2, **options)
    network.build((None, *shape))
    network.compile("sgd", LOSS)
    return network


def _images(size=8, channels=1, dtype="float32", rows=4):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (rows, size, size, channels)).astype(dtype)


def _data(images):
    labels = np.arange(len(images)) % 3
    return tf.data.Dataset.from_tensor_slices((images, labels)).batch(4)


DOORS = {
    "call": lambda network, x: network(x),
    "predict": lambda network, x: network.predict(x, verbose=0),
    "predict_data": lambda network, x: network.predict(_data(x), verbose=0),
    "evaluate": lambda network, x: network.evaluate(
        x, np.arange(len(x)) % 3, verbose=0
    ),
    "fit": lambda network, x: network.fit(x, np.arange(len(x)) % 3, verbose=0),
    "fit_data": lambda network, x: network.fit(
        _data(x), shuffle=False, verbose=0
    ),
    "functional": lambda network, x: network(
        keras.Input(x.shape[1:], dtype=x.dtype.name)
    ),
}


@pytest.mark.parametrize("door", DOORS)
def test_other_channels_are_refused_by_both_numbers(door):
    network = _network()
    with pytest.raises(ValueError, match=r"value 1, .*8, 8, 3\)"):
        DOORS[door](network, _images(channels=3))


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64", "bool"])
def test_pixels_of_whole_numbers_are_cast(dtype):
    network = _network()
    pixels = _images() > 128 if dtype == "bool" else _images(dtype=dtype)
    expected = network.predict(pixels.astype("float32"), verbose=0)
    assert len(np.unique(expected, axis=0)) == len(pixels)
    for found in (
        network(pixels),
        network.predict(pixels, verbose=0),
        network.predict(_data(pixels), verbose=0),
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("door", ["evaluate", "fit", "fit_data", "functional"])
def test_whole_numbers_come_in_by_each_door(door):
    DOORS[door](_network(), _images(dtype="uint8"))


def test_images_of_several_sizes_give_what_each_size_gives():
    network, other = _network(), _network((None, None, 1))
    other.set_weights(network.get_weights())
    inputs = keras.Input((None, None, 1))
    functional = keras.Model(inputs, network(inputs))
    for size in (8, 12, 11, 7):
        images = _images(size)
        expected = network(images)
        for model in (network, other, functional):
            # The graph's kernels sum in another order.
            np.testing.assert_allclose(
                model.predict(images, verbose=0), expected, rtol=1e-4
            )


def test_training_takes_images_of_several_sizes():
    network = _network((None, None, 1))
    for size in (8, 11):
        history = network.fit(
            _images(size), np.arange(4) % 3, verbose=0
        ).history
        assert np.isfinite(history["loss"]).all()


def test_a_supernet_takes_images_of_several_sizes():
    supernet = darts_tf.ConvSupernet(num_classes=3, filters=2, num_cells=3)
    supernet.build((None, None, None, 1))
    for size in (8, 11):
        images = _images(size)
        np.testing.assert_allclose(
            supernet.predict(images, verbose=0), supernet(images), rtol=1e-4
        )


def test_frozen_cells_stay_while_the_classifier_is_trained():
    network = _network()
    network.stem.trainable = False
    for cell in network.cells:
        cell.trainable = False
    network.compile("sgd", LOSS)
    before = [np.array(v) for cell in network.cells for v in cell.weights]
    classifier = np.array(network.classifier.kernel)
    network.fit(_images(), np.arange(4) % 3, verbose=0)
    after = [np.array(v) for cell in network.cells for v in cell.weights]
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, b)
    assert np.any(classifier != np.array(network.classifier.kernel))


def _around(kind, network):
    if kind == "sequential":
        return keras.Sequential([keras.Input((32, 32, 1)), network])
    if kind == "unbuilt_sequential":
        return keras.Sequential([keras.layers.Rescaling(0.1), network])
    inputs = keras.Input((32, 32, 1))
    return keras.Model(inputs, network(inputs))


@pytest.mark.parametrize(
    "kind", ["functional", "sequential", "unbuilt_sequential"]
)
def test_a_model_that_would_drop_the_auxiliary_loss_is_refused(kind):
    network = _network((32, 32, 1), auxiliary_weight=0.4)
    model = _around(kind, network)
    model.compile("sgd", LOSS)
    images, labels = _images(32), np.arange(4) % 3
    assert model.predict(images, verbose=0).shape == (4, 3)
    with pytest.raises(ValueError, match="auxiliary_weight=0"):
        model.fit(images, labels, verbose=0)
    network.fit(images, labels, verbose=0)  # by itself
    network.trainable = False
    model.compile("sgd", LOSS)
    assert len(network(images, training=True)) == 2


def test_an_auxiliary_classifier_is_not_given_other_sizes():
    network = _network((32, 32, 1), auxiliary_weight=0.4)
    assert network.predict(_images(48), verbose=0).shape == (4, 3)
    with pytest.raises(ValueError, match="auxiliary_weight=0"):
        network.fit(_images(48), np.arange(4) % 3, verbose=0)
