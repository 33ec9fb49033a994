"""The command that writes a report, and the commands that a report names."""

import html
import json
import re
import shlex
import typing

import pytest

import darts_tf
from darts_tf import visualize
from darts_tf.visualize import next_steps
from darts_tf.visualize import run_folder
from tests.visualize import run_folders
from trainers import cnn_train
from trainers import from_search
from trainers import options
from trainers import ptb_train
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
    config = flags_of(command)
    network = darts_tf.ConvNetwork(
        genotype, 10, config.filters, config.num_cells
    )
    network.build((None, 8, 8, 1))
    found = {row[0]: row[1] for row in rows(page) if len(row) == 2}
    assert found["parameters"] == f"{darts_tf.count_parameters(network):,}"
    assert found["multiply-adds"] == (
        f"{darts_tf.count_multiply_adds(network):,}"
    )


@pytest.mark.parametrize(
    ("preset", "plan"),
    [("paper", next_steps.PAPER_PLAN), ("quick", next_steps.DIGITS_PLAN)],
)
def test_the_plans_are_those_of_the_presets(preset, plan):
    config = options.resolve(
        cnn_train.Config,
        cnn_train.PRESETS,
        preset,
        {"workdir": "", "genotype": ""},
    )
    assert plan.flags == {"preset": preset}
    for name in ("num_cells", "filters", "epochs"):
        assert getattr(plan, name) == getattr(config, name)


def test_the_library_reads_the_files_that_the_commands_write():
    assert run_folder.CONFIG_FILE == workdir.CONFIG_FILE
    assert run_folder.METRICS_FILE == workdir.METRICS_FILE
    assert run_folder.DATA_FILE == from_search.DATA_FILE


def own_data(folder, images=400, shape=(64, 64, 3), classes=4, **config):
    """Writes a search on data of the user's own, and returns its folder."""
    folder.mkdir()
    write_search(folder, dataset="photos", flip=True, cutout=0, **config)
    (folder / "data.json").write_text(
        json.dumps(
            {
                "class_names": [f"class {k}" for k in range(classes)],
                "image_shape": shape,
                "train_images": images,
            }
        )
    )
    return run_folder.RunFolder(folder)


def flags_of(command, module=cnn_train):
    """Returns the config that a command resolves to."""
    words = shlex.split(command)
    assert words[:2] == ["python", "-m"]
    values = dict(word[2:].split("=", 1) for word in words[3:])
    preset = values.pop("preset", None)
    kinds = typing.get_type_hints(module.Config)
    read = {
        name: int(value)
        if kinds[name] in (int, int | None)
        else float(value)
        if kinds[name] in (float, float | None)
        else value
        for name, value in values.items()
    }
    return options.resolve(module.Config, module.PRESETS, preset, read)


def test_the_next_command_names_the_search_and_is_quoted(tmp_path):
    folder = tmp_path / "a run; rm -r"
    command = next_steps.next_commands(own_data(folder, image_size=64))[0]
    words = shlex.split(command)
    assert words[2] == "trainers.cnn_train"
    assert f"--search={folder}" in words
    assert f"--workdir={folder}_train" in words
    config = flags_of(command)
    assert (config.dataset, config.image_size) == ("photos", 64)


def test_few_images_of_four_classes_do_not_get_the_papers_training(tmp_path):
    """It is 600 epochs of a network of 4 million parameters for 10 classes."""
    run = own_data(tmp_path / "run")
    config = flags_of(next_steps.next_commands(run)[0])
    plan = next_steps.training_plan(run)
    assert config.epochs == plan.epochs == 100
    assert (config.num_cells, config.filters) == (8, 16)
    assert config.batch_size == 32
    assert config.validation_fraction == 0.1
    assert config.auxiliary_weight == 0  # it needs images of 32x32
    assert config.cutout == 32  # half of the side, as in the paper
    sizes = next_steps.network_sizes(run)
    assert "4 classes, images of 64 x 64 x 3" in sizes["form"]
    assert sizes["parameters"] < 500_000


@pytest.mark.parametrize(
    ("images", "shape", "expected"),
    [
        (8, (8, 8, 1), (8, 16, 100, 2)),
        (10_000, (32, 32, 3), (14, 24, 200, 64)),
        (50_000, (32, 32, 3), (20, 36, 600, 96)),
    ],
)
def test_the_next_training_grows_with_the_data(
    tmp_path, images, shape, expected
):
    run = own_data(tmp_path / "run", images, shape)
    config = flags_of(next_steps.next_commands(run)[0])
    assert (
        config.num_cells,
        config.filters,
        config.epochs,
        config.batch_size,
    ) == expected
    if images == 50_000:  # all as in the paper
        assert config.validation_fraction is None
        assert (config.auxiliary_weight, config.cutout) == (0.4, 16)


def test_the_report_says_how_long_the_next_training_takes(tmp_path):
    own_data(tmp_path / "run")
    assert "The training takes" not in write(tmp_path / "run")
    (tmp_path / "run" / "metrics.json").write_text(
        '{"next_training_seconds": 1500.0}'
    )
    page = write(tmp_path / "run")
    assert "The training takes about 25 minutes on the machine" in page


def test_the_end_of_a_run_says_how_to_go_on(tmp_path, capsys):
    run = own_data(tmp_path / "run")
    (tmp_path / "run" / "metrics.json").write_text(
        '{"next_training_seconds": 90000.0}'
    )
    report.finish(tmp_path / "run")
    command = next_steps.next_commands(run)[0]
    assert f"To go on, about 25 hours: {command}" in capsys.readouterr().out


def test_a_recurrent_search_leads_to_the_language_model(tmp_path):
    run_folders.write_recurrent_log(tmp_path)
    run_folders.write_config(
        tmp_path,
        {"corpus": "ptb", "data_dir": "texts", "epochs": 1, "min_count": 3},
    )
    [command] = commands(write(tmp_path))
    assert f"trainers.ptb_train --search={tmp_path}" in command
    config = flags_of(command, ptb_train)
    assert (config.corpus, config.data_dir, config.min_count) == (
        "ptb",
        "texts",
        3,
    )


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


def test_a_folder_of_runs_is_compared_and_what_is_none_is_named(
    tmp_path, capsys
):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_search(tmp_path / name)
    (tmp_path / "export").mkdir()
    page = write(tmp_path)
    assert "2 runs compared" in page
    printed = capsys.readouterr().out
    assert "Passed over: export has no genotype.json\n" in printed
    assert f"Wrote {tmp_path / 'report.html'}" in printed
