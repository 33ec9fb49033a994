"""Tables of paths and labels, as people export them."""

import numpy as np
import pytest
from PIL import Image

from darts_tf.data import image_classification
from darts_tf.data import image_folder
from darts_tf.data import image_table


@pytest.fixture
def folder(tmp_path):
    for name in ("0.png", "1.png", "2.png", "3.png"):
        Image.new("L", (4, 4), int(name[0])).save(tmp_path / name)
    return tmp_path


def table(folder, text):
    path = folder / "labels.csv"
    path.write_bytes(text.encode("utf-8"))
    return path


@pytest.mark.parametrize(
    "text",
    [
        "path,label\n0.png,dog\n1.png,cat\n",
        "Filename, Class\r\n0.png, dog\r\n1.png, cat\r\n",
        '\ufeffid,image,target\n7,"0.png",dog\n8,"./1.png",cat\n',
    ],
    ids=["plain", "windows", "excel"],
)
def test_the_columns_are_found_by_the_names_that_people_use(folder, text):
    (paths, labels), test, class_names = image_table.read(table(folder, text))
    assert [path[-5:] for path in paths] == ["0.png", "1.png"]
    assert labels.tolist() == [1, 0]
    assert (test, class_names) == (None, ("cat", "dog"))


def test_a_column_says_which_are_the_test_images(folder):
    text = (
        "path,label,split\n0.png,a,train\n1.png,b,val\n"
        "2.png,a,test\n3.png,b,train\n"
    )
    files = image_folder.list_files(table(folder, text))
    assert files.train[1].tolist() == [0, 1, 1]
    assert files.test[1].tolist() == [0]
    assert files.test_fraction is None
    text = text.replace("2.png,a,test", "2.png,a,train")
    files = image_folder.list_files(table(folder, text))
    assert files.train[1].tolist() == [0, 0, 1]
    assert files.test[1].tolist() == [1]


def test_a_table_is_a_data_set_like_a_folder(folder):
    text = "path,label\n0.png,a\n1.png,b\n2.png,a\n3.png,b\n"
    dataset = image_classification.load(table(folder, text))
    assert dataset.train[0].shape == (2, 4, 4, 3)
    pixels = np.concatenate([dataset.train[0], dataset.test[0]])
    assert sorted(pixels[:, 0, 0, 0].tolist()) == [0, 1, 2, 3]
    assert "Test images: 0.2 of each class, held out." in dataset.describe()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,label\n", "At least one image.*first line alone"),
        ("", "column 'path'.*\\[\\]"),
        ("path;label\n0.png;a\n", "with commas.*path;label"),
        ("path,name\n0.png,a\n", "column 'label'.*'name'"),
        ("path,label\n0.png,a\n9.png,b\n", "'9.png' in line 3 of .*labels"),
        ("path,label\n0.png,\n", "path and a label.*line 2"),
        ("path,label\n0.png\n", "path and a label.*line 2"),
        ("path,label,split\n0.png,a,0.7\n", "'train', 'test'.*'0.7' in line"),
        (
            "path,label,split\n0.png,a,train\n1.png,b,test\n",
            "training image.*'b'",
        ),
    ],
    ids=[
        "no_lines",
        "empty",
        "semicolons",
        "no_label",
        "no_file",
        "empty_label",
        "short_line",
        "unknown_part",
        "class_in_test_only",
    ],
)
def test_a_table_that_cannot_be_used_is_named_with_its_line(
    folder, text, message
):
    with pytest.raises(ValueError, match=message):
        image_table.read(table(folder, text))


def test_a_table_in_another_encoding_is_refused(folder):
    path = folder / "labels.csv"
    path.write_bytes("path,label\n0.png,caf\xe9\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"UTF-8.*labels\.csv"):
        image_table.read(path)
