"""What the export does without a training before it, and what it refuses."""

import importlib.util
import json

import keras
import numpy as np
import pytest

import darts_tf
from trainers import export
from trainers import options

_ZOO = {
    "genotype": "DARTS_V2",
    "dataset": "digits",
    "filters": 2,
    "num_cells": 1,
    "formats": "float32",
    "test_images": 4,
    "num_threads": "1",
}


def _export(folder, **overrides):
    values = {"workdir": str(folder), **overrides}
    return export.run(options.resolve(export.Config, overrides=values))


def test_a_published_cell_is_exported_with_random_weights(tmp_path):
    first, again, other = (
        _export(tmp_path / f"{name}", **_ZOO, seed=seed)
        for name, seed in (("first", 0), ("again", 0), ("other", 1))
    )
    files = {file.name for file in (tmp_path / "first").iterdir()}
    assert files == {"config.json", "export.json", "network_float32.tflite"}
    pixels = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1))
    outputs = [
        darts_tf.export.predict(
            tmp_path / name / "network_float32.tflite", pixels.astype("uint8")
        )
        for name in ("first", "again", "other")
    ]
    np.testing.assert_array_equal(outputs[0], outputs[1])
    assert np.any(outputs[0] != outputs[2])
    assert first["images"] == 4
    assert set(first["files"]["float32"]["latency_ms"]) == {"1"}
    assert first["parameters"] == again["parameters"] == other["parameters"]


def test_random_weights_have_no_accuracy(tmp_path, capsys):
    report = _export(tmp_path / "run", **_ZOO)
    printed = capsys.readouterr().out
    assert "keras_accuracy" not in report
    assert "accuracy" not in report["files"]["float32"]
    assert "The weights are random, so no accuracy is measured" in printed
    # What the bytes are stands in a table.
    (head, row) = (
        line.split()
        for line in printed.splitlines()
        if line.startswith(("bytes of", "float32  ")) and "." not in line
    )
    assert head[2:] == list(report["files"]["float32"]["bytes_by_content"])
    numbers = [int(number.replace(",", "")) for number in row[1:]]
    size = (tmp_path / "run" / "network_float32.tflite").stat().st_size
    assert sum(numbers) == size


def test_without_preprocessing_the_file_takes_normalised_images(tmp_path):
    _export(
        tmp_path / "run",
        **{**_ZOO, "filters": 4, "formats": "c_array", "stem": "cifar"},
        preprocessing=False,
        calibration_images=4,
    )
    path = tmp_path / "run" / "network_int8.tflite"
    logits = darts_tf.export.predict(path, np.zeros((2, 8, 8, 1), "float32"))
    assert logits.shape == (2, 10)
    texts = darts_tf.export.read_assets(path)
    assert "labels.txt" not in texts
    assert json.loads(texts["config.json"])["config"]["filters"] == 4
    # A C array comes with the file that it is made of.
    header = (tmp_path / "run" / "network_int8.h").read_text()
    assert f"network_size = {path.stat().st_size};" in header


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"genotype": None}, "either --network or --genotype"),
        ({"network": "network.keras"}, "either --network or --genotype"),
        ({"genotype": None, "network": "network.keras"}, "filters=2"),
        ({"dataset": None}, "needs a --dataset"),
        ({"dataset": "digit"}, "digits"),
        ({"genotype": "DARTS_V9"}, "DARTS_V2|darts_v2"),
        ({"genotype": "RECURRENT_DARTS_V1"}, "convolutional"),
        ({"stem": "mnist"}, "stem='mnist'"),
        ({"stem": "imagenet"}, "at least"),
        ({"num_cells": 0}, "num_cells=0"),
        ({"formats": "float64"}, "float64"),
        ({"formats": "int8,int8"}, "int8,int8"),
        ({"num_threads": "0"}, "num_threads='0'"),
        ({"num_threads": "1,"}, "num_threads='1,'"),
        ({"calibration_images": 0}, "calibration_images=0"),
        ({"test_images": 0}, "test_images=0"),
        ({"test_words": 9}, "test_words=9"),
        ({"corpus": "topics"}, "corpus='topics'"),
    ],
)
def test_a_wrong_option_is_refused_before_the_folder_is_made(
    tmp_path, overrides, message
):
    with pytest.raises(ValueError, match=message):
        _export(tmp_path / "run", **{**_ZOO, **overrides})
    assert not (tmp_path / "run").exists()


def test_onnx_without_its_packages_is_refused_with_the_remedy(
    tmp_path, monkeypatch
):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name: None if name == "tf2onnx" else find(name),
    )
    with pytest.raises(ValueError, match=r"darts-tf\[onnx\].*tf2onnx"):
        _export(tmp_path / "run", **{**_ZOO, "formats": "onnx"})


def test_a_network_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"network\.keras"):
        _export(tmp_path / "run", network=str(tmp_path / "network.keras"))


def _saved_network(folder):
    folder.mkdir(exist_ok=True)
    network = darts_tf.ConvNetwork(
        darts_tf.zoo.DARTS_V2, num_classes=10, filters=2, num_cells=1
    )
    network.build((None, 8, 8, 1))
    network.save(folder / "network.keras")
    return str(folder / "network.keras")


_ANY = {"formats": "saved_model", "test_images": 4, "num_threads": "1"}


def test_a_saved_network_needs_no_config_beside_it(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    _saved_network(tmp_path / "mine")
    network = "~/mine/network.keras"
    with pytest.raises(ValueError, match="so --dataset must"):
        _export(tmp_path / "run", **_ANY, network=network)
    assert not (tmp_path / "run").exists()
    report = _export(
        tmp_path / "run", **_ANY, network=network, dataset="digits"
    )
    assert report["files"]["saved_model"]["top_1_agreement"] == 1.0


@pytest.mark.parametrize("text", ["[1, 2]", '{"learning_rate": 0.1}'])
def test_a_config_of_another_program_does_not_matter(tmp_path, text):
    network = _saved_network(tmp_path)
    (tmp_path / "config.json").write_text(text)
    report = _export(
        tmp_path / "run", **_ANY, network=network, dataset="digits"
    )
    assert report["images"] == 4


def test_a_damaged_config_beside_the_network_is_named(tmp_path):
    network = _saved_network(tmp_path)
    (tmp_path / "config.json").write_text('{"dataset": "dig')
    with pytest.raises(ValueError, match=r"config\.json.*Received.*config"):
        _export(tmp_path / "run", **_ANY, network=network)


def test_the_folder_of_the_runs_data_is_not_that_of_others(tmp_path):
    network = _saved_network(tmp_path)
    (tmp_path / "config.json").write_text(
        json.dumps({"dataset": "cifar10", "data_dir": str(tmp_path)})
    )
    report = _export(
        tmp_path / "run", **_ANY, network=network, dataset="digits"
    )
    assert report["images"] == 4


def test_a_saved_language_model_needs_a_corpus_and_no_config(tmp_path):
    corpus = tmp_path / "text"
    corpus.mkdir()
    for part in ("train", "valid", "test"):
        (corpus / f"{part}.txt").write_text("the cat saw the dog\n" * 4)
    network = darts_tf.RecurrentNetwork(
        darts_tf.zoo.RECURRENT_DARTS_V2, vocabulary_size=5, units=4
    )
    network.build((None, None))
    network.save(tmp_path / "network.keras")
    values = {
        "network": str(tmp_path / "network.keras"),
        "formats": "saved_model",
    }
    with pytest.raises(ValueError, match="so --corpus must"):
        _export(tmp_path / "run", **values)
    report = _export(tmp_path / "run", **values, corpus=str(corpus))
    assert report["files"]["saved_model"]["top_1_agreement"] == 1.0
    texts = darts_tf.export.read_assets(tmp_path / "run" / "saved_model")
    assert texts["vocabulary.txt"].split() == [
        *("the", "cat", "saw", "dog", "<eos>")
    ]
    (corpus / "train.txt").write_text("the cat saw the dog today\n" * 4)
    with pytest.raises(ValueError, match="a word for each logit"):
        _export(tmp_path / "again", **values, corpus=str(corpus))


def _search():
    model = darts_tf.DartsSearchModel(
        darts_tf.SearchSpace.conv(["none", "skip_connect"], 1),
        num_classes=3,
        filters=2,
        num_cells=3,
    )
    model.compile()
    return model


def _wrapped():
    network = darts_tf.ConvNetwork(
        darts_tf.zoo.DARTS_V2, filters=2, num_cells=1
    )
    return keras.Sequential([keras.layers.Rescaling(1 / 255), network])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_search, r"darts_tf\.ConvNetwork\(model\.genotype"),
        (_wrapped, r"model\.get_layer"),
    ],
)
def test_a_file_of_another_model_is_refused_with_what_to_do(
    tmp_path, make, message
):
    model = make()
    model.build((None, 8, 8, 1))
    model.save(tmp_path / "network.keras")
    with pytest.raises(ValueError, match=f"{message}.*Received"):
        _export(tmp_path / "run", network=str(tmp_path / "network.keras"))


def test_a_network_of_another_data_set_is_refused(tmp_path):
    network = darts_tf.ConvNetwork(
        darts_tf.zoo.DARTS_V2, num_classes=3, filters=2, num_cells=1
    )
    network.build((None, 8, 8, 1))
    network.save(tmp_path / "network.keras")
    names = ("data_dir", "image_size", "max_samples")
    (tmp_path / "config.json").write_text(
        json.dumps({"dataset": "digits", **dict.fromkeys(names)})
    )
    with pytest.raises(ValueError, match=r"3 classes.*10 classes"):
        _export(tmp_path / "run", network=str(tmp_path / "network.keras"))
