"""Images however users have them, and what is wrong with them."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from darts_tf.classifier import parts
from darts_tf.classifier import pictures
from darts_tf.classifier import sources

GENERATOR = np.random.default_rng(0)


def arrays(count=20, classes=2, channels=3, size=8):
    x = GENERATOR.integers(0, 256, (count, size, size, channels), "uint8")
    return x, np.arange(count) % classes


@pytest.fixture
def photos(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(8):
            size = (12, 9) if number else (30, 20)  # one of another size
            pixels = GENERATOR.integers(0, 256, (*size, 3), "uint8")
            path = tmp_path / "photos" / name / f"{number}.png"
            Image.fromarray(pixels).save(path)
    return tmp_path / "photos"


def test_a_folder_of_several_sizes_is_read_at_one(photos):
    source = sources.of_name(photos)
    images, test = source.read(8)
    assert (images.shape, test.shape) == ((12, 8, 8, 3), (4, 8, 8, 3))
    assert (source.class_names, source.size) == (("cat", "dog"), 9)
    assert not source.is_grey
    assert len(source.items[0]) == 12
    assert all((photos / path).exists() for path in sum(source.items, []))


def test_the_same_images_come_from_all_kinds_of_data():
    x, y = arrays()
    expected = sources.of_arrays(x, y)

    class Batches(keras.utils.PyDataset):
        num_batches = 4

        def __getitem__(self, index):
            rows = slice(5 * index, 5 * index + 5)
            return x[rows], y[rows]

    for data in (
        (x, np.eye(2)[y]),
        (x, np.array(["0", "1"])[y]),
        (x / 255, y),
        (x.astype("float32"), y[:, None]),
        (Batches(),),
    ):
        source = sources.of_arrays(*data)
        for got, wanted in zip(source.read(8), expected.read(8), strict=True):
            np.testing.assert_array_equal(got, wanted)
        np.testing.assert_array_equal(source.labels, expected.labels)
        assert source.class_names == ("0", "1")
        assert source.items == expected.items


def test_a_directory_of_keras_keeps_the_names_of_its_classes(photos):
    dataset = keras.utils.image_dataset_from_directory(
        photos, image_size=(8, 8), batch_size=5, verbose=False
    )
    source = sources.of_arrays(dataset)
    assert source.class_names == ("cat", "dog")
    assert len(source.labels) + len(source.test_labels) == 16


def test_test_data_of_a_user_are_taken_as_they_are():
    x, y = arrays()
    source = sources.of_arrays(x, y, (x[:4], y[:4]))
    assert (len(source.labels), len(source.test_labels)) == (20, 4)
    with pytest.raises(ValueError, match="where there are no test images"):
        sources.of_arrays(x, y, (x, y), test_fraction=0.3)


def test_labels_of_known_classes_are_found_by_name():
    x, _ = arrays(4)
    _, labels = sources.labelled(
        x, ["dog", "cat", "dog", "dog"], ("cat", "dog")
    )
    assert labels.tolist() == [1, 0, 1, 1]
    with pytest.raises(ValueError, match="Received: 'cow'"):
        sources.labelled(x, ["dog", "cat", "cow", "dog"], ("cat", "dog"))


def test_grey_images_are_noticed():
    x, y = arrays(channels=1)
    assert sources.of_arrays(x, y).is_grey
    assert sources.of_arrays(np.repeat(x, 3, -1), y).is_grey
    assert not sources.of_arrays(*arrays()).is_grey


def test_pixels_are_numbers_up_to_255_or_floats_up_to_1():
    assert pictures.pixels(np.array([0.0, 0.5, 1.0])).tolist() == [0, 128, 255]
    assert pictures.pixels(np.array([0.0, 99.6])).tolist() == [0, 100]
    for wrong in ([-1.0, 1.0], [0, 1000]):
        with pytest.raises(ValueError, match="from 0 to 255"):
            pictures.pixels(np.array(wrong))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0] * 20, "At least two classes"),
        ([0] * 18 + [1] * 2, "at least 4 images.*class '1'"),
        ([0] * 10 + [2] * 10, "none of class '1'"),
        ([0] * 19 + [1], "at least two samples"),
    ],
)
def test_classes_without_enough_images_are_refused(labels, message):
    x, _ = arrays()
    with pytest.raises(ValueError, match=message):
        sources.of_arrays(x, np.array(labels))


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "must contain"),
        ({"a/0.txt": 3, "b/0.txt": 3}, "must contain"),
        ({"cat/0.png": 8}, "At least two classes"),
        ({"cat/0.png": 1, "dog/0.png": 1}, "at least two images"),
        ({"cat/0.png": 3, "dog/0.png": 8}, "at least 4 images.*'cat'"),
        (
            {"train/cat/0.png": 8, "train/dog/0.png": 8, "test/cow/0.png": 3},
            "must be among those of `train`",
        ),
    ],
)
def test_folders_that_cannot_work_are_refused_in_one_line(
    tmp_path, files, message
):
    root = tmp_path / "photos"
    root.mkdir()
    for name, count in files.items():
        path = root / name
        path.parent.mkdir(parents=True)
        for number in range(count):
            file = path.with_stem(str(number))
            if file.suffix == ".txt":
                file.write_text("cat")
            else:
                Image.new("RGB", (8, 8)).save(file)
    with pytest.raises(ValueError, match=message) as error:
        sources.of_name(root)
    assert len(str(error.value).splitlines()) == 1


def test_a_text_that_is_called_a_picture_is_named(photos):
    (photos / "cat" / "0.png").write_text("no picture")
    with pytest.raises(ValueError, match="cat/0.png"):
        sources.of_name(photos)


def test_a_data_set_without_end_or_labels_is_refused():
    x, y = arrays()
    endless = tf.data.Dataset.from_tensor_slices((x, y)).repeat()
    with pytest.raises(ValueError, match="without end"):
        sources.of_arrays(endless)
    with pytest.raises(ValueError, match="y=None"):
        sources.of_arrays(x)


def test_each_class_is_in_each_part_and_the_seed_decides(tmp_path):
    x, y = arrays(60, classes=3)
    source = sources.of_arrays(x, y)
    found = parts.divide(source.labels, 0)
    assert not set(found.train) & set(found.validation)
    assert set(source.labels[found.validation]) == {0, 1, 2}
    other = parts.divide(source.labels, 1)
    assert found.validation.tolist() != other.validation.tolist()
    parts.write(tmp_path, source, found, 0)
    parts.write(tmp_path, source, found, 0)  # the same run goes on
    with pytest.raises(ValueError, match="other images"):
        parts.write(tmp_path, sources.of_arrays(255 - x, y), found, 0)
