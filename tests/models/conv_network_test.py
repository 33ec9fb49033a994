import json

import keras
import numpy as np
import pytest

import darts_tf

# Published networks, counted by running the official code: parameters,
# parameters with the auxiliary head, multiply-adds in millions to 10 kilo.
CIFAR = {
    "DARTS_V1": (3_169_414, 3_645_840, 500_987_520),
    "DARTS_V2": (3_349_342, 3_825_768, 528_359_040),
    "NASNET_A": (3_830_950, 4_288_944, 603_452_448),
    "AMOEBANET_A": (3_145_078, 3_603_072, 488_931_552),
    "P_DARTS": (3_433_798, 3_910_224, 532_170_000),
    "PC_DARTS": (3_634_678, 4_111_104, 556_670_000),
}


# The same for ImageNet in the mobile setting, at 224 pixels. The official code
# has no figures for the last two, but for the parameters of one.
IMAGENET = {
    "DARTS_V1": (4_510_432, 5_771_208, 505_864_704),
    "DARTS_V2": (4_718_752, 5_979_528, 529_911_552),
    "NASNET_A": (5_564_320, 6_800_520, 604_031_616),
    "AMOEBANET_A": (4_627_360, 5_863_560, 526_746_624),
    "P_DARTS": (4_944_352, None, None),
}


@pytest.mark.parametrize("name", IMAGENET)
def test_counts_of_the_published_imagenet_networks(name):
    parameters, with_auxiliary, multiply_adds = IMAGENET[name]
    network = darts_tf.ConvNetwork(
        darts_tf.zoo.get(name), auxiliary_weight=0.4, stem="imagenet"
    )
    network.build((None, 224, 224, 3))
    assert darts_tf.count_parameters(network, False) == parameters
    if with_auxiliary is not None:
        assert darts_tf.count_parameters(network) == with_auxiliary
        assert darts_tf.count_multiply_adds(network) == multiply_adds
    by_layer = darts_tf.models.multiply_adds_by_layer(network)
    # 3x3 convolutions to 112, 56 and 28 pixels, and the linear layer.
    sizes = [112**2 * 3 * 24, 56**2 * 24 * 48, 28**2 * 48 * 48]
    assert by_layer["stem"] == 9 * sum(sizes)
    assert by_layer["classifier"] == 1000 * 768 * (
        len(network.genotype.normal.concat) / 4
    )
    assert sum(by_layer.values()) == darts_tf.count_multiply_adds(network)


@pytest.mark.parametrize("name", CIFAR)
def test_counts_of_the_published_cifar_networks(name):
    parameters, with_auxiliary, multiply_adds = CIFAR[name]
    network = darts_tf.ConvNetwork(
        getattr(darts_tf.zoo, name), auxiliary_weight=0.4
    )
    network.build((None, 32, 32, 3))
    assert darts_tf.count_parameters(network) == with_auxiliary
    assert darts_tf.count_parameters(network, False) == parameters
    counted = darts_tf.count_multiply_adds(network)
    # Two of the published figures are rounded to 10,000.
    assert abs(counted - multiply_adds) <= (
        5_000 if multiply_adds % 10_000 == 0 else 0
    )


def _small(**options):
    network = darts_tf.ConvNetwork(
        darts_tf.zoo.DARTS_V2, filters=4, num_cells=3, **options
    )
    network.compile(
        darts_tf.optimizers.SGD(0.05),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return network


def test_memorises_64_images():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 8, 8, 1)).astype("float32")
    y = rng.integers(0, 10, 64)
    network = _small()
    history = network.fit(x, y, batch_size=64, epochs=40, verbose=0)
    assert history.history["accuracy"][-1] > 0.95


def test_auxiliary_loss_is_added_with_its_weight():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4, 32, 32, 3)).astype("float32")
    y = rng.integers(0, 10, 4)
    network = _small(auxiliary_weight=0.4)
    main, auxiliary = network(x, training=True)
    loss = network.compute_loss(x, y, (main, auxiliary))
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    expected = cross_entropy(y, main) + 0.4 * cross_entropy(y, auxiliary)
    np.testing.assert_allclose(loss, expected, rtol=1e-6)
    history = network.fit(x, y, epochs=1, verbose=0)
    assert set(history.history) == {"loss", "accuracy"}
    assert network(x, training=False).shape == (4, 10)


@pytest.mark.parametrize(
    ("stem", "fitting", "message"),
    [("cifar", (32, 40), "32x32"), ("imagenet", (193, 256), "224x224")],
)
def test_auxiliary_head_fits_the_images_or_is_refused_with_the_reason(
    stem, fitting, message
):
    for size in fitting:
        network = _small(auxiliary_weight=0.4, stem=stem)
        network.build((None, size, size, 1))
    for size in (fitting[0] - 4, fitting[1] + 1):
        with pytest.raises(ValueError, match=message):
            _small(auxiliary_weight=0.4, stem=stem).build((None, size, size, 1))


def test_imagenet_form_takes_other_sizes_and_classes():
    network = darts_tf.ConvNetwork(
        darts_tf.zoo.DARTS_V2,
        num_classes=3,
        filters=4,
        num_cells=3,
        stem="imagenet",
    )
    assert network(np.zeros((2, 36, 40, 1), "float32")).shape == (2, 3)
    assert network.halvings == 5
    with pytest.raises(ValueError, match="at least 32 pixels"):
        network.build((None, 31, 32, 1))
    # Nodes before the first cell: stride 4 and 8, the second after a ReLU.
    images = np.random.default_rng(0).normal(size=(2, 32, 32, 1))
    before, outputs = network.stem(images.astype("float32"), training=True)
    assert before.shape == (2, 8, 8, 4)
    assert outputs.shape == (2, 4, 4, 4)
    assert np.min(before) < 0
    assert np.min(outputs) < 0
    defaults = darts_tf.ConvNetwork(darts_tf.zoo.DARTS_V2, stem="imagenet")
    assert (defaults.num_classes, defaults.filters, defaults.num_cells) == (
        1000,
        48,
        14,
    )


def test_drop_path_changes_training_only_and_its_rate_rises():
    x = np.random.default_rng(0).normal(size=(8, 8, 8, 1)).astype("float32")
    network = _small(drop_path_rate=0.5)
    network.build(x.shape)
    inference = np.array(network(x, training=False))
    draws = [np.array(network(x, training=True)) for _ in range(2)]
    assert np.any(draws[0] != draws[1])
    network.drop_path_rate.assign(0.0)
    np.testing.assert_array_equal(
        network(x, training=True), network(x, training=True)
    )
    assert inference.shape == (8, 10)

    ramp = darts_tf.LinearDropPath(rate=0.2, epochs=4)
    ramp.set_model(network)
    rates = []
    for epoch in range(4):
        ramp.on_epoch_begin(epoch)
        rates.append(float(network.drop_path_rate))
    np.testing.assert_allclose(rates, [0.0, 0.05, 0.1, 0.15], rtol=1e-6)


def test_saved_network_computes_the_same(tmp_path):
    x = np.random.default_rng(0).normal(size=(4, 8, 8, 1)).astype("float32")
    network = _small(drop_path_rate=0.1)
    network.fit(x, np.arange(4), epochs=1, verbose=0)
    network.save(tmp_path / "network.keras")
    again = keras.saving.load_model(tmp_path / "network.keras")
    assert again.genotype == darts_tf.zoo.DARTS_V2
    np.testing.assert_array_equal(again(x), network(x))


def test_config_survives_json():
    network = _small(drop_path_rate=0.1)
    config = json.loads(json.dumps(network.get_config()))
    again = darts_tf.ConvNetwork.from_config(config)
    assert json.loads(json.dumps(again.get_config())) == config


@pytest.mark.parametrize(
    "options",
    [
        {"genotype": darts_tf.zoo.RECURRENT_DARTS_V1},
        {"drop_path_rate": 1.0},
        {"auxiliary_weight": -1.0},
        {"filters": 0},
        {"stem": "mnist"},
    ],
)
def test_bad_options_are_refused(options):
    options = {"genotype": darts_tf.zoo.DARTS_V1, **options}
    with pytest.raises(ValueError, match="Received"):
        darts_tf.ConvNetwork(**options)


def test_multiply_adds_of_an_unknown_layer_are_not_guessed():
    model = keras.Sequential([keras.Input((4,)), keras.layers.PReLU()])
    assert darts_tf.count_multiply_adds(model) == 0
    model = keras.Sequential(
        [keras.Input((4, 4)), keras.layers.LSTM(3)],
    )
    with pytest.raises(ValueError, match="Received.*LSTM"):
        darts_tf.count_multiply_adds(model)
