"""One small network of images, exported once for the tests of its files."""

import types

import keras
import numpy as np
import pytest

import darts_tf
from darts_tf import export


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """The `network`, its `pixels`, and a path for each precision."""
    keras.utils.set_random_seed(0)
    network = darts_tf.ConvNetwork(
        darts_tf.zoo.DARTS_V2,
        filters=4,
        num_cells=3,
        classification=darts_tf.Classification(
            [0.5] * 3, [0.25] * 3, ["cat", "*/ dog"]
        ),
    )
    network.build((None, 16, 16, 3))
    pixels = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3))
    pixels = pixels.astype("uint8")
    folder = tmp_path_factory.mktemp("small")
    saved_model = export.export_saved_model(network, folder / "saved_model")
    files = {
        name: export.export_tflite(
            saved_model,
            folder / f"{name}.tflite",
            name,
            pixels if name == "int8" else None,
        )
        for name in ("float32", "int8")
    }
    return types.SimpleNamespace(
        network=network, pixels=pixels, saved_model=saved_model, **files
    )
