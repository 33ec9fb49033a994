"""What the trials of the two spaces do with data and hyperparameters."""

import keras_tuner
import numpy as np
import pytest
import tensorflow as tf

import darts_tf
from tests.tuner import tiny

# Images that carry their own number, so that streams can be traced back.
IMAGES = np.arange(96, dtype="float32").reshape(-1, 1, 1, 1) * np.ones(
    (1, 8, 8, 1)
)
LABELS = np.arange(96) % 2


class _Recorder:
    """Stands for a model: keeps what `fit` and `evaluate` were given."""

    built = True

    def fit(self, data, steps_per_epoch=None, epochs=1, **kwargs):
        self.arguments = {**kwargs, "epochs": epochs}
        self.seen = data
        self.steps = steps_per_epoch

    def evaluate(self, data, **kwargs):
        self.evaluated = {int(n) for x, _ in data for n in x[:, 0, 0, 0]}
        return {"loss": 1.0, "accuracy": 0.5}


def _hp(hypermodel, **values):
    hp = keras_tuner.HyperParameters()
    for name, value in values.items():
        hp.Fixed(name, value)
    hypermodel.declare_hyperparameters(hp)
    return hp


def _numbers(batches):
    return {int(n) for x, _ in batches for n in x[:, 0, 0, 0]}


def test_what_trains_and_scores_a_cell_did_not_choose_it():
    hypermodel = darts_tf.ConvHyperModel(num_classes=2)
    hp = _hp(hypermodel, seed=3, batch_size=8, retrain_batch_size=8)
    search, network = _Recorder(), _Recorder()
    hypermodel.fit(hp, search, IMAGES[:80], LABELS[:80], epochs=2)
    pairs = list(search.seen.take(search.steps))
    weights = _numbers(train for train, _ in pairs)
    alphas = _numbers(alpha for _, alpha in pairs)
    metrics = hypermodel.fit_network(
        hp,
        network,
        IMAGES[:80],
        LABELS[:80],
        validation_data=(IMAGES[80:], LABELS[80:]),
    )
    trained = _numbers(network.seen.take(network.steps))
    assert len(alphas) == len(weights) == 40
    assert not alphas & weights
    assert trained == weights
    assert network.evaluated == set(range(80, 96))
    assert metrics == {"val_loss": 1.0, "val_accuracy": 0.5}


def test_streams_go_on_at_the_epoch():
    hypermodel = darts_tf.ConvHyperModel(num_classes=2)
    hp = _hp(hypermodel, batch_size=8)
    whole, rest = _Recorder(), _Recorder()
    hypermodel.fit(hp, whole, IMAGES, LABELS, epochs=2)
    hypermodel.fit(hp, rest, IMAGES, LABELS, epochs=2, initial_epoch=1)
    ((expected, _), _), *_ = list(whole.seen.skip(whole.steps).take(1))
    ((found, _), _), *_ = list(rest.seen.take(1))
    np.testing.assert_array_equal(found, expected)


def test_schedule_is_as_long_as_the_whole_search():
    hypermodel = darts_tf.ConvHyperModel(num_classes=2)
    hp = _hp(hypermodel, batch_size=8, learning_rate=0.1)
    model = _Recorder()
    hypermodel.fit(hp, model, IMAGES, LABELS, epochs=2, total_epochs=8)
    (schedule,) = model.arguments["callbacks"]
    assert schedule.epochs == 8
    assert schedule.learning_rate(0) == pytest.approx(0.1)


def test_hyperparameters_reach_the_search_model_and_the_network():
    hypermodel = darts_tf.ConvHyperModel(tiny.SPACE, num_classes=3)
    hp = _hp(
        hypermodel,
        xi=0.5,
        seed=0,
        learning_rate=0.25,
        weight_decay=0.125,
        alpha_learning_rate=0.5,
        alpha_weight_decay=0.0625,
        filters=2,
        num_cells=3,
        network_filters=4,
        network_num_cells=5,
        retrain_learning_rate=0.75,
    )
    model = hypermodel.build(hp)
    assert (model.xi, model.seed) == (0.5, 0)
    assert model.hypergradient == "finite_difference"
    assert float(model.optimizer.learning_rate) == 0.25
    assert model.optimizer.coupled_weight_decay == 0.125
    assert float(model.alpha_optimizer.learning_rate) == 0.5
    assert model.alpha_optimizer.coupled_weight_decay == 0.0625
    config = model.supernet.get_config()
    sizes = [config[k] for k in ("filters", "num_cells", "num_classes")]
    assert sizes == [2, 3, 3]
    network = hypermodel.build_network(hp, tiny.SPACE.random_genotype(0))
    assert (network.filters, network.num_cells) == (4, 5)
    assert float(network.optimizer.learning_rate) == 0.75


def test_xi_is_the_learning_rate_unless_declared_or_inactive():
    hypermodel = darts_tf.ConvHyperModel()
    assert hypermodel.method(_hp(hypermodel))["xi"] is None
    hp = keras_tuner.HyperParameters()
    hp.Choice("hypergradient", ["first_order", "exact"])
    with hp.conditional_scope("hypergradient", ["exact"]):
        hp.Float("xi", 0.01, 0.1)
    hypermodel.declare_hyperparameters(hp)
    assert hypermodel.method(hp) == {
        "hypergradient": "first_order",
        "xi": None,
        "seed": 0,
    }


def test_xi_without_effect_is_refused():
    hypermodel = darts_tf.ConvHyperModel()
    with pytest.raises(ValueError, match="no effect in the first order"):
        _hp(hypermodel, hypergradient="first_order", xi=0.1)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"validation_data": None}, "validation_data=None"),
        ({"y": LABELS + 1}, "labels from 1 to 2"),
        ({"x": IMAGES[:, 0]}, "Images must have the shape"),
        ({"x": IMAGES[:20], "y": LABELS[:20]}, "num_samples=10"),
    ],
)
def test_images_that_do_not_do_are_refused(data, message):
    hypermodel = darts_tf.ConvHyperModel(num_classes=2)
    good = {
        "x": IMAGES,
        "y": LABELS,
        "validation_data": (IMAGES, LABELS),
    }
    hp = _hp(hypermodel, batch_size=16, retrain_batch_size=16)
    with pytest.raises(ValueError, match=message):
        hypermodel.check_data(hp, **{**good, **data})


TEXT = np.arange(1000) % 20


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"validation_data": None}, "scores the cells"),
        ({"y": TEXT}, "A text has no labels"),
        ({"x": TEXT + 1}, "ids from 1 to 20"),
        ({"x": TEXT[:300]}, "at least one batch of pieces"),
    ],
)
def test_texts_that_do_not_do_are_refused(data, message):
    hypermodel = darts_tf.RecurrentHyperModel(vocabulary_size=20)
    good = {"x": TEXT, "y": None, "validation_data": TEXT}
    hp = _hp(hypermodel, batch_size=4, retrain_batch_size=4, sequence_length=20)
    hypermodel.check_data(hp, **good)
    with pytest.raises(ValueError, match=message):
        hypermodel.check_data(hp, **{**good, **data})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"drop_path_rate": 1.5}, "rate=1.5"),
        ({"retrain_epochs": 0}, "epochs=0"),
        ({"network_filters": 0}, "filters=0"),
        ({"retrain_batch_size": 10_000}, "batch_size=10000"),
    ],
    ids=str,
)
def test_a_network_that_cannot_be_is_refused_before_the_search(
    tmp_path, values, message
):
    def declare(hp):
        hp.Fixed("batch_size", 16)
        for name, value in {"retrain_batch_size": 16, **values}.items():
            hp.Choice(name, [value])  # what is tuned shows in the trial only

    tuner = darts_tf.DartsTuner(
        tiny.SPACE, hyperparameters=declare, directory=str(tmp_path)
    )
    with pytest.raises(ValueError, match=message):
        tuner.search(IMAGES, LABELS, validation_data=(IMAGES, LABELS))
    assert not list(tmp_path.rglob("*.keras"))


def test_a_text_in_pieces_is_searched_with_as_many_words_as_it_has():
    hypermodel = darts_tf.RecurrentHyperModel()
    pieces = tf.data.Dataset.from_tensor_slices(TEXT).batch(7)
    (x, y, validation), found = hypermodel.prepare_data(pieces, None, TEXT)
    np.testing.assert_array_equal(x, TEXT)
    assert y is None
    assert validation is TEXT
    assert found == {"vocabulary_size": 20}
    hp = _hp(hypermodel, units=4, network_units=4, retrain_batch_size=4)
    assert hypermodel.build(hp).supernet.vocabulary_size == 20
    hypermodel.check_network(hp)
    for other in (pieces.repeat(), pieces.map(lambda ids: (ids, ids))):
        with pytest.raises(ValueError, match="one by one or in pieces"):
            hypermodel.prepare_data(other, None, TEXT)
    bad = _hp(hypermodel, units=4, network_units=4, retrain_epochs=0)
    with pytest.raises(ValueError, match="retrain_epochs=0"):
        hypermodel.check_network(bad)


def test_spaces_and_hypermodels_belong_together():
    recurrent = darts_tf.SearchSpace.recurrent()
    with pytest.raises(ValueError, match="convolutional cells"):
        darts_tf.ConvHyperModel(recurrent)
    with pytest.raises(ValueError, match="recurrent cells"):
        darts_tf.RecurrentHyperModel("conv")
    with pytest.raises(ValueError, match="alpha_fraction=1"):
        darts_tf.RecurrentHyperModel(alpha_fraction=1)


def test_a_convolutional_search_from_end_to_end(tmp_path):
    def small(hp):
        for name, value in {
            "hypergradient": "first_order",
            "num_cells": 3,
            "filters": 2,
            "batch_size": 8,
            "network_num_cells": 3,
            "network_filters": 2,
            "retrain_epochs": 1,
            "retrain_batch_size": 8,
        }.items():
            hp.Fixed(name, value)

    space = darts_tf.SearchSpace.conv(["none", "skip_connect"], 1)
    tuner = darts_tf.DartsTuner(
        space,
        max_trials=1,
        hyperparameters=small,
        directory=str(tmp_path),
        project_name="conv",
    )
    tuner.search(
        IMAGES[:32],
        LABELS[:32],
        validation_data=(IMAGES[32:48], LABELS[32:48]),
        epochs=1,
        verbose=0,
    )
    space.validate(tuner.get_best_genotypes(1)[0])
    (network,) = tuner.get_best_models(1)
    (metrics,) = tuner.executions("0")
    measured = network.evaluate(
        IMAGES[32:48], LABELS[32:48], verbose=0, return_dict=True
    )
    # The same network on the same images, in batches of another size.
    assert measured["loss"] == pytest.approx(metrics["val_loss"], rel=1e-4)
    assert metrics["parameters"] == darts_tf.count_parameters(network)
    assert metrics["multiply_adds"] == darts_tf.count_multiply_adds(network)
    assert not tuner.get_best_genotypes(1, max_multiply_adds=1)


def test_a_recurrent_search_from_end_to_end(tmp_path):
    def small(hp):
        for name, value in {
            "hypergradient": "first_order",
            "units": 4,
            "batch_size": 4,
            "sequence_length": 8,
            "network_units": 4,
            "retrain_epochs": 1,
            "retrain_batch_size": 4,
        }.items():
            hp.Fixed(name, value)

    space = darts_tf.SearchSpace.recurrent(["none", "tanh", "relu"], 2)
    tuner = darts_tf.DartsTuner(
        hypermodel=darts_tf.RecurrentHyperModel(space, vocabulary_size=20),
        max_trials=1,
        hyperparameters=small,
        directory=str(tmp_path),
        project_name="recurrent",
    )
    tuner.search(TEXT, validation_data=TEXT[:200], epochs=1, verbose=0)
    (genotype,) = tuner.get_best_genotypes(1)
    space.validate(genotype)
    (metrics,) = tuner.executions("0")
    # Of 20 words: somewhere between certainty and far worse than chance.
    assert 1 < metrics["val_perplexity"] < 100
    (model,) = tuner.get_best_models(1)
    assert model.network.genotype == genotype


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["conv", "recurrent"])
def test_several_trials_bring_no_warning_that_graphs_are_traced_again(
    tmp_path, caplog, kind
):
    both = {"hypergradient": "first_order", "batch_size": 4}
    both |= {"retrain_epochs": 1, "retrain_batch_size": 4}
    if kind == "conv":
        space = darts_tf.SearchSpace.conv(["none", "skip_connect"], 1)
        sizes = {"num_cells": 3, "filters": 2}
        sizes |= {"network_num_cells": 3, "network_filters": 2}
        data = {"x": IMAGES[:32], "y": LABELS[:32]}
    else:
        space = darts_tf.SearchSpace.recurrent(["none", "tanh"], 1)
        sizes = {"units": 4, "network_units": 4, "sequence_length": 4}
        sizes |= {"batch_size": 16, "learning_rate": 1.0}
        data = {"x": TEXT, "validation_data": TEXT[:200]}

    def small(hp):
        for name, value in {**both, **sizes}.items():
            hp.Fixed(name, value)

    tuner = darts_tf.DartsTuner(
        space, max_trials=6, hyperparameters=small, directory=str(tmp_path)
    )
    # TensorFlow warns when one function is traced for the fifth time.
    tuner.search(**data, epochs=1, verbose=0)
    for network in tuner.get_best_models(6):
        if kind == "conv":
            network.predict(IMAGES[:4], verbose=0)
    assert len(tuner.get_best_genotypes(6)) >= 1
    statuses = {trial.status for trial in tuner.oracle.trials.values()}
    assert statuses == {"COMPLETED"}
    assert "retracing" not in caplog.text
