"""An objective is refused before the first search, or gets a value."""

import json

import keras
import keras_tuner
import pytest

import darts_tf
from darts_tf.tuner import objectives
from tests.tuner import tiny

pytestmark = pytest.mark.usefixtures("no_collection_between_models")


def _objective(name, direction):
    return keras_tuner.Objective(name, direction)


class Scored(tiny.TinyHyperModel):
    """Says what it measures, and measures two things."""

    directions = {"val_accuracy": "max", "val_loss": "min"}

    def measured_metrics(self, hp):
        return ("val_accuracy", "val_loss")

    def fit_network(self, hp, *args, **kwargs):
        return {**super().fit_network(hp, *args, **kwargs), "val_loss": 0.5}


class Silent(tiny.TinyHyperModel):
    """Does not say what it measures."""


def _search(tuner):
    tuner.search(**tiny.DATA, epochs=1, verbose=0)
    return tuner


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        ("accuracy", "'val_accuracy', 'val_loss'.*Received: 'accuracy'"),
        (_objective("top2", "max"), "one of the metrics.*'top2'"),
        (["val_loss", "loss"], "Received: 'loss'"),
        (_objective("val_accuracy", "min"), "is 'max'. Received: dir.*'min'"),
        (_objective("seconds", "max"), "is 'min'"),
        (_objective("val_accuracy", "higher"), "Received: direction='higher'"),
        ([], "must not be empty"),
    ],
    ids=str,
)
def test_what_nothing_measures_is_refused_before_the_project(
    tmp_path, objective, message
):
    with pytest.raises(ValueError, match=message):
        tiny.tuner(tmp_path, Scored(), objective=objective)
    assert not any(tmp_path.iterdir())
    tiny.tuner(tmp_path, Scored(), objective="val_accuracy")


def test_another_type_is_refused(tmp_path):
    with pytest.raises(TypeError, match="Received: objective=3"):
        tiny.tuner(tmp_path, objective=3)


def test_an_oracle_with_such_an_objective_is_refused(tmp_path):
    oracle = keras_tuner.oracles.RandomSearchOracle("accuracy", max_trials=1)
    with pytest.raises(ValueError, match="Received: 'accuracy'"):
        tiny.tuner(tmp_path, Scored(), oracle=oracle)


def test_a_name_has_the_direction_of_its_metric():
    for name, direction in {
        "val_perplexity": "min",
        "parameters": "min",
    }.items():
        resolved = objectives.resolve(name, {"val_perplexity": "min"})
        assert resolved == _objective(name, direction)
    assert objectives.resolve("mine", {}) == "mine"
    several = objectives.resolve(("parameters", "mine"), {})
    assert several == [_objective("parameters", "min"), "mine"]


def test_several_objectives_are_added_up(tmp_path):
    tuner = _search(
        tiny.tuner(
            tmp_path,
            Scored(),
            objective=["val_accuracy", "val_loss"],
            max_trials=2,
        )
    )
    # Keras Tuner minimizes: what is to be maximized is subtracted.
    scores = [tuner.oracle.get_trial(trial).score for trial in "01"]
    assert scores == pytest.approx([0.5, 0.5 - 0.0001])
    assert tuner.get_best_hyperparameters(1)[0].get("seed") == 1
    assert tuner.explain_genotypes()[0].score == pytest.approx(min(scores))


def test_an_unmeasured_objective_costs_no_more_than_one_search(tmp_path):
    tuner = tiny.tuner(tmp_path, Silent(), objective="accuracy", max_trials=2)
    with pytest.raises(ValueError, match=r"'val_accuracy'\].*'accuracy'"):
        _search(tuner)
    with pytest.raises(ValueError, match=r"'val_accuracy'\].*'val_loss'"):
        tiny.tuner(tmp_path, Silent(), objective="val_loss", max_trials=2)
    # With the right one the project goes on, and the search is not repeated.
    again = Silent()
    tuner = tiny.tuner(tmp_path, again, max_trials=2)
    _search(tuner)
    assert {seed for seed, _ in again.searched_epochs} == {1}
    assert [tuner.oracle.get_trial(trial).score for trial in "01"] == [
        0.0,
        0.0001,
    ]


def test_a_project_begun_with_such_an_objective_goes_on(tmp_path):
    tiny.tuner(tmp_path, Scored())
    path = tmp_path / "tiny" / "configuration.json"
    begun = json.loads(path.read_text())
    begun["objective"] = str(_objective("accuracy", "max"))  # no check then
    path.write_text(json.dumps(begun))
    tiny.tuner(tmp_path, Scored(), objective="val_loss")
    assert "val_loss" in json.loads(path.read_text())["objective"]
    with pytest.raises(ValueError, match="begun with objective"):
        tiny.tuner(tmp_path, Scored(), objective="val_accuracy")


class TopTwo(darts_tf.ConvHyperModel):
    """Compiles a metric of its own."""

    def build_network(self, hp, genotype):
        network = super().build_network(hp, genotype)
        top = keras.metrics.SparseTopKCategoricalAccuracy(2, name="top2")
        network.compile("sgd", network.loss, metrics=["accuracy", top])
        return network


def _measured(hypermodel):
    hp = keras_tuner.HyperParameters()
    hypermodel.declare_hyperparameters(hp)
    return hypermodel.measured_metrics(hp)


def test_metrics_that_a_user_compiles_are_known_before_the_search(tmp_path):
    names = {"val_accuracy", "val_loss", "multiply_adds"}
    assert set(_measured(darts_tf.ConvHyperModel())) == names
    assert _measured(TopTwo(tiny.SPACE)) == names | {"val_top2"}

    def make(objective):
        return darts_tf.DartsTuner(
            hypermodel=TopTwo(tiny.SPACE),
            objective=objective,
            directory=str(tmp_path),
        )

    with pytest.raises(ValueError, match="'val_top2'.*Received: 'val_top3'"):
        make(_objective("val_top3", "max"))
    make(_objective("val_top2", "max"))


def test_what_a_user_measures_in_another_way_is_not_known():
    class Own(darts_tf.ConvHyperModel):
        def fit_network(self, *args, **kwargs):
            return {"val_mine": 1.0}

    class Text(darts_tf.RecurrentHyperModel):
        def build_network(self, hp, genotype):
            return None

    class Weighted(darts_tf.ConvHyperModel):
        def build_network(self, hp, genotype):
            network = keras.Sequential([keras.layers.Dense(2)])
            network.compile("sgd", "mse", metrics=[_needs_two_columns])
            return network

    for hypermodel in (Own(), Text(), Weighted()):
        assert _measured(hypermodel) is None
    names = {"val_perplexity", "val_loss"}
    assert set(_measured(darts_tf.RecurrentHyperModel())) == names


def _needs_two_columns(labels, outputs):
    raise ValueError("Labels of my own form")
