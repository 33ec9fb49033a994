import unicodedata
import warnings

import numpy as np
import pytest
from PIL import Image

from darts_tf.data import image_folder


def write(path, size=(6, 4), mode="RGB", color=(10, 20, 30), **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, color).save(path, **options)


@pytest.fixture
def root(tmp_path):
    for name, value in [("b", 1), ("a", 2), ("c", 3)]:
        for index in range(4):
            color = (value, index, 0)
            write(tmp_path / "train" / name / f"{index}.png", color=color)
        write(tmp_path / "val" / name / "0.PNG", color=(value, 9, 0))
    return tmp_path


def test_classes_are_folders_in_alphabetical_order(root):
    (x, y), (x_test, y_test), names = image_folder.read(root)
    assert names == ("a", "b", "c")
    assert x.shape == (12, 4, 6, 3)
    assert x.dtype == np.uint8
    assert y.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    # The red value was chosen by class, the green one by file.
    assert x[:, 0, 0, 0].tolist() == [2] * 4 + [1] * 4 + [3] * 4
    assert x[:, 3, 5, 1].tolist() == [0, 1, 2, 3] * 3
    assert y_test.tolist() == [0, 1, 2]
    assert x_test[:, 0, 0, 0].tolist() == [2, 1, 3]


@pytest.mark.parametrize("name", image_folder.TEST_FOLDERS)
def test_the_test_folder_has_several_names(root, name):
    (root / "val").rename(root / name)
    _, (x_test, _), _ = image_folder.read(root)
    assert len(x_test) == 3


def test_a_test_folder_without_classes_is_passed_over(root):
    write(root / "test" / "unlabelled.png")
    _, (x_test, _), _ = image_folder.read(root)
    assert len(x_test) == 3


def test_the_test_folder_comes_before_validation(root):
    write(root / "test" / "a" / "0.png", color=(77, 0, 0))
    _, (x_test, _), _ = image_folder.read(root)
    assert x_test[:, 0, 0, 0].tolist() == [77]


def test_other_files_and_hidden_folders_are_passed_over(root):
    (root / "train" / "a" / "notes.txt").write_text("no image")
    (root / "train" / ".cache").mkdir()
    (x, _), _, names = image_folder.read(root)
    assert (len(x), len(names)) == (12, 3)


@pytest.mark.parametrize(
    ("mode", "color", "expected"),
    [
        ("L", 7, [7, 7, 7]),
        ("1", 1, [255, 255, 255]),
        ("RGBA", (1, 2, 3, 128), [1, 2, 3]),
        ("LA", (9, 128), [9, 9, 9]),
    ],
)
def test_every_mode_of_8_bits_becomes_rgb(root, mode, color, expected):
    write(root / "train" / "a" / "0.png", mode=mode, color=color)
    (x, _), _, _ = image_folder.read(root)
    assert x[0, 0, 0].tolist() == expected


def test_transparent_palettes_become_rgb_without_a_warning(root):
    image = Image.new("P", (6, 4), 1)
    image.putpalette([0, 0, 0, 5, 6, 7])
    image.save(root / "train" / "a" / "0.png", transparency=b"\x00\x80")
    (x, _), _, _ = image_folder.read(root)
    assert x[0, 0, 0].tolist() == [5, 6, 7]


def test_jpeg_files_are_read(root):
    write(root / "train" / "a" / "9.JPEG", color=(200, 200, 200))
    (x, _), _, _ = image_folder.read(root)
    # JPEG is lossy; an image of one colour loses a level at most.
    np.testing.assert_allclose(x[4].astype(int), 200, atol=1)


def test_images_of_other_sizes_are_resized_or_refused(root):
    write(root / "train" / "c" / "3.png", size=(9, 9))
    message = r"`image_size`.*train/a/0\.png.*train/c/3\.png.*\(9, 9, 3\)"
    with pytest.raises(ValueError, match=message):
        image_folder.read(root)
    (x, _), (x_test, _), _ = image_folder.read(root, image_size=(5, 7))
    assert x.shape == (12, 5, 7, 3)
    assert x_test.shape == (3, 5, 7, 3)


def test_a_limit_keeps_the_proportions(root):
    (x, y), (x_test, _), names = image_folder.read(root, max_samples=6)
    assert np.bincount(y).tolist() == [2, 2, 2]
    assert x[:, 0, 0, 0].tolist() == [2, 2, 1, 1, 3, 3]
    assert (len(x_test), len(names)) == (3, 3)
    (x, _), _, _ = image_folder.read(root, max_samples=100)
    assert len(x) == 12


def test_an_unreadable_file_is_named(root):
    (root / "train" / "b" / "2.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"8 bits.*train/b/2\.png"):
        image_folder.read(root)


def test_a_truncated_file_is_named(root):
    path = root / "train" / "b" / "2.png"
    noise = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:90])
    with pytest.raises(ValueError, match=r"8 bits.*train/b/2\.png"):
        image_folder.read(root)


def test_files_of_16_bits_are_refused(root):
    write(root / "train" / "b" / "2.png", mode="I;16", color=1000)
    with pytest.raises(ValueError, match=r"2\.png.*I;16"):
        image_folder.read(root)


def test_a_class_that_is_not_in_train_is_refused(root):
    write(root / "val" / "d" / "0.png")
    with pytest.raises(ValueError, match=r"among those of `train`.*val/d"):
        image_folder.read(root)


def test_a_folder_without_classes_is_named(root):
    (root / "train").rename(root / "elsewhere")
    with pytest.raises(ValueError, match=r"contain <class>/\*, or train/<cl"):
        image_folder.read(root)


def test_classes_without_test_images_are_divided(root):
    (root / "val").rename(root.parent / "elsewhere")
    with_train = image_folder.list_files(root)
    (root / "train").rename(root.parent / "flat")
    flat = image_folder.list_files(root.parent / "flat")
    for files in (with_train, flat):
        assert files.class_names == ("a", "b", "c")
        assert files.test_fraction == image_folder.TEST_FRACTION
        # A fifth of four, rounded.
        assert files.train[1].tolist() == [0] * 3 + [1] * 3 + [2] * 3
        assert files.test[1].tolist() == [0, 1, 2]
        assert len({*files.train[0], *files.test[0]}) == 12
    names = [
        [path.rsplit("/", 2)[1:] for path in f.test[0]]
        for f in (with_train, flat)
    ]
    assert names[0] == names[1]


def test_the_share_of_the_test_images_can_be_chosen(root):
    files = image_folder.list_files(root / "train", test_fraction=0.5)
    assert np.bincount(files.test[1]).tolist() == [2, 2, 2]
    with pytest.raises(ValueError, match=r"no test images.*3 test images"):
        image_folder.list_files(root, test_fraction=0.5)
    with pytest.raises(ValueError, match=r"inside \(0, 1\).*=1"):
        image_folder.list_files(root / "train", test_fraction=1)


def test_a_limit_leaves_the_divided_test_images_alone(root):
    files = image_folder.list_files(root / "train", max_samples=3)
    assert np.bincount(files.train[1]).tolist() == [1, 1, 1]
    whole = image_folder.list_files(root / "train")
    assert files.test[0] == whole.test[0]
    assert files.test[1].tolist() == whole.test[1].tolist()


def test_files_beside_the_classes_are_passed_over(root):
    (root / "train" / "README.txt").write_text("photographs")
    files = image_folder.list_files(root / "train")
    assert files.passed_over == {"outside of the classes": ["README.txt"]}


def test_one_image_of_a_class_cannot_be_divided(root):
    write(root / "train" / "d" / "0.png")
    with pytest.raises(ValueError, match=r"two images.*one image of class 'd'"):
        image_folder.list_files(root / "train")


def test_one_class_is_refused(tmp_path):
    write(tmp_path / "a" / "0.png")
    write(tmp_path / "a" / "1.png")
    with pytest.raises(ValueError, match=r"two classes.*'a' alone"):
        image_folder.list_files(tmp_path)


@pytest.mark.parametrize("folder", ["train/b", "val"])
def test_folders_without_images_are_named(root, folder):
    for path in (root / folder).rglob("*.[pP][nN][gG]"):
        path.unlink()
    with pytest.raises(ValueError, match=f"At least one image.*{folder}"):
        image_folder.read(root)


def test_what_is_not_read_is_counted_and_named(root):
    a = root / "train" / "a"
    (a / "._0.png").write_bytes(b"\0\5\26\7")
    (a / ".DS_Store").write_bytes(b"1")
    (root / "val" / "b" / "Thumbs.db").write_bytes(b"1")
    (a / "notes.txt").write_text("no image")
    (a / "0.heic").write_bytes(b"1")
    write(a / "sub" / "0.png")
    write(a / "folder.png" / "0.png")
    (root / "train" / "list.csv").write_text("a")
    write(root / "train" / ".cache" / "0.png")
    write(root / "train" / "__MACOSX" / "._a.png")
    write(root / "valid" / "a" / "0.png")
    files = image_folder.list_files(root)
    assert {why: sorted(paths) for why, paths in files.passed_over.items()} == {
        "hidden": [
            "train/.cache/",
            "train/__MACOSX/",
            "train/a/.DS_Store",
            "train/a/._0.png",
            "val/b/Thumbs.db",
        ],
        "of another kind": ["train/a/0.heic", "train/a/notes.txt"],
        "subfolder": ["train/a/folder.png/", "train/a/sub/"],
        "outside of the classes": ["train/list.csv"],
        "beside the test images": ["valid/"],
    }
    assert files.class_names == ("a", "b", "c")
    assert [len(paths) for paths, _ in (files.train, files.test)] == [12, 3]


def test_nothing_is_passed_over_in_a_folder_of_images_alone(root):
    assert image_folder.list_files(root).passed_over == {}


def test_a_folder_without_images_says_what_there_is_instead(root):
    for index in range(4):
        path = root / "train" / "b" / f"{index}.png"
        path.rename(path.with_suffix(".heic"))
    message = r"train/b' without any, but 4 of another kind \(train/b/0\.heic,"
    with pytest.raises(ValueError, match=message):
        image_folder.read(root)


@pytest.mark.parametrize(
    "name",
    ["9.jpg", "9.jpeg", "9.JFIF", "9.png", "9.bmp", "9.gif", "9.webp"]
    + ["9.tif", "9.TIFF"],
)
def test_every_known_kind_is_read(root, name):
    kind = {".jfif": "JPEG"}.get("." + name.split(".")[1].lower())
    write(root / "train" / "a" / name, format=kind, color=(200, 100, 50))
    (x, _), _, _ = image_folder.read(root)
    assert len(x) == 13
    # JPEG and WebP are lossy; an image of one colour loses a few levels.
    np.testing.assert_allclose(x[4, 0, 0].astype(int), (200, 100, 50), atol=4)


@pytest.mark.parametrize("forms", [("NFC", "NFD"), ("NFD", "NFC")])
def test_names_in_two_forms_of_unicode_are_one_class(root, forms):
    train, test = (unicodedata.normalize(form, "é") for form in forms)
    write(root / "train" / train / "0.png", color=(70, 0, 0))
    write(root / "train" / test / "1.png", color=(71, 0, 0))
    write(root / "val" / test / "0.png", color=(72, 0, 0))
    (x, y), (x_test, y_test), names = image_folder.read(root)
    assert names == ("a", "b", "c", unicodedata.normalize("NFC", "é"))
    assert sorted(x[y == 3][:, 0, 0, 0].tolist()) == [70, 71]
    assert x_test[y_test == 3][:, 0, 0, 0].tolist() == [72]


def test_a_limit_of_pixels_names_the_picture(root, monkeypatch):
    write(root / "train" / "b" / "2.png", size=(30, 20))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 200)
    message = r"not too many pixels.*MAX_IMAGE_PIXELS.*train/b/2\.png"
    with pytest.raises(ValueError, match=message):
        image_folder.read(root, image_size=(4, 6))
    # Up to twice the limit Pillow only warns.
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 400)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        image_folder.read(root, image_size=(4, 6))
    assert any("train/b/2.png has 600 pixels" in str(w.message) for w in caught)


def test_files_of_every_damage_are_named(root):
    path = root / "train" / "b" / "2.png"
    content = path.read_bytes()
    for damaged in (b"", b"<html>", content[:40], content[:-30] + b"\0" * 30):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"8 bits.*train/b/2\.png"):
            image_folder.read(root)
