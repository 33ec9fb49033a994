"""Whatever comes in from outside gives a result or a `ValueError`.

Any other exception fails these tests. What is tested beside the part it
belongs to is not repeated here.
"""

import contextlib
import io
import json
import zipfile

import hypothesis
import keras
import numpy as np
import pytest
from hypothesis import strategies as st

import darts_tf
from darts_tf.data import image_classification
from darts_tf.search.tasks import image_arrays
from darts_tf.search.tasks import token_arrays
from trainers import cnn_search
from trainers import cnn_train
from trainers import genotypes
from trainers import imagenet_train
from trainers import options
from trainers import ptb_search
from trainers import ptb_train

TRAINERS = (cnn_search, cnn_train, imagenet_train, ptb_search, ptb_train)
many = hypothesis.settings(
    deadline=None,
    max_examples=300,
    # A file of its own for each example would be the folder's slowest part.
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)


@many
@hypothesis.given(content=st.binary(max_size=200))
def test_random_bytes_are_no_genotype_file(tmp_path, content):
    path = tmp_path / "genotype.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"genotype\.json"):
        darts_tf.Genotype.load(path)


@many
@hypothesis.given(text=st.text(max_size=60))
def test_random_text_names_no_genotype(text):
    # Hypothesis draws strings of the source code, too, and names are there.
    text = text.replace("\0", "")
    hypothesis.assume(not text.startswith("random:"))
    hypothesis.assume(
        text.upper().replace("-", "_") not in darts_tf.zoo.names()
    )
    with pytest.raises(ValueError, match="Received"):
        genotypes.read(text, "conv")


@pytest.mark.parametrize("depth", [100, 1_000, 20_000])
@pytest.mark.parametrize("brackets", ["[]", "()", "{}", "-1", "a."])
def test_nesting_is_refused_in_the_published_form(depth, brackets):
    opening, closing = brackets
    text = f"Genotype(normal={opening * depth}{closing * depth})"
    with pytest.raises(ValueError, match="Received"):
        darts_tf.Genotype.from_text(text)


@pytest.mark.parametrize(
    "code",
    [
        "__import__('os').system('touch stolen')",
        "[open('stolen', 'w') for _ in 'a']",
        "(lambda: exec('import os'))()",
        "f\"{open('stolen', 'w')}\"",
    ],
)
def test_code_in_a_genotype_is_not_run(tmp_path, monkeypatch, code):
    monkeypatch.chdir(tmp_path)
    for text in (f"Genotype(normal={code}, normal_concat=range(2, 6))", code):
        with pytest.raises(ValueError, match="Received"):
            darts_tf.Genotype.from_text(text)
    assert not list(tmp_path.iterdir())


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@many
@hypothesis.given(
    key=st.sampled_from(sorted(darts_tf.SearchSpace.conv().get_config())),
    value=_json,
)
def test_any_value_in_the_config_of_a_space(key, value):
    config = {**darts_tf.SearchSpace.conv().get_config(), key: value}
    with contextlib.suppress(ValueError):
        darts_tf.SearchSpace.from_config(config)


def test_unknown_operations_are_named():
    edge = darts_tf.Edge("sep_conv_9x9", 0)
    cell = darts_tf.Cell(((edge, edge),), (2,))
    with pytest.raises(ValueError, match="sep_conv_9x9"):
        darts_tf.ConvNetwork(darts_tf.Genotype(cell, cell), 2, 2, 3)


_dtypes = st.sampled_from(
    ["float32", "float16", "uint8", "int64", "bool", "complex64", "U3", "O"]
)
_shapes = st.lists(st.integers(0, 4), max_size=5).map(tuple)


@many
@hypothesis.given(_shapes, _dtypes, _shapes, _dtypes, st.integers(-1, 9))
def test_any_arrays_in_place_of_images(
    shape, dtype, label_shape, label_dtype, batch_size
):
    x = np.zeros(shape).astype(dtype)
    y = np.zeros(label_shape).astype(label_dtype)
    with contextlib.suppress(ValueError):
        image_classification.check_images(x, y, num_classes=2)
        arrays = image_arrays.ImageArrays(x, y, batch_size, None, None)
        arrays.steps_per_epoch(None)
        assert x.ndim == 4
        assert len(x) == len(y) > 0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_an_image_that_is_not_finite_is_refused(value, dtype):
    x = np.zeros((4, 8, 8, 1), dtype)
    x[2, 3, 4, 0] = value
    with pytest.raises(ValueError, match="finite"):
        image_classification.check_images(x, np.zeros(4, int), 2)


@pytest.mark.parametrize("dtype", ["complex64", "bool", "datetime64[s]", "O"])
def test_images_that_are_no_real_numbers_are_refused(dtype):
    with pytest.raises(ValueError, match="real numbers"):
        image_classification.check_images(
            np.zeros((4, 8, 8, 1)).astype(dtype), np.zeros(4, int), 2
        )


@pytest.mark.parametrize("labels", [[0, 2], [-1, 0], [0.0, 1.0], [[0], [1]]])
def test_labels_that_are_none_are_refused(labels):
    with pytest.raises(ValueError, match="Labels"):
        image_classification.check_images(
            np.zeros((2, 8, 8, 1)), np.array(labels), 2
        )


@many
@hypothesis.given(_shapes, _dtypes, st.integers(1, 9), st.integers(4, 9))
def test_any_array_in_place_of_a_text(shape, dtype, batch_size, length):
    tokens = np.zeros(shape).astype(dtype)
    with contextlib.suppress(ValueError):
        token_arrays.TokenArrays(tokens, tokens, batch_size, length)
        assert tokens.ndim == 1


def _number_fields():
    for trainer in TRAINERS:
        name = trainer.__name__.partition(".")[2]
        config = options.resolve(trainer.Config, overrides=_needed(trainer))
        for field, value in options.to_json(config).items():
            if isinstance(value, float):
                yield pytest.param(trainer, field, id=f"{name}-{field}")


def _needed(trainer):
    needed = {"workdir": "run", "genotype": "DARTS_V2"}
    names = trainer.Config.__dataclass_fields__
    return {name: value for name, value in needed.items() if name in names}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize(("trainer", "field"), [*_number_fields()])
def test_an_option_that_is_not_finite_is_refused(trainer, field, value):
    with pytest.raises(ValueError, match=field):
        options.resolve(
            trainer.Config, overrides={**_needed(trainer), field: value}
        )


@pytest.mark.parametrize("trainer", TRAINERS, ids=lambda t: t.__name__)
@pytest.mark.parametrize("value", [0, -1, -(10**30)])
@pytest.mark.parametrize(
    "field", ["epochs", "steps_per_epoch", "batch_size", "checkpoint_every"]
)
def test_an_option_that_must_be_positive_is_refused(trainer, field, value):
    with pytest.raises(ValueError, match=f"{field}={value}"):
        options.resolve(
            trainer.Config, overrides={**_needed(trainer), field: value}
        )


def _archive(**files):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("_json", ".json"), text)
    return content.getvalue()


@pytest.fixture(scope="module")
def good_network(tmp_path_factory):
    path = tmp_path_factory.mktemp("network") / "network.keras"
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(path)
    return path.read_bytes()


FOREIGN_CLASS = {
    "module": "os",
    "class_name": "system",
    "config": "touch stolen",
    "registered_name": None,
}
FILES = {
    "empty": lambda good: b"",
    "text": lambda good: b"no model",
    "torn": lambda good: good[: len(good) // 2],
    "empty_archive": lambda good: _archive(),
    "other_archive": lambda good: _archive(notes="a"),
    "no_json": lambda good: _archive(config_json="{", metadata_json="{}"),
    "a_list": lambda good: _archive(config_json="[]", metadata_json="[]"),
    "nested": lambda good: _archive(
        config_json="[" * 100_000, metadata_json="{}"
    ),
    "foreign_class": lambda good: _archive(
        config_json=json.dumps(FOREIGN_CLASS), metadata_json="{}"
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_saved_network_is_refused(
    tmp_path, monkeypatch, good_network, name
):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "network.keras"
    path.write_bytes(FILES[name](good_network))
    with pytest.raises(ValueError, match=r"must be a network.*network\.keras"):
        darts_tf.models.load_network(path)
    assert [file.name for file in tmp_path.iterdir()] == ["network.keras"]
