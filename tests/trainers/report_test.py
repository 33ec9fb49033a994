"""The command that writes a report, and the commands that a report names."""

import html
import json
import re
import shlex

import pytest

import darts_tf
from darts_tf import visualize
from darts_tf.visualize import next_steps
from darts_tf.visualize import run_folder
from tests.visualize import run_folders
from trainers import cnn_train
from trainers import options
from trainers import report
from trainers import workdir

# The tests of killed commands begin with the folder of a search, too.
write_search = run_folders.write_search


def write(folder):
    """Writes the report and returns its text."""
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


def test_the_command_writes_the_page_of_the_library(tmp_path):
    write_search(tmp_path)
    page = write(tmp_path)
    assert visualize.write_report(tmp_path).read_text() == page
    assert "a convolutional cell on digits" in page


def test_the_command_takes_the_folder_of_a_search_in_python(tmp_path):
    run_folders.write_log(tmp_path)
    page = write(tmp_path)
    assert "3 epochs" in page
    assert not commands(page)


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
    form = (config.num_cells, config.filters, (32, 32, 3))
    assert next_steps.PAPER_FORM == form


def test_the_library_reads_the_files_that_the_commands_write():
    assert run_folder.CONFIG_FILE == workdir.CONFIG_FILE
    assert run_folder.METRICS_FILE == workdir.METRICS_FILE


def test_the_next_command_has_the_same_data_and_is_quoted(tmp_path):
    folder = tmp_path / "a run; rm -r"
    folder.mkdir()
    write_search(folder, dataset="my images", data_dir=None, image_size=64)
    run = run_folder.RunFolder(folder)
    words = shlex.split(next_steps.next_commands(run)[0])
    assert words[3:] == [
        "--dataset=my images",
        "--image_size=64",
        "--auxiliary_weight=0",
        f"--genotype={folder}/genotype.json",
        f"--workdir={folder}_train",
    ]


def test_a_recurrent_search_leads_to_the_language_model(tmp_path):
    run_folders.write_recurrent_log(tmp_path)
    run_folders.write_config(
        tmp_path, {"corpus": "ptb", "data_dir": "texts", "epochs": 1}
    )
    [command] = commands(write(tmp_path))
    assert "trainers.ptb_train --corpus=ptb --data_dir=texts" in command


def test_the_end_of_a_run_records_the_versions(tmp_path):
    run_folders.write_training(tmp_path, {"dataset": "cifar10"})
    page = report.finish(tmp_path).read_text()
    assert "trainers.export" in page
    environment = json.loads((tmp_path / "environment.json").read_text())
    assert environment["darts_tf"] == darts_tf.__version__
    assert ["tensorflow", environment["tensorflow"]] in rows(page)


@pytest.mark.parametrize("name", ["config.json", "genotype.json"])
def test_a_folder_of_something_else_is_refused(tmp_path, name):
    run_folders.write_training(tmp_path, {"dataset": "cifar10"})
    (tmp_path / "history.jsonl").unlink()
    (tmp_path / name).unlink()
    with pytest.raises(ValueError, match=name):
        report.run(report.Config(str(tmp_path)))
    assert not (tmp_path / "report.html").exists()


def test_a_damaged_file_is_named(tmp_path):
    write_search(tmp_path)
    (tmp_path / "config.json").write_text("[")
    with pytest.raises(ValueError, match=r"config\.json"):
        report.run(report.Config(str(tmp_path)))
