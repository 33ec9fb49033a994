"""The files of a network, and what they cost, of a very small one."""

import numpy as np
import pytest

import darts_tf
from darts_tf.classifier import shipping


@pytest.fixture(scope="module")
def network():
    network = darts_tf.models.PlainNetwork(
        filters=4,
        num_cells=3,
        classification=darts_tf.Classification([0.5], [0.25], ["cat", "dog"]),
    )
    network.build((None, 8, 8, 1))
    return network


@pytest.fixture(scope="module")
def images():
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, (80, 8, 8, 1), "uint8")


def test_what_is_measured_before_is_what_the_files_take(
    network, images, tmp_path
):
    budgets = {"max_parameters": 1, "max_bytes": 1, "max_ram_bytes": 1}
    before = shipping.costs(network, images, budgets)
    files = shipping.write(network, tmp_path, images)
    shipping.write(network, tmp_path, images, ["float32"])  # once more
    report = shipping.describe(
        network, files, tmp_path, (images, np.zeros(80, int))
    )
    after = shipping.of_report(report)
    assert {name: after[name] for name in budgets} == before
    assert before["max_parameters"] == darts_tf.count_parameters(network)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {
        "network.keras",
        "saved_model",
        "network_float32.tflite",
        "network_int8.tflite",
        "export.json",
    }


def test_the_images_for_int8_are_kept(images, tmp_path):
    shipping.keep_calibration(tmp_path, images)
    kept = shipping.read_calibration(tmp_path)
    assert kept.shape == (64, 8, 8, 1)
    np.testing.assert_array_equal(kept[0], images[0])
    np.testing.assert_array_equal(kept[-1], images[-1])
