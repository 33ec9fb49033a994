import dataclasses

import numpy as np
import pytest
from PIL import Image
from sklearn import datasets

from darts_tf.data import dataset_summary
from darts_tf.data import image_classification
from darts_tf.data import named_dataset


def write_folder(root, sizes=((4, 4), (4, 4))):
    for split in ("train", "test"):
        for name, size in zip(["cat", "dog"], sizes, strict=True):
            (root / split / name).mkdir(parents=True)
            color = (255, 0, 51) if name == "cat" else (0, 0, 51)
            Image.new("RGB", size, color).save(root / split / name / "0.png")


def test_digits_are_those_of_scikit_learn_without_any_lost():
    digits = image_classification.load("digits")
    assert (digits.name, digits.num_classes) == ("digits", 10)
    assert digits.image_shape == (8, 8, 1)
    assert digits.class_names == tuple("0123456789")
    (x, y), (x_test, y_test) = digits.train, digits.test
    assert (len(x), len(x_test)) == (1437, 360)
    assert (x.dtype, y.dtype) == (np.uint8, np.int64)
    # A level k of 0 to 16 became k * 255 / 16, rounded: undo it.
    levels = np.rint(np.concatenate([x, x_test]) * (16 / 255))[..., 0]
    original = datasets.load_digits()
    found = sorted(
        (label, image.tobytes())
        for label, image in zip(
            np.concatenate([y, y_test]), levels, strict=True
        )
    )
    expected = sorted(
        (label, image.tobytes())
        for label, image in zip(original.target, original.images, strict=True)
    )
    assert found == expected


def test_test_digits_have_the_mix_of_all_digits_and_are_always_the_same():
    first = image_classification.load("digits")
    shares = np.bincount(datasets.load_digits().target) * (360 / 1797)
    assert np.all(np.abs(np.bincount(first.test[1]) - shares) < 1)
    again = image_classification.load("digits")
    np.testing.assert_array_equal(first.test[0], again.test[0])


def test_mean_and_deviation_are_those_of_the_training_pixels():
    digits = image_classification.load("digits")
    pixels = digits.train[0].astype("float64") / 255
    # Sums over 92,000 pixels, in another order.
    np.testing.assert_allclose(digits.mean, [pixels.mean()], rtol=1e-10)
    np.testing.assert_allclose(digits.std, [pixels.std()], rtol=1e-10)


def test_statistics_are_per_channel_and_never_zero(tmp_path):
    write_folder(tmp_path)
    loaded = image_classification.load(tmp_path)
    # Red is 255 and 0 in equal shares, green 0, blue 51 = 255 / 5.
    np.testing.assert_allclose(loaded.mean, [0.5, 0, 0.2], rtol=1e-12)
    np.testing.assert_allclose(loaded.std, [0.5, 1 / 255, 1 / 255], rtol=1e-12)
    assert all(type(value) is float for value in loaded.mean + loaded.std)


def test_a_folder_is_read(tmp_path):
    write_folder(tmp_path)
    loaded = image_classification.load(str(tmp_path))
    assert loaded.name == str(tmp_path)
    assert loaded.class_names == ("cat", "dog")
    assert loaded.image_shape == (4, 4, 3)
    assert loaded.test[1].tolist() == [0, 1]


def test_a_folder_of_the_name_of_a_data_set_needs_train(tmp_path, monkeypatch):
    def read(name, *arguments):
        raise LookupError(name)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(named_dataset, "read", read)
    (tmp_path / "cifar10").mkdir()
    with pytest.raises(LookupError, match="cifar10"):
        image_classification.load("cifar10")
    write_folder(tmp_path / "cifar10")
    assert image_classification.load("cifar10").num_classes == 2


@pytest.mark.parametrize(
    ("image_size", "shape"), [(6, (6, 6)), ((6, 5), (6, 5))]
)
def test_images_are_resized(tmp_path, image_size, shape):
    write_folder(tmp_path, sizes=((4, 4), (9, 7)))
    loaded = image_classification.load(tmp_path, image_size=image_size)
    assert loaded.image_shape == (*shape, 3)
    digits = image_classification.load("digits", image_size=image_size)
    assert digits.image_shape == (*shape, 1)
    assert digits.test[0].shape == (360, *shape, 1)


def test_test_images_of_another_size_are_resized_or_refused(tmp_path):
    write_folder(tmp_path)
    for name in ("cat", "dog"):
        path = tmp_path / "test" / name / "0.png"
        Image.new("RGB", (9, 7)).save(path)
    message = r"`image_size`.*\(4, 4, 3\).*\(7, 9, 3\)"
    with pytest.raises(ValueError, match=message):
        image_classification.load(tmp_path)
    loaded = image_classification.load(tmp_path, image_size=5)
    assert loaded.train[0].shape == loaded.test[0].shape == (2, 5, 5, 3)


def test_a_limit_keeps_the_proportions_and_the_test_set():
    limited = image_classification.load("digits", max_samples=100)
    _, labels = image_classification.load("digits").train
    shares = np.bincount(labels) * (100 / 1437)
    assert np.all(np.abs(np.bincount(limited.train[1]) - shares) < 1)
    assert len(limited.train[0]) == 100
    assert len(limited.test[0]) == 360


@pytest.mark.parametrize("name", ["cifar10", "cifar10:3.0.2"])
def test_cifar10_has_the_published_constants(monkeypatch, name):
    received = []

    def read(*arguments):
        received.append(arguments)
        x, y = np.zeros((20, 32, 32, 3), np.uint8), np.arange(20) % 10
        return (x, y), (x[:10], y[:10]), tuple("abcdefghij")

    monkeypatch.setattr(named_dataset, "read", read)
    loaded = image_classification.load(name, "folder", 32, 10, False)
    assert received == [(name, "folder", (32, 32), False)]
    assert loaded.mean == (0.49139968, 0.48215827, 0.44653124)
    assert loaded.std == (0.24703233, 0.24348505, 0.26158768)
    assert np.bincount(loaded.train[1]).tolist() == [1] * 10


def test_a_data_set_cannot_be_changed():
    digits = image_classification.load("digits")
    with pytest.raises(dataclasses.FrozenInstanceError):
        digits.name = "other"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "digits", "data_dir": "x"}, "`data_dir` applies.*'x'"),
        ({"name": "digits", "max_samples": 0}, "max_samples=0"),
        ({"name": "digits", "image_size": 0}, "image_size=0"),
        ({"name": "digits", "image_size": 2.5}, "image_size=2.5"),
        ({"name": "digits", "image_size": (1, 2, 3)}, r"\(1, 2, 3\)"),
        ({"name": "/does/not/exist"}, "train/<class>.*does not exist"),
        ({"name": "photos/labels.csv"}, r"columns path.*does not exist"),
        ({"name": "digits", "test_fraction": 0.5}, "`test_fraction` applies"),
        ({"name": "."}, "train/<class>.*no images in its folders"),
    ],
    ids=str,
)
def test_options_that_do_not_apply_are_refused(
    tmp_path, monkeypatch, options, message
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=message):
        image_classification.load(**options)


def test_images_and_labels_as_they_should_be_pass():
    x, y = np.zeros((3, 4, 4, 1)), np.array([0, 1, 2], np.int32)
    for dtype in ("uint8", "int32", "float16", "float32"):
        image_classification.check_images(x.astype(dtype), y, 3)
    image_classification.check_images(x.tolist(), y.tolist(), 3)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.zeros((2, 4, 4)), [0, 1], r"add a channel axis.*\(2, 4, 4\)"),
        (np.zeros((2, 4, 4, 1)), np.eye(2, dtype=int), "one-hot.*2, 2"),
        (np.zeros((2, 4, 4, 1)), [[0], [1]], r"not one-hot.*\(2, 1\)"),
        (np.zeros((2, 4, 4, 1)), [0.0, 1.0], "integers.*float64"),
        (np.zeros((2, 4, 4, 1)), [0], "2 images, 1 labels"),
        (np.zeros((0, 4, 4, 1)), np.zeros(0, int), "0 images"),
        (np.zeros((2, 4, 4, 1)), [0, 2], r"\[0, 2\).*from 0 to 2"),
        (np.zeros((2, 4, 4, 1)), [-1, 1], "from -1 to 1"),
        (np.full((2, 4, 4, 1), np.nan), [0, 1], "finite"),
        (np.full((2, 4, 4, 1), np.inf, "float32"), [0, 1], "finite"),
        (np.full((2, 4, 4, 1), "a"), [0, 1], "numbers.*U1"),
    ],
)
def test_images_and_labels_of_another_form_are_refused(x, y, message):
    with pytest.raises(ValueError, match=message):
        image_classification.check_images(x, y, 2)


def test_infinities_of_both_signs_are_found():
    x = np.zeros((2, 4, 4, 1), "float32")
    x[0, 0, 0], x[1, 0, 0] = np.inf, -np.inf
    with pytest.raises(ValueError, match="finite"):
        image_classification.check_images(x, [0, 1], 2)


def test_a_folder_says_what_it_holds_and_what_was_passed_over(tmp_path):
    for name in ("train/a/0", "train/a/1", "train/b/0", "test/a/0"):
        path = tmp_path / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(path)
    for name in ("._0.png", "0.heic", "1.heic", "2.heic", "3.heic"):
        (tmp_path / "train" / "a" / name).write_bytes(b"1")
    dataset = image_classification.load(tmp_path)
    assert dataset.class_counts == {"a": (2, 1), "b": (1, 0)}
    assert dataset.describe() == (
        f"{tmp_path}: 3 training and 1 test images in 2 classes, a 2 + 1, "
        "b 1 + 0. Passed over: 1 hidden (train/a/._0.png); 4 of another kind "
        "(train/a/0.heic, train/a/1.heic, train/a/2.heic, ...)."
    )


def test_many_classes_are_said_by_their_extremes():
    counts = {f"c{k}": (10 + k, 1) for k in range(20)}
    text = dataset_summary.describe("set", 390, 20, tuple(counts), counts)
    assert text == (
        "set: 390 training and 20 test images in 20 classes, of 10 (c0) to "
        "29 (c19) training images."
    )


def test_a_bare_name_is_a_folder_if_it_has_images(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("photos/cat", "cifar10/cat", "digits/cat"):
        (tmp_path / name).mkdir(parents=True)
    # Results of an earlier run, say; the name is that of a data set.
    assert image_classification.find_folder("cifar10") is None
    for name in ("photos", "digits"):
        (tmp_path / name / "cat" / "0.JPG").touch()
    found = image_classification.find_folder("photos")
    assert found.resolve() == tmp_path / "photos"
    assert image_classification.find_folder("digits") is None


def test_a_folder_without_images_is_named_beside_the_close_matches(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "foto" / "cats").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"folder 'foto' has no .* matches"):
        image_classification.load("foto", data_dir=tmp_path)
