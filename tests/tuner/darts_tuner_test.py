"""The tuner: trials, executions, going on, refusing, choosing."""

import json
import traceback

import keras
import keras_tuner
import numpy as np
import pytest

import darts_tf
from darts_tf.tuner import execution as execution_lib
from tests.tuner import tiny

pytestmark = pytest.mark.usefixtures("no_collection_between_models")


def _search(tuner, epochs=2, **kwargs):
    tuner.search(**{**tiny.DATA, **kwargs}, epochs=epochs, verbose=0)
    return tuner


def _stop_at(epoch):
    """Returns a callback that raises when an epoch begins."""

    def stop(begun, logs):
        if begun == epoch:
            raise ZeroDivisionError("of the user")

    return keras.callbacks.LambdaCallback(on_epoch_begin=stop)


def _alphas(folder, trial=0, execution=0):
    path = folder / f"tiny/trial_{trial}/execution_{execution}/alphas.json"
    return json.loads(path.read_text())


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A tuner after two trials of two executions."""
    folder = tmp_path_factory.mktemp("searched")
    return _search(tiny.tuner(folder, max_trials=2, executions_per_trial=2))


def test_every_execution_is_kept_with_its_own_seed(searched):
    seeds = [
        execution["seed"]
        for trial in "01"
        for execution in searched.executions(trial)
    ]
    assert seeds == [0, 1000, 1, 1001]  # 0 is a seed
    for trial in "01":
        for number in range(2):
            folder = searched._execution(trial, number).folder
            names = {path.name for path in folder.iterdir()}
            assert {
                "alphas.json",
                "genotype.json",
                "metrics.json",
                "network_0001.keras",
                "search_0002.keras",
            } <= names
            log = (folder / "search" / "alphas.jsonl").read_text()
            epochs = [json.loads(line)["epoch"] for line in log.splitlines()]
            assert epochs == [0, 1, 2]


def test_a_trial_scores_the_mean_of_its_executions(searched):
    trial = searched.oracle.get_trial("1")
    assert trial.score == pytest.approx((0.0001 + 0.1001) / 2)
    assert searched.get_best_hyperparameters(1)[0].get("seed") == 1


def test_summary_prints_mean_deviation_and_each_execution(searched, capsys):
    searched.results_summary()
    printed = capsys.readouterr().out
    assert "Trial 1: 0.0501 +- 0.0707" in printed
    assert "1/1  seed 1001  val_accuracy 0.1001" in printed


def test_best_model_is_that_of_the_best_execution(searched):
    folder = searched._execution("1", 1).folder
    expected = keras.saving.load_model(folder / "network_0001.keras")
    (model,) = searched.get_best_models(1)
    np.testing.assert_array_equal(
        model.predict(tiny.X, verbose=0), expected.predict(tiny.X, verbose=0)
    )


def test_best_genotypes_are_explained_and_different(searched):
    choices = searched.explain_genotypes()
    assert choices[0].found_by[-1] in ("1/1", "0/1")
    assert [choice.chosen for choice in choices][1:] == [False] * (
        len(choices) - 1
    )
    assert searched.get_best_genotypes(1) == [choices[0].genotype]
    found = searched.get_best_genotypes(9)
    assert len({genotype.canonical() for genotype in found}) == len(found)


def test_genotypes_over_the_budget_are_not_chosen(searched):
    parameters = 4  # a dense layer from 3 to 1
    assert searched.get_best_genotypes(1, max_parameters=parameters)
    assert not searched.get_best_genotypes(1, max_parameters=parameters - 1)
    (first, *_) = searched.explain_genotypes(
        1, max_cost=10.0, cost=lambda network: 11.0
    )
    assert first.reason == "over the budget: cost 11.0 > 10.0"
    with pytest.raises(ValueError, match="Received: max_cost=1.0, cost=None"):
        searched.explain_genotypes(1, max_cost=1.0)
    with pytest.raises(ValueError, match="Received: max_multiply_adds=5"):
        searched.explain_genotypes(1, max_multiply_adds=5)


def test_a_second_search_repeats_nothing(searched, tmp_path):
    hypermodel = tiny.TinyHyperModel()
    again = darts_tf.DartsTuner(
        hypermodel=hypermodel,
        max_trials=3,
        executions_per_trial=2,
        directory=str(searched.directory),
        project_name="tiny",
    )
    _search(again)
    assert {seed for seed, _ in hypermodel.searched_epochs} == {2, 1002}
    assert len(again.oracle.trials) == 3


def test_a_users_exception_arrives_as_it_was_raised(tmp_path):
    tuner = tiny.tuner(tmp_path, max_trials=1)
    with pytest.raises(ZeroDivisionError, match="of the user") as caught:
        _search(tuner, callbacks=[_stop_at(1)])
    frames = [frame.name for frame in traceback.extract_tb(caught.tb)]
    assert frames[-1] == "stop"
    assert tuner.oracle.get_trial("0").status == "RUNNING"


def test_a_stopped_search_goes_on_in_the_middle_of_a_trial(tmp_path):
    whole = tmp_path / "whole"
    _search(tiny.tuner(whole, max_trials=2), epochs=4)

    stopped = tmp_path / "stopped"
    with pytest.raises(ZeroDivisionError):
        _search(
            tiny.tuner(stopped, max_trials=2),
            epochs=4,
            callbacks=[_stop_at(2)],
        )
    hypermodel = tiny.TinyHyperModel()
    _search(tiny.tuner(stopped, hypermodel, max_trials=2), epochs=4)
    assert hypermodel.searched_epochs == [
        *[(0, epoch) for epoch in (2, 3)],
        *[(1, epoch) for epoch in range(4)],
    ]
    for trial in range(2):
        for cell_type, values in _alphas(whole, trial).items():
            # The same steps from the same state, optimizer included.
            np.testing.assert_array_equal(
                values, _alphas(stopped, trial)[cell_type]
            )


def test_an_epoch_that_was_not_kept_is_not_logged_twice(tmp_path):
    with pytest.raises(ZeroDivisionError):
        _search(tiny.tuner(tmp_path), epochs=3, callbacks=[_stop_at(2)])
    log = tmp_path / "tiny/trial_0/execution_0/search/history.jsonl"
    with log.open("a") as file:  # As if killed between log and checkpoint.
        file.write('{"epoch": 3}\n{"epo')
    _search(tiny.tuner(tmp_path, max_trials=1), epochs=3)
    epochs = [
        json.loads(line)["epoch"] for line in log.read_text().split("\n")[:-1]
    ]
    assert epochs == [1, 2, 3]


def test_a_loss_that_is_not_finite_is_a_failed_trial(tmp_path):
    class Diverging(tiny.TinyHyperModel):
        def fit(self, hp, *args, **kwargs):
            if hp.get("seed") == 0:
                raise FloatingPointError("A loss is not finite at step 3")
            return super().fit(hp, *args, **kwargs)

    tuner = _search(tiny.tuner(tmp_path, Diverging(), max_trials=2))
    failed, good = (tuner.oracle.get_trial(trial) for trial in "01")
    assert failed.status == "FAILED"
    assert "not finite at step 3" in failed.message
    assert good.status == "COMPLETED"
    assert len(tuner.get_best_models(2)) == 1


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"executions_per_trial": 2}, "begun with executions_per_trial=1"),
        ({"objective": "val_loss"}, "Received: objective="),
        ({"seed": 5}, "Received: first_seed=5"),
        (
            {"hyperparameters": lambda hp: hp.Fixed("learning_rate", 0.2)},
            "Received: hyperparameters=",
        ),
    ],
)
def test_another_configuration_is_refused(tmp_path, changed, message):
    tiny.tuner(tmp_path)
    with pytest.raises(ValueError, match=message):
        tiny.tuner(tmp_path, **changed)
    tiny.tuner(tmp_path, overwrite=True, **changed)


def test_other_data_and_other_epochs_are_refused(tmp_path):
    _search(tiny.tuner(tmp_path, max_trials=1))
    with pytest.raises(ValueError, match="Received: epochs=3"):
        _search(tiny.tuner(tmp_path, max_trials=1), epochs=3)
    with pytest.raises(ValueError, match="Received: x=float32"):
        _search(tiny.tuner(tmp_path, max_trials=1), x=tiny.X + 1)
    with pytest.raises(ValueError, match="validation_data"):
        _search(tiny.tuner(tmp_path, max_trials=1), validation_data=None)


def test_the_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "oracle.json").write_text("{}")
    with pytest.raises(ValueError, match="holds something else"):
        tiny.tuner(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"space": "conv"}, "Expected `space`, or a DartsHyperModel"),
        ({"loss": "mse"}, "Received: loss"),
        (
            {
                "oracle": darts_tf.RepeatedSearchOracle("val_accuracy"),
                "seed": 0,
            },
            "argument of the oracle",
        ),
        (
            {"hyperparameters": lambda hp: hp.Fixed("learning_rat", 0.1)},
            "Received: 'learning_rat'",
        ),
        (
            {"hyperparameters": lambda hp: hp.Fixed("seed", 5)},
            "hyperparameters with seed=5",
        ),
    ],
)
def test_arguments_without_effect_are_refused(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        tiny.tuner(tmp_path, **arguments)


def test_hyperparameters_of_build_come_too_late(tmp_path):
    class Late(tiny.TinyHyperModel):
        def build(self, hp):
            hp.Float("late", 0.0, 1.0)
            return super().build(hp)

    with pytest.raises(ValueError, match="Received: 'late'"):
        _search(tiny.tuner(tmp_path, Late()))


def _tunable(hp):
    hp.Choice("hypergradient", ["first_order", "exact"])
    with hp.conditional_scope("hypergradient", ["exact"]):
        hp.Float("xi", 0.01, 0.1)
    hp.Float("alpha_learning_rate", 1e-4, 1e-1, sampling="log")


@pytest.mark.parametrize(
    "make",
    [
        darts_tf.RepeatedSearchOracle,
        keras_tuner.oracles.RandomSearchOracle,
        keras_tuner.oracles.BayesianOptimizationOracle,
    ],
    ids=lambda make: make.__name__,
)
def test_oracles_tune_hyperparameters(tmp_path, make):
    oracle = make(
        "val_accuracy",
        max_trials=4,
        seed=1,
        hyperparameters=tiny.space(_tunable),
    )
    tuner = _search(tiny.tuner(tmp_path, oracle=oracle), epochs=1)
    values = [t.hyperparameters.values for t in tuner.oracle.trials.values()]
    assert len({v["alpha_learning_rate"] for v in values}) == 4
    assert all(1e-4 <= v["alpha_learning_rate"] <= 1e-1 for v in values)
    assert {v["learning_rate"] for v in values} == {0.1}
    for value in values:
        assert ("xi" in value) == (value["hypergradient"] == "exact")


def test_hyperband_halves_on_epochs_and_goes_on_with_the_best(tmp_path):
    oracle = keras_tuner.oracles.HyperbandOracle(
        "val_accuracy",
        max_epochs=4,
        factor=2,
        seed=1,
        hyperparameters=tiny.space(
            lambda hp: (hp.Int("seed", 0, 9999), _tunable(hp))
        ),
    )
    hypermodel = tiny.TinyHyperModel()
    tuner = _search(tiny.tuner(tmp_path, hypermodel, oracle=oracle), epochs=4)
    continued = [
        t.hyperparameters.values
        for t in tuner.oracle.trials.values()
        if "tuner/trial_id" in t.hyperparameters.values
    ]
    assert continued
    for values in continued:
        epochs = [
            epoch
            for seed, epoch in hypermodel.searched_epochs
            if seed == values["seed"]
        ]
        # Each epoch once, although over several trials.
        assert epochs == list(range(max(epochs) + 1))
        assert values["tuner/epochs"] - 1 in epochs


def test_hyperband_cannot_run_over_the_schedule(tmp_path):
    oracle = keras_tuner.oracles.HyperbandOracle(
        "val_accuracy", max_epochs=4, hyperparameters=tiny.space(_tunable)
    )
    tuner = tiny.tuner(tmp_path, oracle=oracle)
    with pytest.raises(ValueError, match="must reach the `max_epochs`"):
        _search(tuner, epochs=1)


def test_random_cells_are_those_of_the_space_and_are_not_searched(tmp_path):
    hypermodel = tiny.TinyHyperModel()
    oracle = darts_tf.RandomArchitectureOracle(
        "val_accuracy", max_trials=3, seed=7
    )
    tuner = _search(tiny.tuner(tmp_path, hypermodel, oracle=oracle))
    assert hypermodel.searched_epochs == []
    assert tuner.get_best_genotypes(3) == [
        tiny.SPACE.random_genotype(seed) for seed in (9, 8, 7)
    ]


def test_random_cells_stop_when_the_time_is_spent(tmp_path):
    oracle = darts_tf.RandomArchitectureOracle(
        "val_accuracy", max_trials=None, max_seconds=1e-9
    )
    tuner = _search(tiny.tuner(tmp_path, oracle=oracle))
    assert len(tuner.oracle.trials) == 1
    with pytest.raises(ValueError, match="must have a limit"):
        darts_tf.RandomArchitectureOracle("val_accuracy", max_trials=None)
    with pytest.raises(ValueError, match="Received: max_seconds=0"):
        darts_tf.RandomArchitectureOracle("val_accuracy", max_seconds=0)


class _Killed(BaseException):
    """Stands for a kill: nothing catches it."""


@pytest.mark.parametrize("kind", ["guard", "early stopping"])
@pytest.mark.filterwarnings("ignore:The search shows signs of collapse")
def test_a_search_that_a_callback_ended_stays_ended_after_a_kill(
    tmp_path, monkeypatch, kind
):
    def callbacks():
        if kind == "guard":  # which acts in the first epoch
            return [darts_tf.CollapseGuard("return", min_entropy=1.0)]
        return [  # whose best epoch is the first
            keras.callbacks.EarlyStopping(
                "loss", patience=1, mode="max", restore_best_weights=True
            )
        ]

    last = 1 if kind == "guard" else 2
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    _search(tiny.tuner(whole, max_trials=1), 4, callbacks=callbacks())
    save = execution_lib.SaveEachEpoch.on_epoch_end

    def save_and_die(self, epoch, logs=None):
        save(self, epoch, logs)
        if epoch + 1 == last and self.name == "search":
            raise _Killed

    with monkeypatch.context() as patch:
        patch.setattr(execution_lib.SaveEachEpoch, "on_epoch_end", save_and_die)
        with pytest.raises(_Killed):
            _search(tiny.tuner(killed, max_trials=1), 4, callbacks=callbacks())
    _search(tiny.tuner(killed, max_trials=1), 4, callbacks=callbacks())
    logs = [
        (folder / "tiny/trial_0/execution_0/search/history.jsonl").read_text()
        for folder in (whole, killed)
    ]
    assert logs[0].count("\n") == last
    assert logs[1] == logs[0]
    assert _alphas(killed) == _alphas(whole)
