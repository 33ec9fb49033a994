"""`trainers.image_classifier`: its flags, and the whole of it, killed."""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image
from sklearn import datasets

import darts_tf
from darts_tf.files import json_file
from trainers import image_classifier
from trainers import options

ROOT = pathlib.Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"minutes": 0}, "Received: minutes=0"),
        ({"keep": "random"}, r"must be one of .*Received: keep='random'"),
        ({"flip": "maybe"}, "Received: flip='maybe'"),
        ({"max_bytes": -1}, "Received: max_bytes=-1"),
        ({"image_size": 0}, "Received: image_size=0"),
    ],
)
def test_values_that_cannot_work_are_refused(values, message):
    given = {"dataset": "digits", "workdir": "run", **values}
    with pytest.raises(ValueError, match=message):
        options.resolve(image_classifier.Config, overrides=given)


def test_a_folder_of_something_else_is_not_written_to(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    config = options.resolve(
        image_classifier.Config,
        overrides={"dataset": "digits", "workdir": str(tmp_path)},
    )
    with pytest.raises(FileExistsError, match="nothing is overwritten"):
        image_classifier.run(config)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_run_goes_on_with_the_wishes_it_was_begun_with(tmp_path):
    (tmp_path / "plan.json").write_text("{}")
    json_file.write(
        tmp_path / "configuration.json",
        {
            "name": "digits",
            "minutes": 30.0,
            "seed": 0,
            "keep": "best",
            "image_size": None,
            "flip": None,
            "budgets": {},
        },
    )
    config = options.resolve(
        image_classifier.Config,
        overrides={"dataset": "digits", "workdir": str(tmp_path), "seed": 1},
    )
    with pytest.raises(ValueError, match="seed=0.*Received: seed=1"):
        image_classifier.run(config)


@pytest.fixture(scope="module")
def scanned(tmp_path_factory):
    """Returns a folder of digits as pictures, some of another size."""
    root = tmp_path_factory.mktemp("data") / "scanned"
    digits = datasets.load_digits(n_class=4)
    for number, (image, label) in enumerate(
        zip(digits.images, digits.target, strict=True)
    ):
        path = root / str(label) / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.rint(image * 255 / 16).astype("uint8")
        size = (16, 16) if number % 50 else (24, 20)
        Image.fromarray(pixels).resize(size).save(path)
    return root


def _start(folder, dataset, minutes):
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "trainers.image_classifier",
            f"--dataset={dataset}",
            f"--minutes={minutes}",
            f"--workdir={folder}",
            "--max_parameters=60000",
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _kill_when(process, there, number):
    """Kills a command as soon as something is there."""
    deadline = time.monotonic() + 1800
    while not there():
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.2)
    process.send_signal(number)
    return process.communicate()[0]


def _minutes_that_are_enough(folder, dataset):
    """Returns how many minutes this machine needs; it may have other work."""
    process = _start(folder, dataset, 0.1)
    log = process.communicate()[0]
    assert process.returncode == 1
    least = float(re.search(r"error: At least ([\d.]+) minutes", log)[1])
    spent = json.loads((folder / "clock.json").read_text())["seconds"] / 60
    return round(1.5 * (least + spent) + 1, 1)


@pytest.mark.slow
def test_the_whole_command_killed_twice_ends_with_its_files(scanned, tmp_path):
    folder = tmp_path / "run"
    minutes = _minutes_that_are_enough(folder, scanned)
    log = _kill_when(
        _start(folder, scanned, minutes),
        (folder / "search_0" / "checkpoint.npz").exists,
        signal.SIGKILL,
    )
    assert "Plan: " in log
    log = _kill_when(
        _start(folder, scanned, minutes),
        (folder / "train_searched" / "checkpoint.npz").exists,
        signal.SIGINT,
    )
    assert "Measuring" not in log
    assert "going on after step" in log
    assert "The same command goes on." in log
    last = _start(folder, scanned, minutes)
    log, _ = last.communicate()
    assert last.returncode == 0, log
    results = json.loads((folder / "results.json").read_text())
    assert results["networks"][results["best"]]["test_accuracy"] > 0.8
    sizes = [n["parameters"] for n in results["networks"].values()]
    assert max(sizes) < 60_000
    assert max(sizes) / min(sizes) < 1.12
    for name in (
        "network.keras",
        "network_float32.tflite",
        "network_int8.tflite",
        "saved_model/saved_model.pb",
        "report.html",
        "results.md",
        "search_0/report.html",
    ):
        assert (folder / name).exists(), name
    split = json.loads((folder / "split.json").read_text())
    every = split["train"] + split["validation"] + split["test"]
    assert len(set(every)) == len(every) == len(list(scanned.rglob("*.png")))
    _check_loaded(folder, scanned, split)


def _check_loaded(folder, scanned, split):
    """Classifies the test files by the network and by its int8 file."""
    classifier = darts_tf.ImageClassifier.load(folder)
    paths = [str(scanned / name) for name in split["test"]]
    names, probabilities = classifier.classify(paths)
    assert probabilities.shape == (len(paths), 4)
    right = np.mean(
        [
            name == path.split("/")[-2]
            for name, path in zip(names, paths, strict=True)
        ]
    )
    assert right == pytest.approx(classifier.evaluate()["accuracy"], abs=0.03)
    files = classifier.export(folder.parent / "files", ["int8"])
    assert files["int8"].stat().st_size > 1000
