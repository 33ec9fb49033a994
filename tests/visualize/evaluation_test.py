"""What a classifier takes for what is counted as scikit-learn counts it."""

import io
import json
import re

import numpy as np
import pytest
from PIL import Image
from sklearn import metrics

from darts_tf import visualize
from darts_tf.visualize import evaluation as evaluation_lib
from darts_tf.visualize import evaluation_report
from tests.visualize import run_folders

NAMES = ("cat", "dog", "a <very> long name")


def sample(samples=57, classes=3, seed=0):
    generator = np.random.default_rng(seed)
    images = generator.integers(0, 256, (samples, 8, 6, 3)).astype("uint8")
    labels = generator.integers(0, classes, samples)
    probabilities = generator.dirichlet(np.ones(classes), samples)
    return images, labels, probabilities


def evaluated(images, labels, probabilities, names=NAMES, batch=10):
    evaluation = visualize.Evaluation(names)
    for start in range(0, len(labels), batch):
        rows = slice(start, start + batch)
        evaluation.add(images[rows], labels[rows], probabilities[rows])
    return evaluation


def test_the_table_is_that_of_scikit_learn():
    images, labels, probabilities = sample()
    predicted = probabilities.argmax(-1)
    evaluation = evaluated(images, labels, probabilities)
    expected = metrics.confusion_matrix(labels, predicted)
    np.testing.assert_array_equal(evaluation.confusion, expected)
    assert evaluation.accuracy == metrics.accuracy_score(labels, predicted)
    np.testing.assert_allclose(
        list(evaluation.accuracy_by_class().values()),
        metrics.recall_score(labels, predicted, average=None),
        rtol=1e-12,  # one division of float64
    )


def test_the_worst_mistakes_are_the_most_certain_ones_with_their_pictures():
    images, labels, probabilities = sample()
    evaluation = evaluated(images, labels, probabilities)
    wrong = np.flatnonzero(probabilities.argmax(-1) != labels)
    order = wrong[np.argsort(-probabilities[wrong].max(-1))][:16]
    assert [m.index for m in evaluation.mistakes] == order.tolist()
    for mistake in evaluation.mistakes:
        assert mistake.label == NAMES[labels[mistake.index]]
        assert mistake.probability == probabilities[mistake.index].max()
        pixels = np.asarray(Image.open(io.BytesIO(mistake.png)))
        np.testing.assert_array_equal(pixels, images[mistake.index])


def test_large_pictures_are_shrunk_and_grey_ones_stay_grey():
    evaluation = visualize.Evaluation(["a", "b"])
    images = np.full((1, 400, 200, 1), 77, "uint8")
    evaluation.add(images, [0], [[0.1, 0.9]])
    [mistake] = evaluation.mistakes
    image = Image.open(io.BytesIO(mistake.png))
    assert (image.size, image.mode) == ((48, 96), "L")
    assert (np.asarray(image) == 77).all()


def test_what_was_saved_is_read_back(tmp_path):
    evaluation = evaluated(*sample())
    evaluation.save(tmp_path)
    read = evaluation_lib.read_evaluation(tmp_path)
    np.testing.assert_array_equal(read.confusion, evaluation.confusion)
    assert read.class_names == evaluation.class_names
    assert read.mistakes == evaluation.mistakes


def test_the_most_frequent_mistakes_come_first():
    labels = [0, 0, 0, 1, 1]
    chosen = [1, 1, 2, 0, 1]
    evaluation = visualize.Evaluation(NAMES)
    images = np.zeros((5, 2, 2, 3), "uint8")
    evaluation.add(images, labels, np.eye(3)[chosen])
    assert evaluation.confused() == [
        ("cat", "dog", 2),
        ("cat", NAMES[2], 1),
        ("dog", "cat", 1),
    ]
    assert evaluation.accuracy_by_class()[NAMES[2]] is None  # has no image


@pytest.mark.parametrize("shape", [(4, 2), (3, 3), (4,)])
def test_arrays_that_do_not_fit_are_refused(shape):
    evaluation = visualize.Evaluation(NAMES)
    with pytest.raises(ValueError, match=re.escape(f"{shape} for 3 classes")):
        evaluation.add(np.zeros((4, 2, 2, 3)), [0, 1, 2, 0], np.zeros(shape))


@pytest.mark.parametrize(
    "content",
    [
        "[",
        "{}",
        '{"class_names": ["a"], "confusion": "7,0,1", "mistakes": []}',
        '{"class_names": ["a"], "confusion": "x", "mistakes": []}',
        '{"class_names": ["a"], "confusion": "", "mistakes": [{"png": 1}]}',
    ],
)
def test_a_damaged_file_is_named(tmp_path, content):
    run_folders.write_training(tmp_path)
    (tmp_path / "evaluation.json").write_text(content)
    with pytest.raises(ValueError, match=r"evaluation\.json'"):
        visualize.write_report(tmp_path)
    assert not (tmp_path / "report.html").exists()


def test_a_report_shows_table_classes_and_pictures(tmp_path):
    run_folders.write_training(tmp_path, {"dataset": "mine"})
    (tmp_path / "metrics.json").write_text(
        json.dumps({"test_accuracy": 0.5, "parameters": 25_000})
    )
    evaluation = evaluated(*sample())
    evaluation.save(tmp_path)
    page = visualize.write_report(tmp_path).read_text()
    drawn = re.search(
        r'<svg[^>]*aria-label="Confusion matrix.*?</svg>', page, re.S
    )[0]
    numbers = re.findall(r'class="weight"[^>]*>(.*?)<', drawn)
    assert numbers == [
        str(count) if count else "" for count in evaluation.confusion.flat
    ]
    for name, share in evaluation.accuracy_by_class().items():
        cell = name.replace("<", "&lt;").replace(">", "&gt;")
        row = f'<td>{cell}</td><td class="number">{100 * share:.1f}</td>'
        assert row in page
    pictures = re.findall(r'<img alt="([^"]+)" src="data:image/png', page)
    assert len(pictures) == 16
    assert "taken for" in pictures[0]
    [lead] = re.findall(r'<p class="lead">(.*?)</p>', page)
    assert "classifies 50.0% of the test images right" in lead
    assert "25,000 parameters (100 kB in float32)" in lead
    assert "weakest class is" in lead


def test_many_classes_give_a_table_of_the_most_frequent_mistakes(tmp_path):
    names = [f"class {k}" for k in range(40)]
    images, labels, _ = sample(200, 40)
    chosen = np.where(labels == 7, 8, labels)
    evaluation = evaluated(images, labels, np.eye(40)[chosen], names)
    page = visualize.HtmlPage("title")
    evaluation_report.add(page, evaluation)
    text = page.to_html()
    assert "Confusion matrix" not in text
    count = int((labels == 7).sum())
    assert (
        f"<td>class 7</td><td>class 8</td>"
        f'<td class="number">{count}</td>' in text
    )
    assert "The 20 weakest of 40 classes." in text


def test_without_images_nothing_is_shown():
    page = visualize.HtmlPage("title")
    evaluation_report.add(page, visualize.Evaluation(NAMES))
    assert "<h2" not in page.to_html()
