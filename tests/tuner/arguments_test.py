"""Arguments of another kind: what to pass stands in the error."""

import keras
import keras_tuner
import numpy as np
import pytest

import darts_tf
from tests.tuner import tiny


def _build(hp):
    return keras.Sequential([keras.layers.Dense(1)])


class Other(keras_tuner.HyperModel):
    """A hypermodel of Keras Tuner."""

    def build(self, hp):
        return _build(hp)


@pytest.mark.parametrize("name", ["space", "hypermodel"])
@pytest.mark.parametrize(
    "value",
    [_build, Other(), darts_tf.ConvHyperModel, 3],
    ids=["function", "hypermodel", "class", "number"],
)
def test_a_build_function_is_refused_with_what_to_pass(tmp_path, name, value):
    message = (
        r"no build function: pass `space`.*darts_tf\.ConvHyperModel.*lambda hp"
    )
    with pytest.raises(TypeError, match=f"{message}.*Received: .*{name}="):
        darts_tf.DartsTuner(**{name: value}, directory=str(tmp_path))
    assert not any(tmp_path.iterdir())


def test_a_hypermodel_in_the_place_of_the_space_is_refused(tmp_path):
    with pytest.raises(TypeError, match="as `hypermodel` an instance"):
        darts_tf.DartsTuner(darts_tf.ConvHyperModel(), directory=str(tmp_path))


@pytest.mark.parametrize(
    "value",
    [{"batch_size": 8}, "batch_size", keras_tuner.HyperParameters, [1]],
    ids=str,
)
def test_hyperparameters_of_another_type_are_refused(tmp_path, value):
    with pytest.raises(TypeError, match=r"lambda hp: .*hyperparameters="):
        tiny.tuner(tmp_path, hyperparameters=value)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"max_trials": 0}, ValueError),
        ({"max_trials": "4"}, ValueError),
        ({"executions_per_trial": 0}, ValueError),
        ({"executions_per_trial": 1.5}, ValueError),
        ({"seed": -1}, ValueError),
        ({"oracle": keras_tuner.oracles.RandomSearchOracle}, TypeError),
        ({"oracle": "bayesian"}, TypeError),
    ],
    ids=str,
)
def test_numbers_and_oracles_are_checked(tmp_path, arguments, error):
    (name,) = arguments
    with pytest.raises(error, match=f"{name}="):
        tiny.tuner(tmp_path, **arguments)
    assert not any(tmp_path.iterdir())


def test_arguments_of_a_hypermodel_are_named_as_such(tmp_path):
    with pytest.raises(ValueError, match=r"darts_tf\.RecurrentHyperModel"):
        darts_tf.DartsTuner("recurrent", vocabulary_size=20)
    with pytest.raises(ValueError, match="num_classes=3"):
        darts_tf.DartsTuner("recurrent", num_classes=3)
    with pytest.raises(ValueError, match="num_classes=3"):
        tiny.tuner(tmp_path, num_classes=3)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("batch_size", "hyperparameters `batch_size`"),
        ("steps_per_epoch", "`batch_size`"),
        ("validation_split", "`validation_data`"),
        ("sample_weight", "not supported"),
        ("shuffle", "takes x, y"),
    ],
)
def test_arguments_of_fit_are_refused_before_the_search(tmp_path, name, hint):
    tuner = tiny.tuner(tmp_path)
    with pytest.raises(TypeError, match=f"{hint}.*Received: {name}=0.5"):
        tuner.search(**tiny.DATA, **{name: 0.5})
    assert not tuner.oracle.trials


@pytest.mark.parametrize("epochs", [0, -1, 1.5, "2", None])
def test_epochs_are_a_positive_integer(tmp_path, epochs):
    with pytest.raises(ValueError, match="epochs="):
        tiny.tuner(tmp_path).search(**tiny.DATA, epochs=epochs)


def test_the_words_of_a_text_are_counted():
    text = np.arange(300) % 7
    hypermodel = darts_tf.RecurrentHyperModel()
    (x, y, validation), found = hypermodel.prepare_data(text, None, text[:50])
    assert found == {"vocabulary_size": 7}
    assert x is text
    assert y is None
    assert len(validation) == 50
    hypermodel = darts_tf.RecurrentHyperModel(vocabulary_size=20)
    _, found = hypermodel.prepare_data(text, None, text)
    assert found == {"vocabulary_size": 20}
    with pytest.raises(ValueError, match="vocabulary_size=1"):
        darts_tf.RecurrentHyperModel(vocabulary_size=1)
