"""The report of a folder says what the folder holds."""

import html
import json
import re

import pytest

import darts_tf
from darts_tf import environment
from darts_tf import visualize
from tests.visualize import run_folders

SPACE = run_folders.SPACE
op_weights = run_folders.op_weights


def write(folder, *args, **kwargs):
    """Writes the report and returns its text."""
    path = visualize.write_report(folder, *args, **kwargs)
    assert path == folder / "report.html"
    return path.read_text()


def rows(page):
    """Returns the texts in each row of the tables."""
    return [
        [html.unescape(cell) for cell in re.findall(r"<td.*?>(.*?)</td>", row)]
        for row in re.findall(r"<tr.*?>(.*?)</tr>", page)
    ]


def code(page):
    """Returns the blocks of code."""
    blocks = re.findall(r"<pre>(.*?)</pre>", page, re.S)
    return [html.unescape(block) for block in blocks]


def headings(page):
    return re.findall(r"<h2.*?>(.*?)</h2>", page)


def test_search_is_explained_edge_by_edge(tmp_path):
    genotype = run_folders.write_search(tmp_path)
    page = write(tmp_path)
    assert genotype.to_text() in html.unescape(page)
    assert "3 of 3 epochs" in page
    explained = {(row[0], row[1]): row for row in rows(page) if len(row) == 7}
    assert len(explained) == 2 * 5  # every edge of both cells
    choices = darts_tf.explain(SPACE, op_weights(3))
    for choice in choices:
        row = explained[choice.cell_type, f"{choice.source} -> {choice.node}"]
        assert row[2] == choice.primitive
        assert row[3] == f"{choice.op_weight:.3f}"
        assert row[4] == choice.runner_up
        assert row[5] == f"{choice.margin:.3f}"
        assert row[6] == (
            "kept, a close call" if choice.margin < 0.05 else "kept"
        )
    left_out = [row for row in explained.values() if "left out" in row[6]]
    assert len(left_out) == 2 * 5 - len(choices)


def test_the_log_alone_gives_the_page_of_a_command(tmp_path):
    """A user of Python has no config.json, and hands over what is in it."""
    run, log = tmp_path / "command", tmp_path / "python"
    settings = {"dataset": "digits", "epochs": 3}
    for folder in (run, log):
        folder.mkdir()
        run_folders.write_log(folder)
    run_folders.write_config(run, settings)
    versions = environment.versions()
    (run / "environment.json").write_text(json.dumps(versions))
    pages = [write(run), write(log, settings, versions)]
    assert headings(pages[0]) == headings(pages[1])
    # All but what comes next and the name of the folder.
    pages = [
        re.sub(
            r'(Next steps</h2>).*(<h2 id="part\d">Settings)',
            r"\1\2",
            page,
            flags=re.S,
        )
        .replace(str(run), "")
        .replace(str(log), "")
        for page in pages
    ]
    assert pages[0] == pages[1]


def test_without_settings_and_versions_they_are_left_out(tmp_path):
    run_folders.write_log(tmp_path)
    page = write(tmp_path)
    assert f"<p>3 epochs · {tmp_path}</p>" in page
    assert headings(page)[-2:] == ["The network of this cell", "Next steps"]
    form = dict(row for row in rows(page) if len(row) == 2)["form"]
    assert form == "20 cells, 36 filters, 10 classes, images of 32 x 32 x 3"


@pytest.mark.parametrize("kind", ["conv", "recurrent"])
def test_the_next_step_in_python_runs(tmp_path, kind):
    if kind == "conv":
        run_folders.write_log(tmp_path)
        page = write(tmp_path, {"dataset": "digits"})
    else:
        run_folders.write_recurrent_log(tmp_path)
        page = write(tmp_path)
    _, program, show = code(page)
    assert show == f"tensorboard --logdir={tmp_path}/tensorboard"
    scope = {}
    exec(program, scope)
    network = scope["network"]
    network.build((None, 8, 8, 1) if kind == "conv" else (1, None))
    assert network.genotype.kind == kind
    count = f"{darts_tf.count_parameters(network):,}"
    assert ["parameters", count] in rows(page)


def test_curves_of_one_subject_share_a_chart(tmp_path):
    run_folders.write_search(tmp_path)
    page = write(tmp_path)
    titles = re.findall(r'class="title"[^>]*font-size="11"[^>]*>(.*?)<', page)
    assert [t for t in titles if "-&gt;" not in t] == [
        "loss (nats)",
        "entropy (nats)",
    ]


def test_figures_that_are_no_numbers_leave_a_gap(tmp_path):
    run_folders.write_training(tmp_path)
    with open(tmp_path / "history.jsonl", "a") as file:
        file.write('{"epoch": 2, "loss": [1.0], "accuracy": NaN}\n')
        file.write('{"epoch": 3, "loss": 1.0, "accuracy": Infinity}\n')
    page = write(tmp_path)
    titles = re.findall(r'class="title"[^>]*font-size="11"[^>]*>(.*?)<', page)
    assert titles == ["loss (nats)"]
    assert page.count("<polyline") >= 2  # two pieces of the curve


def test_a_change_within_the_last_epoch_is_said(tmp_path):
    run_folders.write_search(tmp_path)
    assert "a little younger" not in write(tmp_path)
    darts_tf.discretize(SPACE, op_weights(0)).save(tmp_path / "genotype.json")
    assert "a little younger" in write(tmp_path)


def test_operations_of_the_user_are_not_counted_and_escaped(tmp_path):
    run_folders.write_search(tmp_path)
    edge = darts_tf.Edge("my<b>op", 0)
    cell = darts_tf.Cell(((edge, edge),), (2,))
    darts_tf.Genotype(normal=cell).save(tmp_path / "genotype.json")
    page = write(tmp_path)
    assert "Not counted" in page
    assert "<b>" not in page
    assert "my&lt;b&gt;op" in page


def test_recurrent_operations_of_the_user_are_not_counted(tmp_path):
    run_folders.write_recurrent_log(tmp_path)
    cell = darts_tf.Cell(((darts_tf.Edge("my_op", 0),),), (1,), 1)
    darts_tf.Genotype(recurrent=cell).save(tmp_path / "genotype.json")
    assert "Not counted" in write(tmp_path)


def test_a_recurrent_network_is_counted_in_the_form_of_the_paper(tmp_path):
    run_folders.write_recurrent_log(tmp_path)
    # Embedding and softmax bias, 10,000 words; x and h into s0; one node.
    units, words = 850, 10000
    count = words * units + words + 2 * units * 2 * units + units * 2 * units
    assert f"{count:,}" in write(tmp_path)


def test_a_training_shows_its_results(tmp_path):
    run_folders.write_training(tmp_path, {"dataset": "cifar10"})
    assert "has not come to its end" in write(tmp_path)
    (tmp_path / "metrics.json").write_text('{"test_accuracy": 0.9736}')
    (tmp_path / "environment.json").write_text('{"tensorflow": "2.21.0"}')
    page = write(tmp_path)
    assert ["test_accuracy", "0.9736"] in rows(page)
    assert ["tensorflow", "2.21.0"] in rows(page)


def test_a_training_in_python_has_the_cell_and_the_curves(tmp_path):
    run_folders.write_training(tmp_path)
    page = write(tmp_path)
    assert headings(page) == ["The cell", "Curves"]
    assert f"<p>1 epoch · {tmp_path}</p>" in page
    assert headings(write(tmp_path, {"epochs": 5})) == [
        "The cell",
        "Curves",
        "Settings",
    ]
    assert "1 of 5 epochs" in write(tmp_path, {"epochs": 5})


def test_a_running_search_has_no_versions_yet(tmp_path):
    run_folders.write_search(tmp_path)
    assert "Not recorded" in write(tmp_path)


def test_what_the_caller_says_counts_before_the_files(tmp_path):
    run_folders.write_search(tmp_path)
    page = write(tmp_path, {"dataset": "mine"}, {"keras": "4.0"})
    assert "cell on mine" in page
    assert ["dataset", "mine"] in rows(page)
    assert ["keras", "4.0"] in rows(page)
    assert ["dataset", "digits"] not in rows(page)


@pytest.mark.parametrize("name", ["settings", "versions"])
def test_settings_that_are_no_dictionary_are_refused(tmp_path, name):
    run_folders.write_log(tmp_path)
    with pytest.raises(ValueError, match=rf"Received: {name}=\['units'\]$"):
        visualize.write_report(tmp_path, **{name: ["units"]})


def test_a_missing_folder_is_refused(tmp_path):
    file = tmp_path / "file"
    file.touch()
    for path in (tmp_path / "missing", file):
        with pytest.raises(NotADirectoryError, match="directory='.*'$"):
            visualize.write_report(path)


def test_a_folder_of_something_else_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"directory='.*no genotype\.json$"):
        visualize.write_report(tmp_path)
    darts_tf.zoo.get("DARTS_V2").save(tmp_path / "genotype.json")
    with pytest.raises(ValueError, match=r"space\.json, history\.jsonl nor"):
        visualize.write_report(tmp_path)
    assert not (tmp_path / "report.html").exists()


def test_the_genotype_of_another_search_is_refused(tmp_path):
    run_folders.write_log(tmp_path)
    darts_tf.zoo.RECURRENT_DARTS_V1.save(tmp_path / "genotype.json")
    with pytest.raises(ValueError, match="a recurrent genotype and a conv spa"):
        visualize.write_report(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", "[", r"config\.json'"),
        ("metrics.json", "5", r"metrics\.json'"),
        ("environment.json", "", r"environment\.json'"),
        ("genotype.json", "{}", r"genotype\.json'"),
        ("space.json", "{}", r"space\.json'"),
        ("alphas.jsonl", "", r"alphas\.jsonl'"),
        ("alphas.jsonl", '{"epoch": 0}\n', r"alphas\.jsonl'.*line 1"),
        ("history.jsonl", '{"epoch": 1}\n7\n', r"history\.jsonl'.*line 2"),
    ],
)
def test_a_damaged_file_is_named(tmp_path, name, content, message):
    run_folders.write_search(tmp_path)
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=message):
        visualize.write_report(tmp_path)
    assert not (tmp_path / "report.html").exists()


def test_a_log_that_is_gone_is_named(tmp_path):
    run_folders.write_search(tmp_path)
    (tmp_path / "alphas.jsonl").unlink()
    with pytest.raises(FileNotFoundError, match=r"alphas\.jsonl"):
        visualize.write_report(tmp_path)
