"""The report of a folder says what the folder holds."""

import html
import json
import re
import shlex

import numpy as np
import pytest

import darts_tf
from trainers import cnn_train
from trainers import options
from trainers import report

SPACE = darts_tf.SearchSpace.conv(
    ["none", "skip_connect", "max_pool_3x3", "sep_conv_3x3"], num_nodes=2
)


def op_weights(seed):
    logits = np.random.default_rng(seed).normal(size=(2, 5, 4))
    exponentials = np.exp(logits)
    normal, reduction = exponentials / exponentials.sum(-1, keepdims=True)
    return {"normal": normal, "reduction": reduction}


def write_search(folder, **config):
    """Writes the files of a search of three epochs."""
    config = {
        "workdir": str(folder),
        "dataset": "digits",
        "epochs": 3,
        **config,
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "space.json").write_text(json.dumps(SPACE.get_config()))
    with open(folder / "alphas.jsonl", "w") as file:
        for epoch in range(4):
            weights = {
                f"op_weights_{name}": array.tolist()
                for name, array in op_weights(epoch).items()
            }
            file.write(json.dumps({"epoch": epoch, **weights}) + "\n")
    with open(folder / "history.jsonl", "w") as file:
        for epoch in range(1, 4):
            numbers = {"loss": 1 / epoch, "alpha_loss": 2 / epoch}
            numbers["entropy_normal"] = numbers["entropy_reduction"] = 1.0
            file.write(json.dumps({"epoch": epoch, **numbers}) + "\n")
    genotype = darts_tf.discretize(SPACE, op_weights(3))
    genotype.save(folder / "genotype.json")
    return genotype


def write(folder):
    """Writes the report and returns its text without tags."""
    path = report.run(report.Config(str(folder)))
    return path.read_text()


def rows(page):
    """Returns the texts in each row of the tables."""
    return [
        [html.unescape(cell) for cell in re.findall(r"<td.*?>(.*?)</td>", row)]
        for row in re.findall(r"<tr.*?>(.*?)</tr>", page)
    ]


def commands(page):
    code = "\n".join(re.findall(r"<pre>(.*?)</pre>", page, re.S))
    return re.findall("^python .*", html.unescape(code), re.M)


def test_search_is_explained_edge_by_edge(tmp_path):
    genotype = write_search(tmp_path)
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


def test_curves_of_one_subject_share_a_chart(tmp_path):
    write_search(tmp_path)
    page = write(tmp_path)
    titles = re.findall(r'class="title"[^>]*font-size="11"[^>]*>(.*?)<', page)
    assert [t for t in titles if "-&gt;" not in t] == ["loss", "entropy"]


def test_the_network_is_counted_in_the_form_of_the_next_command(tmp_path):
    genotype = write_search(tmp_path)
    page = write(tmp_path)
    [command] = commands(page)
    words = shlex.split(command)
    assert words[:4] == ["python", "-m", "trainers.cnn_train", "--preset=quick"]
    values = dict(word[2:].split("=", 1) for word in words[4:])
    config = options.resolve(
        cnn_train.Config, cnn_train.PRESETS, "quick", values
    )
    network = darts_tf.ConvNetwork(
        genotype, 10, config.filters, config.num_cells
    )
    network.build((None, 8, 8, 1))
    found = {row[0]: row[1] for row in rows(page) if len(row) == 2}
    assert found["parameters"] == f"{darts_tf.count_parameters(network):,}"
    assert found["multiply-adds"] == (
        f"{darts_tf.count_multiply_adds(network):,}"
    )


def test_the_form_of_the_paper_is_that_of_the_preset():
    config = options.resolve(
        cnn_train.Config,
        cnn_train.PRESETS,
        "paper",
        {"workdir": "", "genotype": ""},
    )
    assert report._PAPER_FORM == (config.num_cells, config.filters, (32, 32, 3))


def test_the_next_command_has_the_same_data_and_is_quoted(tmp_path):
    folder = tmp_path / "a run; rm -r"
    folder.mkdir()
    write_search(folder, dataset="my images", data_dir=None, image_size=64)
    found = report._Run(folder)
    words = shlex.split(report._next_commands(found)[0])
    assert words[3:] == [
        "--dataset=my images",
        "--image_size=64",
        "--auxiliary_weight=0",
        f"--genotype={folder}/genotype.json",
        f"--workdir={folder}_train",
    ]


def test_a_change_within_the_last_epoch_is_said(tmp_path):
    write_search(tmp_path)
    assert "a little younger" not in write(tmp_path)
    darts_tf.discretize(SPACE, op_weights(0)).save(tmp_path / "genotype.json")
    assert "a little younger" in write(tmp_path)


def test_operations_of_the_user_are_not_counted_and_escaped(tmp_path):
    write_search(tmp_path)
    edge = darts_tf.Edge("my<b>op", 0)
    cell = darts_tf.Cell(((edge, edge),), (2,))
    darts_tf.Genotype(normal=cell).save(tmp_path / "genotype.json")
    page = write(tmp_path)
    assert "Not counted" in page
    assert "<b>" not in page
    assert "my&lt;b&gt;op" in page


def test_a_recurrent_search_leads_to_the_language_model(tmp_path):
    write_search(tmp_path)
    space = darts_tf.SearchSpace.recurrent(["none", "tanh", "relu"], 1)
    (tmp_path / "space.json").write_text(json.dumps(space.get_config()))
    line = {"epoch": 0, "op_weights_recurrent": [[0.2, 0.3, 0.5]]}
    (tmp_path / "alphas.jsonl").write_text(json.dumps(line) + "\n")
    darts_tf.discretize(space, {"recurrent": [[0.2, 0.3, 0.5]]}).save(
        tmp_path / "genotype.json"
    )
    config = {"corpus": "ptb", "data_dir": "texts", "epochs": 1}
    (tmp_path / "config.json").write_text(json.dumps(config))
    page = write(tmp_path)
    [command] = commands(page)
    assert "trainers.ptb_train --corpus=ptb --data_dir=texts" in command
    # Embedding and softmax bias, 10,000 words; x and h into s0; one node.
    units, words = 850, 10000
    count = words * units + words + 2 * units * 2 * units + units * 2 * units
    assert f"{count:,}" in page


def test_a_training_shows_its_results(tmp_path):
    darts_tf.zoo.get("DARTS_V2").save(tmp_path / "genotype.json")
    (tmp_path / "config.json").write_text('{"dataset": "cifar10"}')
    (tmp_path / "history.jsonl").write_text('{"epoch": 1, "loss": 2.0}\n')
    assert "has not come to its end" in write(tmp_path)
    (tmp_path / "metrics.json").write_text('{"test_accuracy": 0.9736}')
    path = report.finish(tmp_path)
    page = path.read_text()
    assert ["test_accuracy", "0.9736"] in rows(page)
    assert "trainers.export" in page
    environment = json.loads((tmp_path / "environment.json").read_text())
    assert environment["darts_tf"] == darts_tf.__version__
    assert ["tensorflow", environment["tensorflow"]] in rows(page)


def test_a_running_search_has_no_versions_yet(tmp_path):
    write_search(tmp_path)
    assert "Not recorded" in write(tmp_path)


@pytest.mark.parametrize("name", ["config.json", "genotype.json"])
def test_a_folder_of_something_else_is_refused(tmp_path, name):
    write_search(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(ValueError, match=name):
        report.run(report.Config(str(tmp_path)))
    assert not (tmp_path / "report.html").exists()


def test_a_damaged_file_is_named(tmp_path):
    write_search(tmp_path)
    (tmp_path / "config.json").write_text("[")
    with pytest.raises(ValueError, match=r"config\.json"):
        report.run(report.Config(str(tmp_path)))
