import keras
import numpy as np
import pytest

import darts_tf

PlainNetwork = darts_tf.models.PlainNetwork


def separable(channels, filters):
    return 9 * channels + channels * filters + 2 * filters


def test_the_parameters_are_those_of_separable_convolutions_by_stage():
    network = PlainNetwork(num_classes=5, filters=6, num_cells=6)
    network.build((None, 16, 16, 3))
    widths = [6, 6, 12, 12, 24, 24]  # doubled at 1/3 and 2/3 of the depth
    expected = 9 * 3 * 6 + 2 * 6  # the stem, and its normalisation
    for before, width in zip([6, *widths], widths, strict=False):
        expected += separable(before, width)
    expected += 24 * 5 + 5
    assert darts_tf.count_parameters(network) == expected


@pytest.mark.parametrize(("stem", "halvings"), [("cifar", 2), ("imagenet", 5)])
def test_the_resolution_is_halved_where_that_of_cells_is(stem, halvings):
    network = PlainNetwork(num_classes=3, filters=4, num_cells=3, stem=stem)
    network.build((None, 64, 64, 3))
    shape = (1, 64, 64, 3)
    for block in network.blocks:
        shape = block.compute_output_shape(shape)
    assert network.halvings == halvings
    assert shape[1] == 64 // 2**halvings


def test_it_is_saved_with_what_its_classes_are_called(tmp_path):
    keras.utils.set_random_seed(0)
    network = PlainNetwork(
        filters=4,
        num_cells=3,
        classification=darts_tf.Classification([0.5], [0.25], ["cat", "dog"]),
    )
    network.build((None, 8, 8, 1))
    path = tmp_path / "network.keras"
    network.save(path)
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1), "uint8")
    names, probabilities = darts_tf.models.load_network(path).classify(images)
    np.testing.assert_array_equal(
        probabilities, network.classify(images).probabilities
    )
    assert set(names) <= {"cat", "dog"}


def test_it_is_exported_without_a_genotype(tmp_path):
    network = PlainNetwork(
        filters=4,
        num_cells=3,
        classification=darts_tf.Classification([0.5], [0.25], ["cat", "dog"]),
    )
    network.build((None, 8, 8, 1))
    made = darts_tf.export.export_saved_model(network, tmp_path / "saved")
    file = darts_tf.export.export_tflite(made, tmp_path / "network.tflite")
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1), "uint8")
    np.testing.assert_allclose(
        darts_tf.export.predict(file, images),
        network.classify(images).probabilities,
        atol=1e-5,  # other kernels
    )
    texts = darts_tf.export.read_assets(file)
    assert sorted(texts) == ["config.json", "labels.txt"]


def test_it_learns_some_images():
    keras.utils.set_random_seed(0)
    network = PlainNetwork(num_classes=4, filters=8, num_cells=3)
    network.compile(
        keras.optimizers.Adam(1e-2),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    x = np.random.default_rng(0).normal(size=(32, 8, 8, 1)).astype("float32")
    y = np.arange(32) % 4
    history = network.fit(x, y, batch_size=32, epochs=40, verbose=0)
    assert history.history["accuracy"][-1] > 0.9


def test_bad_sizes_and_images_are_refused():
    with pytest.raises(ValueError, match=r"Received: filters=0"):
        PlainNetwork(filters=0)
    with pytest.raises(ValueError, match=r"Received: stem='other'"):
        PlainNetwork(stem="other")
    with pytest.raises(ValueError, match="at least 4 pixels"):
        PlainNetwork(num_cells=3).build((None, 3, 3, 1))
