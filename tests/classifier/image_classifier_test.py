"""The class: what it refuses, and what it does after a run."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import darts_tf
from darts_tf.classifier import shipping
from tests.classifier import run_test

ImageClassifier = darts_tf.ImageClassifier


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Returns the folder of a run that has come to its end."""
    path = tmp_path_factory.mktemp("run")
    keras.utils.set_random_seed(0)
    network = darts_tf.models.PlainNetwork(
        filters=4,
        num_cells=3,
        classification=darts_tf.Classification(
            [0.5] * 3, [0.25] * 3, ["cat", "dog"]
        ),
    )
    network.build((None, 8, 8, 3))
    network.save(path / "network.keras")
    shipping.keep_calibration(path, images(70))
    found = {"val_accuracy": 0.5, "test_accuracy": 0.25, "test_loss": 1.5}
    results = {"exported": "plain", "networks": {"plain": found}}
    (path / "results.json").write_text(json.dumps(results))
    (path / "results.md").write_text("It was so.\n")
    return path


def images(count, size=8):
    generator = np.random.default_rng(1)
    return generator.integers(0, 256, (count, size, size, 3), "uint8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"minutes": 0}, "Received: minutes=0"),
        ({"keep": "plain"}, "Received: keep='plain'"),
        ({"image_size": -1}, "Received: image_size=-1"),
        ({"max_ms": 0}, "Received: max_ms=0"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        ImageClassifier(**arguments)


def test_before_a_fit_there_is_nothing_to_ask(tmp_path):
    for ask in (
        lambda classifier: classifier.predict(images(1)),
        lambda classifier: classifier.evaluate(),
        lambda classifier: classifier.export(tmp_path / "files"),
        lambda classifier: classifier.summary(),
    ):
        with pytest.raises(ValueError, match="Call `fit` first"):
            ask(ImageClassifier())
    with pytest.raises(ValueError, match="without results.json"):
        ImageClassifier.load(tmp_path)


def test_images_of_all_kinds_have_the_same_probabilities(folder, tmp_path):
    classifier = ImageClassifier.load(folder)
    x = images(6)
    expected = classifier.predict(x)
    assert expected.shape == (6, 2)
    np.testing.assert_allclose(expected.sum(1), 1, rtol=1e-6)
    paths = []
    for number, image in enumerate(x):
        paths.append(tmp_path / f"{number}.png")
        Image.fromarray(image).save(paths[-1])
    dataset = tf.data.Dataset.from_tensor_slices((x, np.zeros(6)))
    for same in (x / 255, x.astype("float32"), paths, dataset.batch(4)):
        np.testing.assert_array_equal(classifier.predict(same), expected)
    one = classifier.predict(x[0])
    np.testing.assert_allclose(one, expected[:1], rtol=1e-5)


def test_images_of_another_size_are_resized(folder):
    x = images(2, 16)
    small = np.stack(
        [np.asarray(Image.fromarray(image).resize((8, 8), 2)) for image in x]
    )
    classifier = ImageClassifier.load(folder)
    np.testing.assert_allclose(
        classifier.predict(x), classifier.predict(small), atol=1e-6
    )


def test_the_accuracy_is_that_of_the_names(folder):
    classifier = ImageClassifier.load(folder)
    x = images(20)
    names = list(classifier.classify(x).names)
    assert classifier.evaluate(x, names)["accuracy"] == 1
    labels = [("cat", "dog").index(name) for name in names]
    wrong = [1 - label for label in labels[:5]] + labels[5:]
    found = classifier.evaluate(x, np.array(wrong))
    assert found["accuracy"] == 0.75
    probabilities = classifier.predict(x)[np.arange(20), wrong]
    assert found["loss"] == pytest.approx(-np.log(probabilities).mean())
    assert classifier.evaluate() == {"loss": 1.5, "accuracy": 0.25}


def test_a_summary_is_the_table_of_the_results(folder, capsys):
    ImageClassifier.load(folder).summary()
    assert capsys.readouterr().out == "It was so.\n"


def test_a_finished_run_is_not_done_again(folder, tmp_path, capsys):
    x, y = images(20), np.arange(20) % 2
    wishes = {
        "name": "arrays",
        "minutes": 30,
        "seed": 0,
        "keep": "best",
        "image_size": None,
        "flip": None,
        "budgets": {},
    }
    (folder / "configuration.json").write_text(json.dumps(wishes))
    (folder / "plan.json").write_text("{}")
    classifier = ImageClassifier(workdir=folder)
    results = classifier.fit(x, y)
    assert results["exported"] == "plain"
    assert "nothing is changed" in capsys.readouterr().out


def test_options_of_other_kinds_of_data_are_refused(tmp_path):
    x, y = images(20), np.arange(20) % 2
    for wrong in ({"y": y}, {"test_data": (x, y)}):
        with pytest.raises(ValueError, match="not apply.*a name or path"):
            ImageClassifier().fit(str(tmp_path), **wrong)
    with pytest.raises(ValueError, match="`class_names` does not apply"):
        ImageClassifier(class_names=["a", "b"]).fit(str(tmp_path))
    for wrong in ({"data_dir": "data"}, {"max_samples": 5}):
        with pytest.raises(ValueError, match="not apply.*arrays"):
            ImageClassifier().fit(x, y, **wrong)


def test_a_fit_writes_what_later_commands_read(monkeypatch, tmp_path):
    """`trainers.export` and the report find the data and their size."""
    results = {**run_test.RESULTS}

    class Run:
        def __init__(self, directory, source, wishes, say):
            self.plan = run_test.PLAN

        def go(self):
            return results, None

    monkeypatch.setattr(
        darts_tf.classifier.image_classifier.run_lib, "Run", Run
    )
    classifier = ImageClassifier(workdir=tmp_path / "run", verbose=False)
    assert classifier.fit(images(20), np.arange(20) % 2) is results
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert (config["dataset"], config["image_size"]) == ("arrays", 8)
    assert (tmp_path / "run" / "results.md").exists()


def test_a_folder_in_which_nothing_was_planned_can_be_used_again(
    monkeypatch, tmp_path
):
    monkeypatch.setattr(
        darts_tf.classifier.image_classifier.run_lib, "Run", run_test.Refusing
    )
    for minutes in (0.001, 5):  # too few, and then more
        classifier = ImageClassifier(minutes, tmp_path, verbose=False)
        with pytest.raises(ValueError, match="too few"):
            classifier.fit(images(20), np.arange(20) % 2)
    (tmp_path / "plan.json").write_text("{}")
    with pytest.raises(ValueError, match="begun with minutes=5"):
        ImageClassifier(7, tmp_path, verbose=False).fit(
            images(20), np.arange(20) % 2
        )


def test_without_a_folder_each_fit_has_a_new_one(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    classifier = ImageClassifier(minutes=0.001, verbose=False)
    folders = set()
    for shade in (0, 255):
        x = np.full((20, 8, 8, 1), shade, "uint8")
        monkeypatch.setattr(
            darts_tf.classifier.image_classifier.run_lib,
            "Run",
            run_test.Refusing,
        )
        with pytest.raises(ValueError, match="too few"):
            classifier.fit(x, np.arange(20) % 2)
        folders.add(classifier.workdir)
    assert len(folders) == 2
