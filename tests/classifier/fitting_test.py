"""The networks that are trained, and what is kept of them."""

import numpy as np
import pytest

import darts_tf
from darts_tf.classifier import best_epoch
from darts_tf.classifier import clock
from darts_tf.classifier import fitting
from darts_tf.classifier import plans
from darts_tf.classifier import sizes
from darts_tf.files import json_file

SETTING = plans.Setting(8, "cifar", 3, 4, 0)


@pytest.fixture(scope="module")
def images():
    generator = np.random.default_rng(0)
    parts = [
        (
            generator.integers(0, 256, (12, 8, 8, 1), "uint8"),
            np.arange(12) % 2,
        )
        for _ in range(3)
    ]
    return fitting.Images(
        *parts, darts_tf.Classification([0.5], [0.25], ["cat", "dog"]), False
    )


@pytest.mark.parametrize("plain", [True, False])
def test_the_best_network_is_loaded_as_it_was_saved(plain, images, tmp_path):
    genotype = None if plain else sizes.space(2).random_genotype(0)
    network = fitting.make(genotype, SETTING, images)
    best = best_epoch.BestEpoch(tmp_path)
    best.set_model(network)
    best.on_epoch_end(0, {"val_accuracy": 0.5, "val_loss": 1.0})
    json_file.write(tmp_path / "result.json", {"best_epoch": 1})
    job = fitting.Job(
        title="Training",
        folder=tmp_path,
        seconds=1.0,
        steps=1,
        epochs=1,
        batch_size=4,
        seed=0,
        clock=clock.Clock(tmp_path, 60),
        say=None,
    )
    again = fitting.best_network(job, images, genotype, SETTING)
    again.save(tmp_path / "network.keras")
    # A warning would fail this test.
    loaded = darts_tf.models.load_network(tmp_path / "network.keras")
    x = images.test[0]
    np.testing.assert_array_equal(
        loaded.classify(x).probabilities, network.classify(x).probabilities
    )
    assert fitting.train(job, images, genotype, SETTING) == {"best_epoch": 1}
