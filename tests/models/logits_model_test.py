import keras
import numpy as np
import pytest
import tensorflow as tf

import darts_tf

PROBABILITIES = "sparse_categorical_crossentropy"


def _network():
    # Of a single node, so that a graph is built in a second.
    edges = tuple(darts_tf.Edge("skip_connect", source) for source in (0, 1))
    cell = darts_tf.Cell((edges,), (2,))
    return darts_tf.ConvNetwork(
        darts_tf.Genotype(cell, cell), num_classes=3, filters=2, num_cells=1
    )


def _language_model():
    return darts_tf.RecurrentNetwork(
        darts_tf.zoo.RECURRENT_DARTS_V2, vocabulary_size=5, units=2
    )


@pytest.mark.parametrize(
    "make",
    [
        _network,
        lambda: darts_tf.ConvSupernet(num_classes=3, filters=2, num_cells=3),
        _language_model,
        lambda: darts_tf.RecurrentSupernet(vocabulary_size=5, units=2),
        lambda: darts_tf.DartsSearchModel(
            num_classes=3, filters=2, num_cells=3
        ),
    ],
    ids=["network", "supernet", "language", "recurrent", "search"],
)
def test_compile_refuses_a_loss_of_probabilities(make):
    model = make()
    with pytest.raises(ValueError, match="from_logits=True"):
        model.compile(loss=PROBABILITIES)
    assert not model.compiled


def test_a_nested_loss_of_a_language_model_is_looked_at():
    with pytest.raises(ValueError, match="from_logits=True"):
        _language_model().compile(loss={"logits": PROBABILITIES})


def test_a_training_with_a_carried_state_refuses_another_loss():
    model = darts_tf.StatefulLanguageModel(_language_model(), batch_size=2)
    for options in (
        {"loss": "mse"},
        {"metrics": ["accuracy"]},
        {"loss_weights": 2.0},
    ):
        with pytest.raises(ValueError, match="own loss"):
            model.compile("sgd", **options)
    model.compile("sgd")


def test_a_compiled_network_is_saved_and_goes_on(tmp_path):
    network = _network()
    network.compile(
        darts_tf.optimizers.SGD(0.05),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    x, y = np.ones((4, 8, 8, 1), "float32"), np.arange(4) % 3
    network.fit(x, y, batch_size=4, verbose=0)
    network.save(tmp_path / "network.keras")
    again = keras.saving.load_model(tmp_path / "network.keras")
    assert again.loss.from_logits
    for a, b in zip(
        network.optimizer.variables, again.optimizer.variables, strict=True
    ):
        np.testing.assert_array_equal(a, b)
    assert set(again.evaluate(x, y, verbose=0, return_dict=True)) == {
        "loss",
        "accuracy",
    }


def test_a_network_saved_with_a_loss_of_probabilities_can_be_loaded(tmp_path):
    network = _network()
    network.build((None, 8, 8, 1))
    # As a version that did not look at it would have saved it.
    keras.Model.compile(network, "sgd", PROBABILITIES)
    network.save(tmp_path / "network.keras")
    with pytest.warns(UserWarning, match="without its loss.*from_logits=True"):
        again = keras.saving.load_model(tmp_path / "network.keras")
    assert again.loss is None
    x = np.ones((2, 8, 8, 1), "float32")
    with pytest.raises(ValueError, match="Provide a `loss`"):
        again.fit(x, np.zeros(2), verbose=0)
    np.testing.assert_allclose(network(x), again(x), rtol=1e-6)


def test_many_models_bring_no_warning_of_retracing(caplog):
    tf.get_logger().propagate = True
    x = np.ones((4, 8, 8, 1), "float32")
    for _ in range(7):
        network = _network()
        network.compile("sgd", keras.losses.MeanSquaredError())
        network.fit(x, np.ones((4, 3)), verbose=0)
        network.evaluate(x, np.ones((4, 3)), verbose=0)
        network.predict(x, verbose=0)
    assert "retracing" not in caplog.text
