"""A command killed before and after each rename ends with the same files."""

import signal
import subprocess
import sys
import warnings

import keras
import pytest
import tensorflow as tf

import darts_tf
from darts_tf.files import json_file
from tests.trainers import kills
from tests.trainers import report_test
from tests.tuner import tiny
from trainers import cnn_search
from trainers import cnn_train
from trainers import export
from trainers import import_checkpoint
from trainers import options
from trainers import ptb_search
from trainers import ptb_train
from trainers import report
from trainers import resumable
from trainers import search_run
from trainers import workdir


@pytest.fixture
def eager():
    """Builds no graphs, which would take most of the time."""
    tf.config.run_functions_eagerly(True)
    with warnings.catch_warnings():
        # It does not apply to the functions of a data set, which is no harm.
        warnings.filterwarnings("ignore", message="Even though the `tf.config")
        yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def corpus(tmp_path):
    folder = tmp_path / "corpus"
    folder.mkdir()
    for part in ("train", "valid", "test"):
        (folder / f"{part}.txt").write_text("the cat saw the dog\n" * 12)
    return folder


SEARCH = {
    "epochs": 2,
    "steps_per_epoch": 2,
    "hypergradient": "first_order",
    "checkpoint_every": 1,
    "collapse_guard": "none",
}
IMAGES = {
    **SEARCH,
    "filters": 2,
    "num_nodes": 1,
    "primitives": "none,skip_connect,max_pool_3x3",
    "max_samples": 60,
    "batch_size": 4,
}
TEXTS = {
    **SEARCH,
    "batch_size": 2,
    "sequence_length": 4,
    "units": 3,
    "num_nodes": 1,
    "primitives": "none,tanh",
}


def _command(module, folder, preset="quick", **values):
    presets = getattr(module, "PRESETS", None)
    config = options.resolve(
        module.Config,
        presets,
        preset if presets else None,
        {"workdir": str(folder), **values},
    )

    def run():
        keras.backend.clear_session(free_memory=False)  # names count anew
        return module.run(config)

    return run


class _TinySearch(tiny.TinySearchModel):
    """A search that takes no time, called as the commands call theirs."""

    def fit(self, x, epochs, steps_per_epoch, callbacks, verbose):
        *others, resume = callbacks
        start = resume.restore(self, steps_per_epoch, others)
        return super().fit(
            x(start),
            epochs=epochs,
            steps_per_epoch=steps_per_epoch,
            callbacks=callbacks,
            shuffle=False,
            verbose=verbose,
        )


def _tiny_search(folder):
    config = options.resolve(
        cnn_search.Config,
        cnn_search.PRESETS,
        "quick",
        {"workdir": str(folder), **IMAGES},
    )

    def run():
        keras.utils.set_random_seed(0)
        model = _TinySearch()
        model.compile("sgd", "mse", run_eagerly=True)
        model(tiny.X)  # builds it
        data = tf.data.Dataset.from_tensor_slices((tiny.X, tiny.Y))
        search_run.search(
            model,
            lambda step: data.batch(4).repeat().skip(step),
            config,
            config.steps_per_epoch,
            "Searching",
        )

    return run


@pytest.mark.slow
def test_all_files_of_a_search_survive_kills(tmp_path, monkeypatch):
    folder = tmp_path / "run"
    names = kills.compare(
        folder, _tiny_search(folder), monkeypatch, timed=["report.html"]
    )
    assert names >= {
        "config.json",
        "space.json",
        "genotype.json",
        "cell.svg",
        "checkpoint.npz",
        "checkpoint.previous.npz",
        "alphas.jsonl",
        "history.jsonl",
        "metrics.json",
        "environment.json",
        "report.html",
    }


@pytest.mark.slow
# In float32 the rounding of eager steps shows, see `kills`.
@pytest.mark.usefixtures("eager", "determinism", "float64")
@pytest.mark.parametrize("kind", ["conv", "recurrent"])
def test_a_killed_search_ends_with_the_same_files(
    tmp_path, monkeypatch, corpus, kind
):
    run = (
        _command(cnn_search, tmp_path / "run", **IMAGES)
        if kind == "conv"
        else _command(ptb_search, tmp_path / "run", corpus=str(corpus), **TEXTS)
    )
    names = kills.compare(
        tmp_path / "run", run, monkeypatch, timed=["report.html"]
    )
    assert {"checkpoint.npz", "cell.svg", "report.html"} <= names


@pytest.mark.slow
@pytest.mark.usefixtures("eager", "determinism")
def test_a_killed_training_ends_with_the_same_files(tmp_path, monkeypatch):
    report_test.write_search(tmp_path)
    run = _command(
        cnn_train,
        tmp_path / "run",
        genotype=str(tmp_path / "genotype.json"),
        epochs=2,
        steps_per_epoch=1,
        filters=2,
        max_samples=60,
        batch_size=30,  # few batches of test images
        validation_fraction=0.3,
    )
    names = kills.compare(
        tmp_path / "run", run, monkeypatch, timed=["report.html"]
    )
    assert {"genotype.json", "network.keras", "metrics.json"} <= names


@pytest.mark.slow
@pytest.mark.usefixtures("eager", "determinism")
def test_a_killed_training_of_texts_ends_with_the_same_files(
    tmp_path, monkeypatch, corpus
):
    run = _command(
        ptb_train,
        tmp_path / "run",
        genotype="RECURRENT_DARTS_V2",
        corpus=str(corpus),
        units=4,
        batch_size=2,
        evaluation_batch_size=2,
        sequence_length=6,
        epochs=2,
        steps_per_epoch=2,
        patience=1,
    )
    names = kills.compare(
        tmp_path / "run", run, monkeypatch, timed=["report.html"]
    )
    assert {"vocabulary.txt", "network.keras", "metrics.json"} <= names


@pytest.mark.parametrize("kind", ["conv", "recurrent"])
def test_a_killed_import_ends_with_the_same_files(tmp_path, monkeypatch, kind):
    if kind == "conv":
        genotype, size = "DARTS_V2", 16
        network = darts_tf.ConvNetwork(darts_tf.zoo.DARTS_V2, 2, 2, 1)
        network.build((None, size, size, 1))
    else:
        genotype, size = "RECURRENT_DARTS_V2", None
        cell = darts_tf.zoo.RECURRENT_DARTS_V2
        network = darts_tf.RecurrentNetwork(cell, 9, units=3)
        network.build()
    checkpoint = tmp_path / "model.npz"
    darts_tf.interop.save_official(network, checkpoint)
    run = _command(
        import_checkpoint,
        tmp_path / "run",
        checkpoint=str(checkpoint),
        genotype=genotype,
        image_size=size,
    )
    names = kills.compare(tmp_path / "run", run, monkeypatch)
    assert names == {
        "config.json",
        "genotype.json",
        "import.json",
        "network.keras",
    }


@pytest.mark.slow
def test_a_killed_export_ends_with_the_same_files(tmp_path, monkeypatch):
    run = _command(
        export,
        tmp_path / "run",
        genotype="DARTS_V2",
        dataset="digits",
        filters=2,
        num_cells=1,
        formats="float32",
        test_images=4,
        num_threads="1",
    )
    names = kills.compare(tmp_path / "run", run, monkeypatch)
    assert names == {"config.json", "export.json"}


@pytest.mark.slow
def test_an_export_killed_while_it_writes_a_format_writes_it_again(tmp_path):
    values = {
        "genotype": "DARTS_V2",
        "dataset": "digits",
        "filters": 2,
        "num_cells": 1,
        "formats": "saved_model,float32",
        "test_images": 4,
        "num_threads": "1",
    }
    run = _command(export, tmp_path, **values)
    run()
    (tmp_path / "export.json").unlink()
    (tmp_path / "network_float32.tflite").write_bytes(b"half")
    (tmp_path / "saved_model" / "saved_model.pb").unlink()
    report = run()
    assert set(report["files"]) == {"saved_model", "float32"}
    with pytest.raises(ValueError, match="filters=4"):
        _command(export, tmp_path, **{**values, "filters": 4})()


def test_a_killed_report_is_written_again(tmp_path, monkeypatch):
    folder = tmp_path / "run"
    folder.mkdir()
    report_test.write_search(folder)
    places = kills.run_with_kills(_command(report, folder), monkeypatch)
    assert places == {
        ("report.html", 1, "before"),
        ("report.html", 1, "after"),
    }
    assert not [f for f in folder.iterdir() if ".tmp" in f.name]


def test_a_run_killed_while_its_config_is_written_begins(tmp_path, monkeypatch):
    config = {"workdir": str(tmp_path / "run"), "epochs": 1}
    places = kills.run_with_kills(
        lambda: workdir.create_or_resume(tmp_path / "run", config), monkeypatch
    )
    assert len(places) == 2
    assert [f.name for f in (tmp_path / "run").iterdir()] == ["config.json"]


@pytest.mark.parametrize("missing", ["report.html", "environment.json"])
def test_a_run_killed_before_its_report_gets_it(tmp_path, capsys, missing):
    report_test.write_search(tmp_path)
    json_file.write(tmp_path / "metrics.json", {"loss": 0.5})
    report.finish(tmp_path)
    (tmp_path / missing).unlink()
    config = report.Config(str(tmp_path))
    json_file.write(tmp_path / "config.json", options.to_json(config))
    _, finished = resumable.open_folder(config, tf.distribute.get_strategy())
    assert finished
    assert (tmp_path / missing).exists()
    assert "finished but for its report" in capsys.readouterr().out
    resumable.open_folder(config, tf.distribute.get_strategy())
    assert "nothing is changed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "content"),
    [("metrics.json", ""), ("config.json", "["), ("genotype.json", "{}")],
)
def test_a_damaged_file_of_a_run_is_one_line_that_names_it(
    tmp_path, name, content
):
    folder = tmp_path / "run"
    folder.mkdir()
    report_test.write_search(folder)
    (folder / "metrics.json").write_text("{}")
    run = _command(cnn_train, folder, genotype="DARTS_V2", max_samples=60)
    config = options.resolve(
        cnn_train.Config,
        cnn_train.PRESETS,
        "quick",
        {"workdir": str(folder), "genotype": "DARTS_V2", "max_samples": 60},
    )
    json_file.write(folder / "config.json", options.to_json(config))
    (folder / name).write_text(content)
    with pytest.raises(ValueError, match=name) as error:
        run()
    assert "\n" not in str(error.value)


_KILL = """
import os, signal, sys
replace = os.replace
def killed(source, target, **kwargs):
    if {name!r} in str(target):
        os.kill(os.getpid(), signal.SIGKILL)
    return replace(source, target, **kwargs)
os.replace = killed
from trainers import cnn_search, options
options.main(cnn_search.Config, cnn_search.run, cnn_search.PRESETS)
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["config.json", "metrics.json", "report.html"])
def test_a_search_killed_by_the_system_goes_on(tmp_path, name):
    folder = tmp_path / "run"
    flags = [
        "--preset=quick",
        f"--workdir={folder}",
        *(f"--{flag}={value}" for flag, value in IMAGES.items()),
    ]
    killed = subprocess.run(
        [sys.executable, "-c", _KILL.format(name=name), *flags], check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert [f for f in folder.iterdir() if ".tmp" in f.name]
    subprocess.run(
        [sys.executable, "-m", "trainers.cnn_search", *flags], check=True
    )
    assert (folder / "report.html").exists()
    assert not [f for f in folder.iterdir() if ".tmp" in f.name]
