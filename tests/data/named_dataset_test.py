import re
import socket

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from darts_tf.data import named_dataset


def prepare(data_dir, name="toy", label=None, shape=(4, 6, 1), **options):
    """Prepares a data set of two images for each split in `data_dir`."""
    generator = np.random.default_rng(0)
    examples = {
        split: [
            (
                index,
                {
                    "image": generator.integers(0, 256, size, dtype=np.uint8),
                    "label": index,
                    "note": "not read",
                },
            )
            for index, size in enumerate(options.get("sizes", [shape] * 2))
        ]
        for split in options.get("splits", ["train", "test"])
    }
    features = tfds.features.FeaturesDict(
        {
            "image": tfds.features.Image(shape=options.get("declared", shape)),
            "label": label or tfds.features.ClassLabel(names=["cat", "dog"]),
            "note": tfds.features.Text(),
        }
    )
    tfds.dataset_builders.store_as_tfds_dataset(
        name=name,
        version=options.get("version", "1.0.0"),
        config=options.get("config"),
        features=features,
        split_datasets=examples,
        data_dir=data_dir,
    )
    return examples


@pytest.fixture
def no_network(monkeypatch):
    def refuse(address, timeout=None):
        raise OSError(f"no route to {address[0]}:{address[1]}")

    monkeypatch.setattr(socket, "create_connection", refuse)


def test_prepared_data_are_read_without_a_network(tmp_path, no_network):
    examples = prepare(tmp_path)
    train, test, names = named_dataset.read("toy", tmp_path)
    assert names == ("cat", "dog")
    for (x, y), split in [(train, "train"), (test, "test")]:
        assert x.dtype == np.uint8
        assert y.dtype == np.int64
        order = np.argsort(y)
        assert y[order].tolist() == [0, 1]
        expected = [example["image"] for _, example in examples[split]]
        np.testing.assert_array_equal(x[order], expected)


def test_validation_stands_in_for_a_missing_test_split(tmp_path):
    prepare(tmp_path, splits=["train", "validation"])
    _, test, _ = named_dataset.read("toy", tmp_path)
    assert len(test[0]) == 2


def test_a_set_without_any_test_split_is_refused(tmp_path):
    prepare(tmp_path, splits=["train", "unsupervised"])
    with pytest.raises(ValueError, match=r"splits.*'train', 'unsupervised'"):
        named_dataset.read("toy", tmp_path)


def test_images_of_different_sizes_need_a_size(tmp_path):
    prepare(tmp_path, sizes=[(4, 6, 3), (5, 5, 3)], declared=(None, None, 3))
    with pytest.raises(ValueError, match=r"`image_size`.*toy train\[0\]"):
        named_dataset.read("toy", tmp_path)
    (x, _), _, _ = named_dataset.read("toy", tmp_path, image_size=(3, 2))
    assert x.shape == (2, 3, 2, 3)


def _store(data_dir, images, feature):
    """Prepares a data set of one split's images, as files or as arrays."""
    examples = [
        (number, {"image": image, "label": number % 2})
        for number, image in enumerate(images)
    ]
    tfds.dataset_builders.store_as_tfds_dataset(
        name="toy",
        version="1.0.0",
        features=tfds.features.FeaturesDict(
            {
                "image": feature,
                "label": tfds.features.ClassLabel(names=["cat", "dog"]),
            }
        ),
        split_datasets={"train": examples, "test": examples},
        data_dir=data_dir,
    )


def test_pictures_are_turned_upright_as_their_files_say(tmp_path):
    seen = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)
    lying = {
        1: seen,
        3: seen[::-1, ::-1],
        6: np.rot90(seen),
        7: seen.transpose(1, 0, 2)[::-1, ::-1],
    }
    for orientation, pixels in lying.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        image = Image.fromarray(np.ascontiguousarray(pixels))
        image.save(tmp_path / f"{orientation}.png", exif=exif)
    files = [str(tmp_path / f"{orientation}.png") for orientation in lying]
    _store(tmp_path, files, tfds.features.Image(shape=(None, None, 3)))
    for x, y in named_dataset.read("toy", tmp_path)[:2]:
        np.testing.assert_array_equal(x, [seen] * 4)
        assert sorted(y) == [0, 0, 1, 1]


def test_images_that_are_no_files_are_read_as_they_are(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (2, 4, 6, 3), np.uint8)
    feature = tfds.features.Tensor(shape=(4, 6, 3), dtype=np.uint8)
    _store(tmp_path, list(images), feature)
    (x, y), *_ = named_dataset.read("toy", tmp_path)
    np.testing.assert_array_equal(x[np.argsort(y)], images)


def test_labels_must_be_classes(tmp_path):
    prepare(tmp_path, label=tfds.features.Scalar(np.int64))
    with pytest.raises(ValueError, match="`label`, a class.*name='toy'"):
        named_dataset.read("toy", tmp_path)


def test_the_newest_prepared_version_is_taken_or_the_one_asked_for(tmp_path):
    for version, height in [("1.9.0", 3), ("1.10.0", 4)]:
        prepare(tmp_path, version=version, shape=(height, 6, 1))
    (newest, _), _, _ = named_dataset.read("toy", tmp_path)
    (asked, _), _, _ = named_dataset.read("toy:1.9.0", tmp_path)
    assert (newest.shape[1], asked.shape[1]) == (4, 3)


def test_a_configuration_must_be_chosen_if_there_are_several(tmp_path):
    prepare(tmp_path, config="large", shape=(8, 8, 1))
    (x, _), _, _ = named_dataset.read("toy", tmp_path)
    assert x.shape[1] == 8
    prepare(tmp_path, config="small", shape=(2, 2, 1))
    with pytest.raises(ValueError, match=r"\['large', 'small'\].*'toy'"):
        named_dataset.read("toy", tmp_path)
    (x, _), _, _ = named_dataset.read("toy/small", tmp_path)
    assert x.shape[1] == 2


def test_an_unknown_name_lists_what_is_close(tmp_path):
    with pytest.raises(ValueError, match=r"'digits'.*folder.*'cifar10'"):
        named_dataset.read("cifra10", tmp_path)


def test_a_dead_network_is_noticed_before_the_download(tmp_path, no_network):
    message = r"not prepared in.*no answer.*:443.*--dataset=digits.*folder"
    with pytest.raises(ConnectionError, match=message):
        named_dataset.read("cifar10", tmp_path)
    assert not list(tmp_path.iterdir())


def test_downloading_can_be_forbidden(tmp_path):
    with pytest.raises(FileNotFoundError, match="download=False"):
        named_dataset.read("cifar10", tmp_path, download=False)


def test_manual_preparation_is_asked_for_at_once(tmp_path):
    with pytest.raises(FileNotFoundError, match="tfds build imagenet2012"):
        named_dataset.read("imagenet2012", tmp_path)


def test_a_host_that_refuses_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("urllib.request.getproxies", dict)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))  # bound, but not listening
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/data.tar"
        with pytest.raises(ConnectionError, match=r"no answer from 127\.0"):
            named_dataset._check_reachable("toy", tmp_path, url)


@pytest.mark.parametrize("through_proxy", [False, True])
def test_a_host_or_proxy_that_answers_is_enough(
    tmp_path, monkeypatch, through_proxy
):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = f"http://127.0.0.1:{listener.getsockname()[1]}"
        proxies = {"http": server} if through_proxy else {}
        monkeypatch.setattr("urllib.request.getproxies", lambda: proxies)
        url = "http://unknown.invalid/data.tar" if through_proxy else server
        named_dataset._check_reachable("toy", tmp_path, url)


def test_a_set_that_is_not_prepared_is_prepared(tmp_path):
    class DartsToyImages(tfds.core.GeneratorBasedBuilder):
        """Images that are made here instead of downloaded."""

        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            return tfds.core.DatasetInfo(
                builder=self,
                features=tfds.features.FeaturesDict(
                    {
                        "image": tfds.features.Image(shape=(2, 2, 1)),
                        "label": tfds.features.ClassLabel(num_classes=3),
                    }
                ),
            )

        def _split_generators(self, dl_manager):
            return {"train": self._images(6), "test": self._images(3)}

        def _generate_examples(self):
            raise NotImplementedError

        @staticmethod
        def _images(count):
            for index in range(count):
                image = np.full((2, 2, 1), index, np.uint8)
                yield index, {"image": image, "label": index % 3}

    name = re.sub(r"(?<!^)(?=[A-Z])", "_", DartsToyImages.__name__).lower()
    (x, y), (x_test, _), names = named_dataset.read(name, tmp_path)
    assert (len(x), len(x_test), len(names)) == (6, 3, 3)
    np.testing.assert_array_equal(x[:, 0, 0, 0] % 3, y)
    again = named_dataset.read(name, tmp_path, download=False)
    np.testing.assert_array_equal(again[0][0], x)
