"""Each detail of the paper's training has an effect; runs can be repeated."""

import io
import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from sklearn.metrics import confusion_matrix

import darts_tf
from darts_tf import visualize
from darts_tf.data import splitting
from darts_tf.data import streams
from trainers import cnn_train
from trainers import images
from trainers import options

# One node: the graph is what takes time here.
CELL = darts_tf.Cell(
    ((darts_tf.Edge("sep_conv_3x3", 0), darts_tf.Edge("skip_connect", 1)),),
    (2,),
)
# Digits in the size of CIFAR-10, which the auxiliary classifier needs.
SMALL = {
    "dataset": "digits",
    "image_size": 32,
    "max_samples": 40,
    "epochs": 2,
    "batch_size": 8,
    "filters": 2,
    "num_cells": 3,
}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """The genotype's file, and the history with the details of the paper."""
    folder = tmp_path_factory.mktemp("base")
    path = folder / "genotype.json"
    darts_tf.Genotype(normal=CELL, reduction=CELL).save(path)
    return path, _history(folder / "run", path)


def _config(folder, genotype, **overrides):
    values = {"workdir": str(folder), "genotype": str(genotype)}
    return options.resolve(
        cnn_train.Config,
        cnn_train.PRESETS,
        "paper",
        {**values, **SMALL, **overrides},
    )


def _history(folder, genotype, **overrides):
    cnn_train.run(_config(folder, genotype, **overrides))
    return _lines(folder / "history.jsonl")


def _lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_preset_is_the_protocol_of_the_paper():
    config = options.resolve(
        cnn_train.Config,
        cnn_train.PRESETS,
        "paper",
        {"workdir": "run", "genotype": "DARTS_V2"},
    )
    expected = {
        "epochs": 600,
        "batch_size": 96,
        "filters": 36,
        "num_cells": 20,
        "auxiliary_weight": 0.4,
        "drop_path_rate": 0.2,
        "learning_rate": 0.025,
        "final_learning_rate": 0.0,
        "momentum": 0.9,
        "weight_decay": 3e-4,
        "clipnorm": 5.0,
        "crop_padding": 4,
        "flip": True,
        "cutout": 16,
    }
    assert expected.items() <= options.to_json(config).items()


def test_the_learning_rate_falls_along_a_cosine_to_zero(base):
    _, history = base
    rates = [line["learning_rate"] for line in history]
    np.testing.assert_allclose(
        rates, [0.025, 0.0125], rtol=1e-6
    )  # half way through the cosine


def test_the_same_options_give_the_same_history(base, tmp_path):
    genotype, history = base
    assert _history(tmp_path / "run", genotype) == history


@pytest.mark.parametrize(
    "change",
    [
        {"auxiliary_weight": 0.0},
        {"drop_path_rate": 0.0},
        {"final_learning_rate": 0.02},
        {"momentum": 0.0},
        {"weight_decay": 0.0},
        {"clipnorm": 0.1},
        {"crop_padding": 0},
        {"flip": False},
        {"cutout": 0},
    ],
    ids=str,
)
def test_each_detail_changes_the_result(base, tmp_path, change):
    genotype, history = base
    changed = _history(tmp_path / "run", genotype, **change)
    assert changed[-1]["loss"] != history[-1]["loss"]
    if set(change) & {"drop_path_rate", "final_learning_rate"}:
        # Both begin the same and change from epoch to epoch.
        assert changed[0]["loss"] == history[0]["loss"]


def test_a_stopped_run_goes_on_to_the_same_end(base, tmp_path, monkeypatch):
    genotype, history = base

    class _Stop(darts_tf.ExactResume):
        def on_epoch_begin(self, epoch, logs=None):
            super().on_epoch_begin(epoch, logs)
            if epoch == 1:
                raise KeyboardInterrupt

    config = _config(tmp_path / "run", genotype)
    with monkeypatch.context() as patch:
        patch.setattr(darts_tf, "ExactResume", _Stop)
        with pytest.raises(KeyboardInterrupt):
            cnn_train.run(config)
    assert len(_lines(tmp_path / "run" / "history.jsonl")) == 1
    cnn_train.run(config)
    assert _lines(tmp_path / "run" / "history.jsonl") == history


def test_runs_have_seeds_of_their_own_and_a_mean(base, tmp_path):
    genotype, _ = base
    short = {"epochs": 1, "steps_per_epoch": 1, "runs": 2, "seed": 5}
    config = _config(tmp_path / "run", genotype, **short)
    metrics = cnn_train.run(config)
    assert json.loads((tmp_path / "run" / "metrics.json").read_text()) == (
        metrics
    )
    assert [run["seed"] for run in metrics["runs"]] == [5, 6]
    first, second = (1 - run["test_accuracy"] for run in metrics["runs"])
    assert metrics["runs"][0]["test_loss"] != metrics["runs"][1]["test_loss"]
    np.testing.assert_allclose(metrics["test_error_mean"], (first + second) / 2)
    np.testing.assert_allclose(  # of a sample of two
        metrics["test_error_deviation"], abs(first - second) / np.sqrt(2)
    )
    # A finished run is not repeated when the whole is.
    (tmp_path / "run" / "metrics.json").unlink()
    (tmp_path / "run" / "run_1" / "metrics.json").unlink()
    again = cnn_train.run(config)
    for name in ("test_loss", "test_accuracy"):
        assert again["runs"][1][name] == metrics["runs"][1][name]
    assert again["runs"][0] == metrics["runs"][0]


# Digits as they are, which train in seconds.
DIGITS = {
    "image_size": None,
    "auxiliary_weight": 0.0,
    "cutout": 0,
    "crop_padding": 0,
    "flip": False,
    "epochs": 4,
    "max_samples": 80,
    "learning_rate": 0.1,
}


@pytest.fixture(scope="module")
def validated(base, tmp_path_factory):
    """A training with validation images: its folder and its metrics."""
    folder = tmp_path_factory.mktemp("validated") / "run"
    config = _config(folder, base[0], validation_fraction=0.25, **DIGITS)
    return folder, cnn_train.run(config), config


def test_the_network_of_the_best_epoch_on_validation_images_is_kept(validated):
    folder, metrics, config = validated
    history = _lines(folder / "history.jsonl")
    shares = [line["val_accuracy"] for line in history]
    assert metrics["best_epoch"] == 1 + int(np.argmax(shares))
    assert metrics["validation_accuracy"] == pytest.approx(max(shares))
    network = darts_tf.models.load_network(folder / "network.keras")
    dataset = images.load(config)
    kept, held_out = splitting.hold_out(dataset.train[1], 0.25, config.seed)
    assert not set(kept) & set(held_out)
    assert len(kept) + len(held_out) == 80
    x, y = (array[held_out] for array in dataset.train)
    found = network.classify(x).probabilities.argmax(-1)
    assert np.mean(found == y) == pytest.approx(max(shares))


def test_validation_images_are_not_trained_on(base, validated, monkeypatch):
    seen = []
    batches = streams.batches

    def recording(arrays, *args, **kwargs):
        seen.append(len(arrays[1]))
        return batches(arrays, *args, **kwargs)

    monkeypatch.setattr(streams, "batches", recording)
    _, _, config = validated
    dataset = images.load(config)
    train, validation = cnn_train._parts(config, dataset)
    cnn_train._batches(config, train, dataset)
    assert seen == [80 - len(validation[1])]


def test_what_is_taken_for_what_is_counted_on_all_test_images(validated):
    folder, metrics, config = validated
    evaluation = visualize.read_evaluation(folder)
    dataset = images.load(config)
    network = darts_tf.models.load_network(folder / "network.keras")
    x, y = dataset.test
    found = network.classify(x).probabilities.argmax(-1)
    np.testing.assert_array_equal(
        evaluation.confusion, confusion_matrix(y, found, labels=range(10))
    )
    assert evaluation.accuracy == pytest.approx(metrics["test_accuracy"])
    for mistake in evaluation.mistakes:
        pixels = np.asarray(Image.open(io.BytesIO(mistake.png)))
        np.testing.assert_array_equal(pixels, x[mistake.index, ..., 0])
        assert mistake.label == str(y[mistake.index])


def test_the_report_shows_validation_best_epoch_and_mistakes(validated):
    folder, metrics, _ = validated
    page = (folder / "report.html").read_text()
    assert "val_accuracy" in page
    assert "best epoch" in page
    assert f"It is that of epoch {metrics['best_epoch']} of 4" in page
    assert "Confusion matrix" in page
    assert "The worst mistakes" in page


def test_tensorboard_gets_the_figures_and_options_of_a_training(validated):
    folder, _, _ = validated
    steps = {}
    for file in (folder / "tensorboard").glob("*tfevents*"):
        for record in tf.data.TFRecordDataset([str(file)]):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                steps.setdefault(value.tag, []).append(event.step)
    assert steps["loss"] == steps["val_accuracy"] == [1, 2, 3, 4]
    assert any("hparams" in tag for tag in steps)


def test_a_stopped_run_with_validation_goes_on_to_the_same_end(
    base, validated, tmp_path, monkeypatch
):
    folder, whole, _ = validated

    class _Stop(darts_tf.ExactResume):
        def on_epoch_begin(self, epoch, logs=None):
            super().on_epoch_begin(epoch, logs)
            if epoch == 3:
                raise KeyboardInterrupt

    run = tmp_path / "run"
    config = _config(run, base[0], validation_fraction=0.25, **DIGITS)
    with monkeypatch.context() as patch:
        patch.setattr(darts_tf, "ExactResume", _Stop)
        with pytest.raises(KeyboardInterrupt):
            cnn_train.run(config)
    again = cnn_train.run(config)
    assert _lines(run / "history.jsonl") == _lines(folder / "history.jsonl")
    for metrics in (whole, again):
        metrics.pop("train_seconds", None)
    assert again == whole


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1])
def test_a_fraction_that_leaves_a_part_empty_is_refused(base, fraction):
    with pytest.raises(ValueError, match=rf"validation_fraction={fraction}$"):
        _config("run", base[0], validation_fraction=fraction)
