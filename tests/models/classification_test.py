"""A network that knows how its images were normalised and what they show."""

import keras
import numpy as np
import pytest

import darts_tf

CLASSIFICATION = darts_tf.Classification(
    (0.25, 0.5, 0.75), (0.5, 0.25, 0.125), ("cat", "dog")
)


def _normalized(pixels):
    mean, std = np.array(CLASSIFICATION.mean), np.array(CLASSIFICATION.std)
    return ((pixels / 255 - mean) / std).astype("float32")


@pytest.fixture(scope="module")
def network(pixels):
    keras.utils.set_random_seed(1)
    network = darts_tf.ConvNetwork(
        darts_tf.zoo.DARTS_V2,
        filters=2,
        num_cells=1,
        classification=CLASSIFICATION,
    )
    network.build((None, 8, 8, 3))
    # Away from the small numbers of a fresh classifier, to have both classes.
    kernel, bias = network.classifier.weights
    kernel.assign(np.random.default_rng(2).normal(size=kernel.shape))
    cats, dogs = np.transpose(network(_normalized(pixels), training=False))
    bias.assign([0.0, np.median(cats - dogs)])
    return network


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), np.uint8)


def test_pixels_are_normalised_and_classes_have_names(network, pixels):
    classes = network.classify(pixels, batch_size=2)
    images = _normalized(pixels)
    expected = keras.ops.softmax(network(images, training=False))
    # Batches of two and of five differ by the roundings of float32.
    np.testing.assert_allclose(classes.probabilities, expected, atol=1e-6)
    best = np.argmax(expected, -1)
    assert classes.names == tuple(("cat", "dog")[k] for k in best)
    assert set(classes.names) == {"cat", "dog"}, "one class tests nothing"
    np.testing.assert_allclose(
        network.classify(pixels.astype("float64")).probabilities,
        classes.probabilities,
        atol=1e-6,
    )


def test_a_saved_network_still_knows(network, pixels, tmp_path):
    network.save(tmp_path / "network.keras")
    loaded = darts_tf.models.load_network(tmp_path / "network.keras")
    assert loaded.classification == CLASSIFICATION
    assert loaded.classify(pixels).names == network.classify(pixels).names


def test_the_names_say_how_many_classes_there_are(network):
    assert network.num_classes == 2
    with pytest.raises(ValueError, match="3 classes.*Received.*2 classes"):
        darts_tf.ConvNetwork(
            darts_tf.zoo.DARTS_V2, 3, classification=CLASSIFICATION
        )
    with pytest.raises(ValueError, match="1 channels.*Received.*3 channels"):
        darts_tf.ConvNetwork(
            darts_tf.zoo.DARTS_V2,
            filters=2,
            num_cells=1,
            classification=CLASSIFICATION,
        ).build((None, 8, 8, 1))


def test_the_classification_is_that_of_a_data_set():
    digits = darts_tf.data.image_classification.load("digits")
    classification = darts_tf.Classification.of(digits)
    assert classification.class_names == tuple("0123456789")
    assert (classification.mean, classification.std) == (
        digits.mean,
        digits.std,
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x / 255, "multiply these by 255.*float64 from 0 to 1"),
        (lambda x: x[0], r"shape \(batch.*\(8, 8, 3\)"),
        (lambda x: x[..., :1], r"width, 3\).*\(5, 8, 8, 1\)"),
        (lambda x: x[:0], r"\(0, 8, 8, 3\)"),
        (lambda x: x - 128.0, "from 0 to 255.*float64 from -1"),
        (lambda x: x * np.nan, "from 0 to 255.*nan"),
        (lambda x: x.astype(bool), "bool"),
    ],
    ids=["scaled", "one", "grey", "none", "centred", "nan", "bool"],
)
def test_what_are_no_pixels_is_refused(network, pixels, change, message):
    with pytest.raises(ValueError, match=message):
        network.classify(change(pixels))


def test_a_network_without_names_says_what_to_do(pixels):
    network = darts_tf.ConvNetwork(
        darts_tf.zoo.DARTS_V2, filters=2, num_cells=1
    )
    with pytest.raises(ValueError, match=r"`darts_tf\.Classification`"):
        network.classify(pixels)
