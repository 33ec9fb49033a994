"""Pictures classified by the command, with each kind of network."""

import json

import keras
import numpy as np
import pytest
from PIL import Image

import darts_tf
from darts_tf import export
from trainers import classify


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A network in three kinds of files, and pictures of several sizes."""
    folder = tmp_path_factory.mktemp("classify")
    keras.utils.set_random_seed(3)
    network = darts_tf.ConvNetwork(
        darts_tf.zoo.DARTS_V2,
        filters=2,
        num_cells=1,
        classification=darts_tf.Classification(
            [0.5] * 3, [0.25] * 3, ["cat", "dog", "\u00e9lan"]
        ),
    )
    network.build((None, 8, 8, 3))
    kernel = network.classifier.kernel
    kernel.assign(3 * np.random.default_rng(0).normal(size=kernel.shape))
    network.save(folder / "network.keras")
    export.export_saved_model(network, folder / "saved_model")
    export.export_tflite(folder / "saved_model", folder / "network.tflite")
    generator = np.random.default_rng(1)
    for name, size in (
        ("a.png", (8, 8)),
        ("b.png", (8, 8)),
        ("c.png", (20, 9)),
    ):
        pixels = generator.integers(0, 256, (*size, 3), np.uint8)
        Image.fromarray(pixels).save(folder / name)
    return folder


def _run(folder, *names, **options):
    config = classify.Config(
        network=str(folder / options.pop("network", "network.keras")),
        images=tuple(str(folder / name) for name in names),
        **options,
    )
    return classify.run(config)


def test_every_kind_of_file_says_what_the_network_says(folder, capsys):
    network = darts_tf.models.load_network(folder / "network.keras")
    pixels = np.stack(
        [np.asarray(Image.open(folder / name)) for name in ("a.png", "b.png")]
    )
    expected = network.classify(pixels)
    for name in ("network.keras", "saved_model", "network.tflite"):
        results = _run(folder, "a.png", "b.png", "c.png", network=name)
        assert [r["class"] for r in results[:2]] == list(expected.names)
        np.testing.assert_allclose(
            [list(r["probabilities"].values()) for r in results[:2]],
            expected.probabilities,
            atol=2e-6,  # printed to six digits
        )
        assert list(results[2]["probabilities"]) == ["cat", "dog", "\u00e9lan"]
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == 3
        best = expected.probabilities[0].max()
        assert lines[0].split()[-2:] == [expected.names[0], f"{best:.3f}"]


def test_json_has_all_classes_and_top_some_of_them(folder, capsys):
    (result,) = _run(folder, "a.png", json=True)
    assert json.loads(capsys.readouterr().out) == result
    assert sum(result["probabilities"].values()) == pytest.approx(1, abs=2e-6)
    _run(folder, "a.png", top=2)
    words = capsys.readouterr().out.split()[1:]
    assert len(words) == 4
    assert float(words[1]) >= float(words[3])


def test_a_picture_that_cannot_be_read_leaves_the_others(folder, capsys):
    (folder / "torn.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match="2 of 3 pictures could not"):
        _run(folder, "torn.png", "a.png", "none.png")
    lines = capsys.readouterr().out.splitlines()
    assert "torn.png" in lines[0]
    assert "error: An image file of 8 bits" in lines[0]
    assert "error" not in lines[1]
    assert "no such file" in lines[2]


def test_grey_networks_take_colour_pictures(folder, tmp_path):
    digits = darts_tf.data.image_classification.load("digits")
    network = darts_tf.ConvNetwork(
        darts_tf.zoo.DARTS_V2,
        filters=2,
        num_cells=1,
        classification=darts_tf.Classification.of(digits),
    )
    network.build((None, 8, 8, 1))
    network.save(tmp_path / "network.keras")
    pixels = digits.test[0][:1]
    Image.fromarray(pixels[0, ..., 0]).convert("RGB").save(tmp_path / "0.png")
    (result,) = _run(tmp_path, "0.png")
    np.testing.assert_allclose(
        list(result["probabilities"].values()),
        network.classify(pixels).probabilities[0],
        atol=2e-6,
    )


def test_a_network_without_classes_is_refused(tmp_path):
    network = darts_tf.ConvNetwork(
        darts_tf.zoo.DARTS_V2, filters=2, num_cells=1
    )
    network.build((None, 8, 8, 3))
    network.save(tmp_path / "network.keras")
    with pytest.raises(ValueError, match=r"know its classes.*network\.keras"):
        _run(tmp_path, "a.png")


def test_pictures_are_expected():
    with pytest.raises(ValueError, match=r"photos/\*\.jpg\. Received: none"):
        classify.Config("network.keras")
