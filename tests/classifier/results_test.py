import json

import pytest

from darts_tf.classifier import results as results_lib


def network(accuracy, test=0.5, loss=1.0):
    return {
        "val_accuracy": accuracy,
        "val_loss": loss,
        "test_accuracy": test,
        "parameters": 1000,
        "multiply_adds": 10**6,
        "filters": 8,
        "epochs": 10,
        "best_epoch": 9,
        "seconds": 60.0,
    }


def networks(searched, random, plain):
    return {
        "searched": network(searched),
        "random": network(random),
        "plain": network(plain),
    }


@pytest.mark.parametrize(
    ("accuracies", "best", "verdict"),
    [
        ((0.9, 0.6, 0.5), "searched", "more than so many images make"),
        ((0.6, 0.62, 0.5), "random", "chance may have decided"),
        ((0.1, 0.2, 0.9), "plain", "more than so many images make"),
    ],
)
def test_the_best_by_validation_is_said_and_whether_that_is_chance(
    accuracies, best, verdict
):
    found = networks(*accuracies)
    assert results_lib.best_of(found) == best
    text = results_lib.sentence(found, 100, best)
    assert verdict in text
    assert best in text.split(" was best")[0]


def test_the_test_accuracy_never_chooses():
    found = networks(0.6, 0.5, 0.5)
    found["plain"]["test_accuracy"] = 0.99
    assert results_lib.best_of(found) == "searched"


def test_what_was_insisted_on_is_said():
    text = results_lib.sentence(networks(0.5, 0.9, 0.4), 100, "searched")
    assert "Exported is the network of the searched cell" in text


def test_the_table_has_every_network(tmp_path):
    found = networks(0.9, 0.8, 0.7)
    results_lib.write(
        tmp_path,
        {
            "sentence": "It was so.",
            "networks": found,
            "exported": "searched",
            "planned_seconds": 600,
            "seconds": 660.0,
        },
    )
    table = (tmp_path / results_lib.TABLE_FILE).read_text()
    assert "| validation accuracy | 0.9000 | 0.8000 | 0.7000 |" in table
    assert "Planned 10 min, took 11 min." in table
    written = json.loads((tmp_path / results_lib.RESULTS_FILE).read_text())
    assert written["networks"] == found
