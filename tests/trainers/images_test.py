"""What a command says of a data set before TensorFlow is imported."""

import pytest

from trainers import images


@pytest.mark.parametrize(
    "name",
    ["digits", "cifar10", "cifar10:3.0.2", "cifar10_1/v4", "imagenet2012"],
)
def test_a_data_set_that_is_known_passes(tmp_path, name):
    images.check(name, str(tmp_path))


def test_what_is_prepared_and_what_is_a_folder_passes(tmp_path, monkeypatch):
    (tmp_path / "own_images" / "1.0.0").mkdir(parents=True)
    images.check("own_images", str(tmp_path))
    images.check("own_images:1.0.0", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    images.check("own_images/1.0.0")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cifra10", r"Close matches: \['cifar10'.*dataset='cifra10'"),
        ("flowers/tran", "path of a folder.*dataset='flowers/tran'"),
        ("./flowers", "does not exist"),
        ("~/no_such_flowers", "does not exist"),
    ],
)
def test_a_misspelled_data_set_is_named(tmp_path, name, message):
    with pytest.raises(ValueError, match=message):
        images.check(name, str(tmp_path))
