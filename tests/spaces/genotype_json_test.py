"""The JSON form: what is in it, and that bad text gives one kind of error."""

import json

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from darts_tf.spaces import genotype as genotype_lib
from darts_tf.spaces import zoo

from_json = genotype_lib.Genotype.from_json


def document(**changes):
    content = json.loads(zoo.RECURRENT_DARTS_V2.to_json())
    content.update(changes)
    return json.dumps(content)


def cell(**changes):
    config = zoo.RECURRENT_DARTS_V2.cells["recurrent"].get_config()
    config.update(changes)
    return document(recurrent=config)


def test_json_holds_the_published_values():
    content = json.loads(zoo.DARTS_V2.to_json())
    assert content["format"] == "darts_tf.genotype"
    assert content["version"] == 1
    assert list(content) == ["format", "version", "normal", "reduction"]
    assert content["normal"] == {
        "num_inputs": 2,
        "nodes": [
            [["sep_conv_3x3", 0], ["sep_conv_3x3", 1]],
            [["sep_conv_3x3", 0], ["sep_conv_3x3", 1]],
            [["sep_conv_3x3", 1], ["skip_connect", 0]],
            [["skip_connect", 0], ["dil_conv_3x3", 2]],
        ],
        "concat": [2, 3, 4, 5],
    }


@pytest.mark.parametrize("name", zoo.names())
def test_json_returns_the_same_genotype(name):
    assert from_json(zoo.get(name).to_json()) == zoo.get(name)


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1))
@settings(deadline=None)
def test_any_printable_name_survives(name):
    edge = genotype_lib.Edge(name[:100], 0)
    found = genotype_lib.Genotype(
        recurrent=genotype_lib.Cell(((edge,),), (1,), 1)
    )
    assert from_json(found.to_json()) == found
    assert genotype_lib.Genotype.from_text(found.to_text()) == found


BAD = {
    "nothing": "",
    "null": "null",
    "list": "[]",
    "no_string": 3,
    "bytes": b"{}",
    "nested": "[" * 99_999,
    "nested_objects": '{"a":' * 16_000,
    "long": " " * 1_000_001,
    "long_number": document(version=7).replace("7", "9" * 5000),
    "not_a_number": document(version=float("nan")),
    "no_format": '{"version": 1}',
    "wrong_format": document(format="nas"),
    "format_is_a_list": document(format=[1]),
    "wrong_version": document(version=2),
    "version_is_text": document(version="1"),
    "version_is_true": document(version=True),
    "version_is_a_float": document(version=1.0),
    "unknown_key": document(extra=1),
    "twice": document().replace('"version"', '"format": "a", "version"'),
    "no_cells": '{"format": "darts_tf.genotype", "version": 1}',
    "cell_is_null": document(recurrent=None),
    "cell_is_a_list": document(recurrent=[]),
    "conv_and_recurrent": document(
        normal=zoo.DARTS_V2.cells["normal"].get_config()
    ),
    "unknown_cell_key": cell(extra=1),
    "nodes_empty": cell(nodes=[]),
    "nodes_a_number": cell(nodes=3),
    "node_a_number": cell(nodes=[3]),
    "edge_text": cell(nodes=[["a0"]], concat=[1]),
    "edge_short": cell(nodes=[[["a"]]], concat=[1]),
    "edge_swapped": cell(nodes=[[[0, "a"]]], concat=[1]),
    "source_boolean": cell(nodes=[[["a", False]]], concat=[1]),
    "source_float": cell(nodes=[[["a", 0.0]]], concat=[1]),
    "source_huge": cell(nodes=[[["a", 10**300]]], concat=[1]),
    "cycle": cell(nodes=[[["a", 2]], [["a", 1]]], concat=[1]),
    "many_nodes": cell(nodes=[[["a", 0]]] * 1000, concat=[1]),
    "inputs_huge": cell(num_inputs=10**300),
    "inputs_list": cell(num_inputs=[1]),
    "concat_text": cell(concat="12"),
    "concat_nested": cell(concat=[[1]]),
    "surrogate": cell(nodes=[[["\ud800", 0]]], concat=[1]),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_json_is_refused(name):
    with pytest.raises(ValueError, match="Received: "):
        from_json(BAD[name])


def test_the_error_says_in_which_cell_and_edge():
    text = cell(nodes=[[["a", 0]], [["a", -1]]], concat=[1])
    with pytest.raises(ValueError, match=r"recurrent cell.*nodes\[1\]\[0\]"):
        from_json(text)


_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["nodes", "concat", "num_inputs", "x"]), inner
        )
    ),
    max_leaves=12,
)


@settings(deadline=None, max_examples=300)
@given(_values)
def test_any_value_in_place_of_a_cell_gives_a_genotype_or_a_value_error(value):
    for text in (
        document(recurrent=value),
        cell(nodes=value),
        cell(concat=value),
        json.dumps(value),
    ):
        try:
            assert isinstance(from_json(text), genotype_lib.Genotype)
        except ValueError:
            pass


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_damaged_text_gives_a_genotype_or_a_value_error(data):
    text = zoo.DARTS_V2.to_json()
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 20)))
    damaged = text[:start] + data.draw(st.text(max_size=5)) + text[end:]
    try:
        assert isinstance(from_json(damaged), genotype_lib.Genotype)
    except ValueError:
        pass
