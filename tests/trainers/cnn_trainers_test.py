"""The three commands of the convolutional space, one after the other."""

import json
import signal
import subprocess
import sys
import xml.etree.ElementTree

import numpy as np
import pytest
import tensorflow as tf

import darts_tf
from darts_tf.callbacks import schedules
from trainers import cnn_search
from trainers import cnn_train
from trainers import export
from trainers import imagenet_train
from trainers import options

TINY_SEARCH = {
    "epochs": 2,
    "steps_per_epoch": 2,
    "filters": 2,
    "num_nodes": 2,
    "primitives": "none,max_pool_3x3,skip_connect,sep_conv_3x3",
    "hypergradient": "first_order",
    "max_samples": 100,
    "batch_size": 8,
}
TINY_TRAINING = {
    "epochs": 2,
    "steps_per_epoch": 2,
    "filters": 4,
    "max_samples": 100,
    "batch_size": 8,
}


def _search(folder, **overrides):
    values = {"workdir": str(folder), **TINY_SEARCH, **overrides}
    config = options.resolve(
        cnn_search.Config, cnn_search.PRESETS, "quick", values
    )
    return cnn_search.run(config)


def _train(folder, genotype, **overrides):
    values = {
        "workdir": str(folder),
        "genotype": str(genotype),
        **TINY_TRAINING,
        **overrides,
    }
    config = options.resolve(
        cnn_train.Config, cnn_train.PRESETS, "quick", values
    )
    return cnn_train.run(config)


def _lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def _tags(folder):
    """Returns the tags and steps that a TensorBoard log holds."""
    tags = {}
    for file in sorted(folder.glob("events*")):
        for record in tf.data.TFRecordDataset([str(file)]):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                tags.setdefault(value.tag, []).append(event.step)
    return tags


def test_search_train_and_export(tmp_path, capsys):
    folder = tmp_path / "search"
    genotype = _search(folder)
    printed = capsys.readouterr().out
    assert str(genotype) in printed
    assert genotype.to_text() in printed
    assert printed.count(" before ") == 8  # 2 nodes, 2 edges, 2 cell types

    assert darts_tf.Genotype.load(folder / "genotype.json") == genotype
    assert json.loads((folder / "config.json").read_text())["filters"] == 2
    xml.etree.ElementTree.fromstring((folder / "cell.svg").read_text())
    history = _lines(folder / "history.jsonl")
    assert [line["epoch"] for line in history] == [1, 2]
    assert {"loss", "alpha_loss", "accuracy", "entropy_normal"} <= set(
        history[0]
    )
    alphas = _lines(folder / "alphas.jsonl")
    assert [line["epoch"] for line in alphas] == [0, 1, 2]
    assert np.shape(alphas[0]["alphas_normal"]) == (5, 4)
    assert np.any(
        np.array(alphas[0]["alphas_normal"])
        != np.array(alphas[2]["alphas_normal"])
    )
    tags = _tags(folder / "tensorboard")
    assert tags["loss"] == tags["alpha_loss"] == tags["accuracy"] == [1, 2]
    assert tags["entropy_reduction"] == [1, 2]
    assert tags["op_weights_normal/0-2/sep_conv_3x3"] == [0, 1, 2]
    assert tags["pictures/cell_normal"] == [0, 1, 2]
    page = (folder / "report.html").read_text()
    assert "digits" in page
    assert genotype.to_text().replace("'", "&#x27;") in page
    assert f"--search={folder}" in page
    data = json.loads((folder / "data.json").read_text())
    assert data == {
        "class_names": [str(digit) for digit in range(10)],
        "image_shape": [8, 8, 1],
        "train_images": 100,
        "test_images": 360,
    }
    seconds = json.loads((folder / "metrics.json").read_text())[
        "next_training_seconds"
    ]
    assert seconds > 0
    assert "To go on, about " in printed

    metrics = _train(tmp_path / "train", folder / "genotype.json")
    files = {file.name for file in (tmp_path / "train").iterdir()}
    assert files == {
        "checkpoint.npz",
        "checkpoint.previous.npz",
        "config.json",
        "environment.json",
        "evaluation.json",
        "genotype.json",
        "history.jsonl",
        "metrics.json",
        "network.keras",
        "report.html",
        "tensorboard",
    }
    written = json.loads((tmp_path / "train" / "metrics.json").read_text())
    assert written == metrics
    assert 0 <= metrics["test_accuracy"] <= 1

    values = {
        "network": str(tmp_path / "train" / "network.keras"),
        "workdir": str(tmp_path / "export"),
        "formats": "saved_model,int8",
        "calibration_images": 8,
    }
    report = export.run(options.resolve(export.Config, overrides=values))
    # What the training said of the same test images, in other batches.
    accuracy = metrics["test_accuracy"]
    assert report["keras_accuracy"] == pytest.approx(accuracy, abs=1 / 360)
    assert report["images"] == 360
    saved_model, int8 = report["files"].values()
    # Float32 probabilities, summed in another order.
    assert saved_model["largest_difference"] < 1e-5
    assert 1e-5 < int8["largest_difference"] < 0.1  # 8 bits, a dozen times
    assert json.loads((tmp_path / "export" / "export.json").read_text()) == (
        report
    )
    printed = capsys.readouterr().out
    assert "int8" in printed
    # Which ones are the slowest depends on the machine.
    operators = [row["operator"] for row in int8["profile"]]
    assert "DEPTHWISE_CONV_2D" in operators
    for operator in operators[:4]:
        assert operator in printed
    assert (tmp_path / "export" / "saved_model" / "saved_model.pb").is_file()
    labels = darts_tf.export.read_assets(
        tmp_path / "export" / "network_int8.tflite"
    )["labels.txt"]
    assert labels.split() == [str(digit) for digit in range(10)]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"dataset": "digit"}, "digits"),
        ({"primitives": "none,sep_conv_4x4"}, "sep_conv_4x4"),
        ({"hypergradient": "third"}, "hypergradient='third'"),
        ({"image_size": 3}, "at least 4 pixels"),
        ({"batch_size": 900}, "900"),
        ({"train_fraction": 1.0}, "fraction"),
        ({"num_cells": 0}, "num_cells=0"),
        ({"steps_per_epoch": 0}, "steps_per_epoch=0"),
        ({"max_samples": 0}, "max_samples"),
        ({"checkpoint_every": 0}, "checkpoint_every=0"),
        ({"eigenvalue_every": 0}, "eigenvalue_every=0"),
        ({"collapse_guard": "ask"}, "collapse_guard='ask'"),
        ({"weight_decay": -1.0}, "coupled_weight_decay"),
    ],
)
def test_a_wrong_option_is_refused_before_the_folder_is_made(
    tmp_path, overrides, message
):
    with pytest.raises((ValueError, OSError), match=message):
        _search(tmp_path / "search", **overrides)
    assert not (tmp_path / "search").exists()


@pytest.mark.parametrize("text", ["{}", "[]", "{", "[" * 100_000])
def test_the_folder_of_another_run_is_left_alone(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ValueError, match=r"config\.json"):
        _search(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["config.json"]


def test_a_diverging_search_keeps_the_cell_so_far(tmp_path, monkeypatch):
    def fit(model, *_, **__):
        logits = np.zeros((5, 4))
        logits[:, 3] = 1.0  # sep_conv_3x3 everywhere
        model.alphas[0].assign(logits)
        raise FloatingPointError

    monkeypatch.setattr(darts_tf.DartsSearchModel, "fit", fit)
    with pytest.raises(FloatingPointError):
        _search(tmp_path / "search")
    genotype = darts_tf.Genotype.load(tmp_path / "search" / "genotype.json")
    assert {
        edge.primitive for node in genotype.normal.nodes for edge in node
    } == {"sep_conv_3x3"}


def test_a_stopped_search_prints_the_cell_and_goes_on(
    tmp_path, monkeypatch, capsys
):
    class Stop(darts_tf.callbacks.CosineDecay):
        def on_train_batch_end(self, batch, logs=None):
            if int(self.model.optimizer.iterations) == 3:
                signal.raise_signal(signal.SIGTERM)

    folder = tmp_path / "search"
    with monkeypatch.context() as patch:
        patch.setattr(schedules, "CosineDecay", Stop)
        with pytest.raises(darts_tf.callbacks.Stopped) as stopped:
            _search(folder)
    assert stopped.value.signal_number == signal.SIGTERM
    printed = capsys.readouterr().out
    found = darts_tf.Genotype.load(folder / "genotype.json")
    assert found.to_text() in printed
    assert "after step 3, which is saved. The same command" in printed
    before = {file.name for file in folder.iterdir()}
    with pytest.raises(ValueError, match=r"epochs=2, filters=2.*epochs=3, fil"):
        _search(folder, epochs=3, filters=4)
    assert before == {file.name for file in folder.iterdir()}

    genotype = _search(folder)
    assert "Going on after step 3." in capsys.readouterr().out
    assert [line["epoch"] for line in _lines(folder / "history.jsonl")] == [
        1,
        2,
    ]
    assert [line["epoch"] for line in _lines(folder / "alphas.jsonl")] == [
        0,
        1,
        2,
    ]
    tags = _tags(folder / "tensorboard")
    assert tags["loss"] == tags["skips_normal"] == [1, 2]
    assert "alpha_eigenvalue" not in tags  # every fifth epoch
    files = {file: file.read_bytes() for file in folder.glob("*.*")}
    assert _search(folder) == genotype
    assert "is finished; nothing is changed" in capsys.readouterr().out
    assert files == {file: file.read_bytes() for file in folder.glob("*.*")}


@pytest.mark.parametrize(
    ("genotype", "message"),
    [
        ("DARTS_V9", "darts_v2|DARTS_V2"),
        ("missing/genotype.json", "does not exist"),
        ("RECURRENT_DARTS_V1", "convolutional"),
    ],
)
def test_a_genotype_that_cannot_be_used_is_refused(tmp_path, genotype, message):
    with pytest.raises(ValueError, match=message):
        _train(tmp_path / "train", genotype)
    assert not (tmp_path / "train").exists()


def test_a_file_that_is_no_genotype_is_refused(tmp_path):
    path = tmp_path / "genotype.json"
    path.write_text("[]")
    with pytest.raises(ValueError, match=r"genotype\.json"):
        _train(tmp_path / "train", path)


def test_auxiliary_classifier_on_small_images_is_refused(tmp_path):
    with pytest.raises(ValueError, match="32x32"):
        _train(tmp_path / "train", "DARTS_V2", auxiliary_weight=0.4)
    assert not (tmp_path / "train").exists()


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--preset=fast", "quick"),
        ("--learning_rat=1", "learning_rate"),
        ("--epochs=many", "epochs"),
    ],
)
def test_a_wrong_flag_gets_a_clean_error(tmp_path, flag, message):
    process = subprocess.run(
        [
            sys.executable,
            "-m",
            "trainers.cnn_search",
            f"--workdir={tmp_path}/run",
            flag,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 1
    assert message in process.stderr
    assert "Traceback" not in process.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("trainer", "preset"),
    [
        (trainer, preset)
        for trainer in (cnn_search, cnn_train, imagenet_train)
        for preset in trainer.PRESETS
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_each_preset_is_a_valid_config(trainer, preset):
    values = {"workdir": "run"}
    if trainer is not cnn_search:
        values["genotype"] = "DARTS_V2"
    options.resolve(trainer.Config, trainer.PRESETS, preset, values)
