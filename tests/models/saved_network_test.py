"""How models are saved."""

import keras
import numpy as np
import pytest

import darts_tf


def _conv():
    return darts_tf.ConvNetwork(
        darts_tf.zoo.DARTS_V2, num_classes=2, filters=2, num_cells=1
    )


def _language():
    return darts_tf.RecurrentNetwork(
        darts_tf.zoo.RECURRENT_DARTS_V2, vocabulary_size=5, units=2
    )


MAKE = {
    "conv_network": _conv,
    "conv_supernet": lambda: darts_tf.ConvSupernet(filters=2, num_cells=3),
    "recurrent_network": _language,
    "recurrent_supernet": lambda: darts_tf.RecurrentSupernet(
        vocabulary_size=5, units=2
    ),
    "stateful_language_model": lambda: darts_tf.StatefulLanguageModel(
        _language()
    ),
    "search": lambda: darts_tf.DartsSearchModel(filters=2, num_cells=3),
}


@pytest.mark.parametrize("suffix", [".h5", ".hdf5"])
@pytest.mark.parametrize("name", MAKE)
def test_a_file_that_could_not_be_loaded_is_not_written(tmp_path, name, suffix):
    path = tmp_path / f"network{suffix}"
    with pytest.raises(ValueError, match=r"saved as \.keras.*network\.h"):
        MAKE[name]().save(path)
    assert not path.exists()


@pytest.mark.parametrize("suffix", [".h5", ".hdf5"])
@pytest.mark.parametrize("name", MAKE)
def test_nor_does_the_function_of_keras_write_it(tmp_path, name, suffix):
    path, model = tmp_path / f"network{suffix}", MAKE[name]()
    path.write_bytes(b"of another program")
    for save in (keras.saving.save_model, keras.models.save_model):
        for where in (path, str(path), tmp_path / "none" / path.name):
            with pytest.raises(ValueError, match=r"saved as \.keras.*network"):
                save(model, where)
    # What was there is still there, and nothing else.
    assert path.read_bytes() == b"of another program"
    assert list(tmp_path.iterdir()) == [path]


def test_a_functional_model_around_a_network_is_still_written_as_hdf5(tmp_path):
    inputs = keras.Input((8, 8, 1))
    model = keras.Model(inputs, _conv()(inputs))
    keras.saving.save_model(model, tmp_path / "model.h5")
    loaded = keras.saving.load_model(tmp_path / "model.h5")
    images = np.random.default_rng(0).normal(size=(2, 8, 8, 1))
    np.testing.assert_array_equal(loaded(images), model(images))


def test_a_keras_file_holds_the_network_and_what_it_takes(tmp_path):
    network = _conv()
    network.build((None, 8, 8, 1))
    path = tmp_path / "network.keras"
    network.save(path)
    loaded = keras.saving.load_model(path)
    with pytest.raises(ValueError, match=r"value 1,.*8, 3\)"):
        loaded.predict(keras.ops.ones((2, 8, 8, 3)), verbose=0)
