"""What is printed while a tuner works."""

import keras_tuner
import pytest

import darts_tf
from darts_tf.tuner import display
from tests.tuner import tiny

pytestmark = pytest.mark.usefixtures("no_collection_between_models")


def _tuned(hp):
    hp.Float("alpha_learning_rate", 1e-4, 1e-1, sampling="log")


def _search(tuner, **kwargs):
    tuner.search(**tiny.DATA, epochs=2, **kwargs)


def test_each_phase_of_a_trial_is_shown(tmp_path, capsys):
    _search(
        tiny.tuner(tmp_path, max_trials=2, executions_per_trial=2), verbose=2
    )
    printed = capsys.readouterr().out
    places = [
        printed.index(line)
        for line in (
            "Search: Running Trial #1",
            "Trial 1 of 2, execution 1 of 2: searching, 2 epochs\n",
            "Trial 1 of 2, execution 1 of 2: training the cell, 1 epoch\n",
            "Trial 1 of 2, execution 2 of 2: searching",
            "Trial 1 Complete",
            "Trial 2 of 2, execution 2 of 2: training the cell",
        )
    ]
    assert places == sorted(places)


def test_a_random_cell_is_drawn_and_a_stopped_search_goes_on(tmp_path, capsys):
    oracle = darts_tf.RandomArchitectureOracle("val_accuracy", max_trials=1)
    _search(tiny.tuner(tmp_path, oracle=oracle), verbose=2)
    assert "Trial 1 of 1: drawing a random cell\n" in capsys.readouterr().out

    def stop(begun, logs):
        if begun == 1:
            raise ZeroDivisionError

    callback = tiny.keras.callbacks.LambdaCallback(on_epoch_begin=stop)
    folder = tmp_path / "stopped"
    with pytest.raises(ZeroDivisionError):
        _search(tiny.tuner(folder, max_trials=1), callbacks=[callback])
    capsys.readouterr()
    _search(tiny.tuner(folder, max_trials=1), verbose=2)
    expected = "Trial 1 of 1: searching, from epoch 2 of 2\n"
    assert expected in capsys.readouterr().out


def test_who_wants_nothing_printed_gets_nothing(tmp_path, capsys):
    _search(tiny.tuner(tmp_path, max_trials=1), verbose=0)
    assert "searching" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "oracle",
    [None, keras_tuner.oracles.BayesianOptimizationOracle],
    ids=["own", "keras_tuner"],
)
def test_only_what_is_tuned_is_listed(tmp_path, capsys, oracle):
    hp = tiny.space(_tuned)
    kwargs = {"hyperparameters": hp, "max_trials": 2}
    if oracle is not None:
        kwargs = {"oracle": oracle("val_accuracy", **kwargs)}
    tuner = tiny.tuner(tmp_path, **kwargs)
    tuner.search_space_summary()
    _search(tuner, verbose=2)
    tuner.results_summary()
    printed = capsys.readouterr().out
    assert printed.count("alpha_learning_rate") == 1 + 2 + 2
    # Each of its trials has another seed.
    assert ("seed: " in printed) == (oracle is None)
    for name in ("retrain_epochs", "hypergradient", "architecture"):
        assert name not in printed
    # What was tried is kept whole.
    values = tuner.get_best_hyperparameters(1)[0].values
    assert values["learning_rate"] == 0.1
    tuner.search_space_summary(extended=True)
    assert "hypergradient (Fixed)" in capsys.readouterr().out


def test_what_an_oracle_adds_is_listed(tmp_path):
    oracle = keras_tuner.oracles.HyperbandOracle(
        "val_accuracy", max_epochs=2, hyperparameters=tiny.space(_tuned)
    )
    tuner = tiny.tuner(tmp_path, oracle=oracle)
    trial = tuner.oracle.create_trial("tuner0")
    shown = display.of_tuned(trial, tuner.oracle).hyperparameters.values
    assert "tuner/epochs" in shown
    assert set(shown) < set(trial.hyperparameters.values)
