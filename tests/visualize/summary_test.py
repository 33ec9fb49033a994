"""The first lines of a report say what was found and what to do next."""

import json
import re

import pytest

import darts_tf
from darts_tf import visualize
from darts_tf.visualize import summary
from tests.visualize import run_folders


def lead(folder, **kwargs):
    page = visualize.write_report(folder, **kwargs).read_text()
    [text] = re.findall(r'<p class="lead">(.*?)</p>', page)
    return text


def trace(*choices):
    """Returns a search of one edge, which prefers tanh (t) or relu (r)."""
    space = darts_tf.SearchSpace.recurrent(["none", "tanh", "relu"], 1)
    rows = {"t": [0.0, 0.9, 0.1], "r": [0.0, 0.1, 0.9], "c": [0.0, 0.49, 0.51]}
    weights = tuple({"recurrent": [rows[choice]]} for choice in choices)
    return visualize.SearchTrace(space, tuple(range(len(choices))), weights)


@pytest.mark.parametrize(
    ("choices", "text"),
    [
        (
            "trrrrrrrrrr",
            "0 of them close calls, which has not changed since epoch 1",
        ),
        (
            "ttttttttttr",
            "0 of them close calls, which still changes, at last in epoch 10",
        ),
        (
            "ccccccccccc",
            "1 of them close calls, which has not changed since epoch 0",
        ),
        ("t", "0 of them close calls, which has not changed since epoch 0"),
    ],
)
def test_how_sure_a_cell_is_and_whether_it_changes(choices, text):
    assert summary.certainty(trace(*choices)) == f"of 1 choice, {text}"


def test_a_search_that_was_stopped_goes_on_first(tmp_path):
    run_folders.write_search(tmp_path, epochs=50)
    text = lead(tmp_path)
    assert "After 3 of 50 epochs" in text
    assert text.endswith("the same command goes on with the search.")


def test_an_unsure_search_goes_on_or_is_trained(tmp_path):
    run_folders.write_search(tmp_path)  # its cell changes in each epoch
    assert "search for more epochs" in lead(tmp_path)


def test_a_sure_search_is_trained_in_a_time_that_is_said(tmp_path):
    run_folders.write_search(tmp_path, epochs=3)
    lines = (tmp_path / "alphas.jsonl").read_text().splitlines()
    sure = {"normal": [[0.1, 0.7, 0.1, 0.1]] * 5}
    sure["reduction"] = sure["normal"]
    with open(tmp_path / "alphas.jsonl", "w") as file:
        for line in lines:
            entry = json.loads(line)
            for name, rows in sure.items():
                entry[f"op_weights_{name}"] = rows
            file.write(json.dumps(entry) + "\n")
    darts_tf.discretize(run_folders.SPACE, sure).save(
        tmp_path / "genotype.json"
    )
    (tmp_path / "metrics.json").write_text('{"next_training_seconds": 7300.0}')
    text = lead(tmp_path)
    assert "0 of them close calls" in text
    assert text.endswith(
        "train the network of this cell, which takes about 2 hours."
    )


def test_a_training_knows_how_sure_the_search_of_its_cell_was(tmp_path):
    search, training = tmp_path / "search", tmp_path / "training"
    for folder in (search, training):
        folder.mkdir()
    run_folders.write_search(search)
    run_folders.write_training(training, {"search": str(search)})
    (training / "metrics.json").write_text(
        json.dumps(
            {
                "test_accuracy": 0.9,
                "parameters": 1_000_000,
                "best_epoch": 7,
            }
        )
    )
    text = lead(training)
    assert "classifies 90.0% of the test images right" in text
    assert "1,000,000 parameters (4.0 MB in float32)" in text
    assert "that of epoch 7" in text
    certainty = summary.certainty(visualize.read_trace(search))
    assert f"Its cell is one {certainty}." in text
    assert text.endswith("What to do next: export it.")
    (search / "space.json").unlink()  # what is gone is not spoken of
    assert "Its cell" not in lead(training)


def test_a_running_training_says_where_it_is(tmp_path):
    run_folders.write_training(tmp_path, {"epochs": 9})
    assert lead(tmp_path) == (
        "The training is at 1 of 9 epochs; the same command goes on."
    )
    (tmp_path / "history.jsonl").write_text('{"epoch": 1, "accuracy": 0.25}\n')
    assert "with an accuracy of 25.0%" in lead(tmp_path)


def test_a_language_model_has_a_perplexity(tmp_path):
    run_folders.write_training(tmp_path, {"corpus": "ptb"})
    (tmp_path / "metrics.json").write_text('{"test_perplexity": 61.25}')
    assert "has a perplexity of 61.2 on the test text" in lead(tmp_path)
