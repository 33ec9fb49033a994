"""Runs are compared in one page, and what is no run is named."""

import html
import json
import re

import pytest

import darts_tf
from darts_tf import visualize
from darts_tf.files import json_file
from darts_tf.visualize import run_comparison
from tests.visualize import run_folders


def training(folder, accuracy=None, genotype="DARTS_V2", seed=0, **config):
    """Writes the folder of a training of three epochs."""
    folder.mkdir(parents=True)
    darts_tf.zoo.get(genotype).save(folder / "genotype.json")
    run_folders.write_config(
        folder, {"epochs": 3, "seed": seed, "genotype": genotype, **config}
    )
    for epoch in (1, 2, 3):
        json_file.append_line(
            folder / "history.jsonl",
            {"epoch": epoch, "loss": 1 / epoch, "accuracy": epoch / 4},
        )
    if accuracy is not None:
        metrics = {"test_accuracy": accuracy, "parameters": 12_345}
        metrics |= {"train_seconds": 90.0, "seed": seed}
        (folder / "metrics.json").write_text(json.dumps(metrics))


def search(folder, **metrics):
    folder.mkdir()
    run_folders.write_search(folder, seed=7, hypergradient="first_order")
    if metrics:
        (folder / "metrics.json").write_text(json.dumps(metrics))


def write(folder):
    path = visualize.write_comparison(folder)
    assert path == folder / "report.html"
    return path.read_text()


def rows(page):
    return [
        [html.unescape(cell) for cell in re.findall(r"<td.*?>(.*?)</td>", row)]
        for row in re.findall(r"<tr.*?>(.*?)</tr>", page)
    ][1:]


def figure(page, title):
    """Returns the drawing of a title."""
    return re.search(rf'<svg[^>]*aria-label="{title}.*?</svg>', page, re.S)[0]


def test_two_trainings_stand_from_the_better_to_the_worse(tmp_path):
    training(tmp_path / "a", 0.75)
    training(tmp_path / "b", 0.875, "DARTS_V1", seed=4)
    page = write(tmp_path)
    assert rows(page) == [
        ["b", "training of DARTS_V1", "3 of 3", "87.5", "12,345", "4", "1.5"],
        ["a", "training of DARTS_V2", "3 of 3", "75.0", "12,345", "0", "1.5"],
    ]
    [lead] = re.findall(r'<p class="lead">(.*?)</p>', page)
    assert "2 trainings and 0 searches" in lead
    assert "best network is that of b: it classifies 87.5%" in lead
    assert "difference may be chance" in lead
    assert "What to do next:" in lead


def test_three_runs_of_two_kinds_share_curves_and_stand_side_by_side(tmp_path):
    search(tmp_path / "search", search_seconds=600.0, parameters=99)
    training(tmp_path / "train", 0.75, search=str(tmp_path / "search"))
    training(tmp_path / "again", 0.5, search=str(tmp_path / "search"))
    page = write(tmp_path)
    assert [row[0] for row in rows(page)] == ["train", "again", "search"]
    assert rows(page)[0][1] == "training of search"
    assert rows(page)[2] == [
        "search",
        "search, first order",
        "3 of 3",
        "-",
        "99",
        "7",
        "10.0",
    ]
    chart = figure(page, r"loss \(nats\) over the epochs")
    assert re.findall(r'class="legend"[^>]*>(.*?)<', chart) == [
        "train",
        "again",
        "search",
    ]
    # A run keeps its colour where another has no such figure.
    alone = figure(page, r"alpha loss \(nats\) over the epochs")
    colors = re.findall(r'stroke="(#\w+)" stroke-width="1.8"', chart)
    assert re.findall(r'stroke="(#\w+)" stroke-width="1.8"', alone) == [
        colors[2]
    ]
    # The two trainings have one cell, the search another.
    titles = re.findall(r"<svg[^>]*>\n<title>(.*?)</title>", page)
    assert titles.count("train, again") == 2  # normal and reduction
    assert titles.count("search") == 2


def test_a_repeated_training_is_one_row_with_mean_and_deviation(tmp_path):
    for seed, accuracy in ((0, 0.7), (1, 0.8), (10, 0.9)):
        training(tmp_path / "ten" / f"run_{seed}", accuracy, seed=seed)
    (tmp_path / "ten" / "config.json").write_text('{"runs": 3}')
    page = write(tmp_path)
    [row] = rows(page)
    assert row[0] == "ten"
    assert row[3] == "80.0 ± 10.0"
    assert row[5] == "0, 1, 10"
    assert row[6] == "4.5"


def test_torn_and_foreign_folders_are_named_in_one_line(tmp_path):
    training(tmp_path / "good", 0.5)
    training(tmp_path / "torn", 0.5)
    (tmp_path / "torn" / "metrics.json").write_text('{"test_')
    (tmp_path / "export").mkdir()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "notes.txt").write_text("mine")
    page = write(tmp_path)
    assert [row[0] for row in rows(page)] == ["good"]
    [line] = re.findall(r"<p>Passed over: (.*?)\.</p>", page)
    assert "export has no genotype.json" in line
    assert re.search(r"torn cannot be read: .*metrics\.json", line)
    assert "hidden" not in line
    assert "\n" not in line
    _, passed_over = run_comparison.find_runs(tmp_path)
    assert list(passed_over) == ["export", "torn"]


def test_a_folder_without_a_run_is_refused_with_what_it_holds(tmp_path):
    with pytest.raises(ValueError, match="which holds none$"):
        visualize.write_comparison(tmp_path)
    (tmp_path / "export").mkdir()
    with pytest.raises(ValueError, match=r"export has no genotype\.json$"):
        visualize.write_comparison(tmp_path)
    with pytest.raises(NotADirectoryError, match="missing"):
        visualize.write_comparison(tmp_path / "missing")
    assert not (tmp_path / "report.html").exists()


def test_runs_that_have_not_ended_are_compared_as_far_as_they_are(tmp_path):
    training(tmp_path / "a")
    search(tmp_path / "b")
    page = write(tmp_path)
    assert "None of them has results on test data yet" in page
    assert rows(page)[0][3:] == ["-", "0", "-"]


def test_more_runs_than_colours_are_not_all_drawn(tmp_path):
    for k in range(10):
        training(tmp_path / f"run {k}", k / 10)
    page = write(tmp_path)
    chart = figure(page, r"loss \(nats\)")
    names = re.findall(r'class="legend"[^>]*>(.*?)<', chart)
    assert names == [f"run {k}" for k in range(9, 1, -1)]
    assert "2 more runs are not drawn" in page


def test_language_models_are_compared_by_perplexity(tmp_path):
    for name, perplexity in (("a", 90.0), ("b", 70.0)):
        training(tmp_path / name, genotype="RECURRENT_DARTS_V2")
        (tmp_path / name / "metrics.json").write_text(
            json.dumps({"test_perplexity": perplexity, "parameters": 5})
        )
    page = write(tmp_path)
    assert [(row[0], row[3]) for row in rows(page)] == [
        ("b", "70.0"),
        ("a", "90.0"),
    ]


def test_nothing_is_fetched_from_elsewhere(tmp_path):
    training(tmp_path / "a", 0.5)
    training(tmp_path / "b", 0.6)
    page = write(tmp_path)
    assert not re.search(r"""(src|href)=["'](?!#|data:)""", page)
    assert "<script" not in page
    assert "url(" not in page
