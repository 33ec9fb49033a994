"""Data sets that are read while they are used."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image

from darts_tf.data import imagenet_augmentation
from darts_tf.data import lazy_images

KINDS = ("folder", "records")


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """The same 12 + 4 images of several sizes as a folder and as records."""
    root = tmp_path_factory.mktemp("lazy")
    rng = np.random.default_rng(0)
    examples = {"train": [], "test": []}
    for part, count in (("train", 12), ("test", 4)):
        for k in range(count):
            # The mean says which image it is.
            noise = rng.integers(0, 5, (6 + k, 8, 3))
            pixels = (noise + 20 * k).astype("uint8")
            path = root / "folder" / part / f"c{k % 2}" / f"{k:02}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
            examples[part].append((k, {"image": pixels, "label": k % 2}))
    tfds.dataset_builders.store_as_tfds_dataset(
        name="lazy_set",
        version="1.0.0",
        features=tfds.features.FeaturesDict(
            {
                "image": tfds.features.Image(shape=(None, 8, 3)),
                "label": tfds.features.ClassLabel(names=["c0", "c1"]),
            }
        ),
        split_datasets=examples,
        data_dir=root / "tfds",
    )
    return {
        "folder": lazy_images.load(root / "folder"),
        "records": lazy_images.load("lazy_set", data_dir=root / "tfds"),
        "root": root,
    }


def _numbers(images):
    """Returns which image each one is, from standardised pixels."""
    mean = np.array(images).mean((1, 2, 3)) * 255
    return np.floor(mean / 20).astype(int).tolist()


PLAIN = imagenet_augmentation.evaluation_transform(
    6, mean=(0, 0, 0), std=(1, 1, 1)
)


@pytest.mark.parametrize("kind", KINDS)
def test_each_epoch_has_each_image_once_in_an_order_of_its_own(sources, kind):
    data = sources[kind]
    assert (data.num_train, data.num_test) == (12, 4)
    assert data.class_names == ("c0", "c1")
    batches = list(data.train(4, 0, transform=PLAIN).take(6))
    numbers = [_numbers(x) for x, _ in batches]
    for batch, (_, y) in zip(numbers, batches, strict=True):
        assert [number % 2 for number in batch] == y.numpy().tolist()
    epochs = [sum(numbers[:3], []), sum(numbers[3:], [])]
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(12))
    assert epochs[0] != list(range(12))
    if kind == "folder":  # one file of records is drawn from in one way
        assert epochs[0] != epochs[1]


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_can_be_entered_at_any_step(sources, kind):
    transform = imagenet_augmentation.training_transform(6)
    whole = list(sources[kind].train(4, 7, transform=transform).take(5))
    later = sources[kind].train(4, 7, start_step=2, transform=transform)
    for (x, y), (x_later, y_later) in zip(
        whole[2:], later.take(3), strict=True
    ):
        np.testing.assert_array_equal(x, x_later)
        np.testing.assert_array_equal(y, y_later)
    other = next(iter(sources[kind].train(4, 8, transform=transform)))
    assert np.any(np.array(other[0]) != np.array(whole[0][0]))


@pytest.mark.parametrize("kind", KINDS)
def test_the_test_images_come_once_with_a_smaller_last_batch(sources, kind):
    batches = list(sources[kind].test(3, PLAIN))
    assert [len(y) for _, y in batches] == [3, 1]
    numbers = sum((_numbers(x) for x, _ in batches), [])
    assert sorted(numbers) == [0, 1, 2, 3]


def test_without_a_transform_encoded_images_come(sources):
    for kind in KINDS:
        x, _ = next(iter(sources[kind].train(2, 0)))
        assert x.dtype.name == "string"


def test_options_that_do_not_apply_are_refused(sources):
    root = sources["root"]
    with pytest.raises(ValueError, match="max_samples=3"):
        lazy_images.load("lazy_set", root / "tfds", max_samples=3)
    with pytest.raises(ValueError, match="max_samples=0"):
        lazy_images.load(root / "folder", max_samples=0)
    with pytest.raises(ValueError, match="data_dir"):
        lazy_images.load(root / "folder", root / "tfds")
    assert lazy_images.load(root / "folder", max_samples=4).num_train == 4


def _folder(root):
    for part in ("train", "val"):
        for name, color in (("a", 10), ("b", 200)):
            path = root / part / name / "0.png"
            path.parent.mkdir(parents=True)
            Image.new("L", (8, 6), color).save(path)
    return root


def test_pictures_that_lie_are_turned_and_all_kinds_are_read(tmp_path):
    root = _folder(tmp_path)
    lying = np.zeros((8, 8, 3), "uint8")
    lying[:, :4] = 250
    exif = Image.Exif()
    exif[0x0112] = 6  # the left side is up
    Image.fromarray(lying).save(root / "val/a/0.png", exif=exif)
    Image.fromarray(lying).save(root / "val/b/1.tif")
    (x, _), *_ = lazy_images.load(root).test(3, PLAIN)
    top, left = np.array(x)[:, 0, 5, 0], np.array(x)[:, 5, 0, 0]
    assert top[0] > left[0] + 0.9
    assert left[2] > top[2] + 0.9


def test_a_torn_picture_is_named(tmp_path):
    root = _folder(tmp_path)
    path = root / "val" / "b" / "0.png"
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(tf.errors.OpError, match="val/b/0.png"):
        list(lazy_images.load(root).test(2, PLAIN))


def test_a_data_set_says_what_it_holds(tmp_path, sources):
    root = _folder(tmp_path)
    (root / "train" / "a" / ".DS_Store").write_bytes(b"1")
    data = lazy_images.load(root)
    assert data.class_counts == {"a": (1, 1), "b": (1, 1)}
    assert data.describe() == (
        f"{root}: 2 training and 2 test images in 2 classes, a 1 + 1, b 1 + 1. "
        "Passed over: 1 hidden (train/a/.DS_Store)."
    )
    # Records do not say how many there are of a class.
    assert sources["records"].describe() == (
        "lazy_set: 12 training and 4 test images in 2 classes."
    )
