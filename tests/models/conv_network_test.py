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
        darts_tf.search.SGD(0.05),
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


def test_auxiliary_head_on_another_size_is_refused_with_the_reason():
    with pytest.raises(ValueError, match="32x32"):
        _small(auxiliary_weight=0.4).build((None, 28, 28, 1))


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
