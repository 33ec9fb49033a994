"""The published form: read as printed, written as printed, never evaluated."""

import re
import warnings

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from darts_tf.spaces import genotype as genotype_lib
from darts_tf.spaces import zoo

from_text = genotype_lib.Genotype.from_text

# As a log of the official code prints its namedtuple.
CONV = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "
    "('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 1), "
    "('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], "
    "normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), "
    "('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), "
    "('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), "
    "('max_pool_3x3', 1)], reduce_concat=[2, 3, 4, 5])"
)
RECURRENT = (
    "Genotype(recurrent=[('sigmoid', 0), ('relu', 1), ('relu', 1), "
    "('identity', 1), ('tanh', 2), ('sigmoid', 5), ('tanh', 3), "
    "('relu', 5)], concat=range(1, 9))"
)


@pytest.mark.parametrize(
    "text",
    [
        CONV,
        "2018-06-01 12:00:00,123 genotype = " + CONV + "\n",
        "DARTS_V2 = " + CONV.replace(", ", ",\n    "),
        CONV.replace("[2, 3, 4, 5]", "range(2, 6)"),
        CONV.replace("[2, 3, 4, 5]", "(2, 3, 4, 5)"),
        CONV.replace("reduce", "reduction"),
        CONV.replace("'", '"'),
    ],
    ids=["plain", "log", "source", "range", "tuple", "reduction", "quotes"],
)
def test_published_conv_forms_are_read(text):
    assert from_text(text) == zoo.DARTS_V2


def test_published_recurrent_form_is_read():
    assert from_text(RECURRENT) == zoo.RECURRENT_DARTS_V2
    by_list = RECURRENT.replace("range(1, 9)", "[1, 2, 3, 4, 5, 6, 7, 8]")
    assert from_text(by_list) == zoo.RECURRENT_DARTS_V2


def test_a_normal_cell_alone_is_read():
    text = CONV[: CONV.index(", reduce=")] + ")"
    assert from_text(text).cells == {"normal": zoo.DARTS_V2.cells["normal"]}


def test_a_list_of_edges_for_each_node_is_read():
    edge = r"\('\w+', \d\)"
    nested = re.sub(f"({edge}, {edge})", r"[\1]", CONV)
    assert nested.count("[[(") == 2
    assert from_text(nested) == zoo.DARTS_V2
    # In this form a node can have any number of edges.
    assert from_text(
        "Genotype(normal=[[('a', 0)], (('a', 0), ['a', 1], ('b', 2))], "
        "normal_concat=[3])"
    ).normal.nodes[1] == tuple(
        genotype_lib.Edge(*edge) for edge in (("a", 0), ("a", 1), ("b", 2))
    )
    alone = re.sub(r"(\('\w+', \d\))", r"[\1]", RECURRENT)
    assert from_text(alone) == zoo.RECURRENT_DARTS_V2


def test_written_form_is_the_published_one():
    expected = CONV.replace("[2, 3, 4, 5]", "range(2, 6)")
    assert zoo.DARTS_V2.to_text() == expected
    assert zoo.RECURRENT_DARTS_V2.to_text() == RECURRENT


def test_output_nodes_with_gaps_are_written_as_a_list():
    assert "reduce_concat=[3, 4, 6]" in zoo.AMOEBANET_A.to_text()


@pytest.mark.parametrize("name", zoo.names())
def test_text_returns_the_same_genotype(name):
    assert from_text(zoo.get(name).to_text()) == zoo.get(name)


def test_cells_that_the_form_cannot_hold_are_not_written():
    edge = genotype_lib.Edge("a", 0)
    for cell in (
        genotype_lib.Cell(((edge,),), (2,)),
        genotype_lib.Cell(((edge, edge), (edge,)), (2,)),
        genotype_lib.Cell(((edge, edge),), (1,), num_inputs=1),
    ):
        with pytest.raises(ValueError, match="published form.*Received: "):
            genotype_lib.Genotype(normal=cell).to_text()


def recurrent(nodes="[('a', 0)]", concat="[1]"):
    return f"Genotype(recurrent={nodes}, concat={concat})"


BAD = {
    "empty": "",
    "no_string": 3,
    "no_call": "normal=[('a', 0)]",
    "other_call": "MyGenotype(recurrent=[('a', 0)], concat=[1])",
    "two_lines_before": "a\nb " + recurrent(),
    "nothing_inside": "Genotype()",
    "unclosed": recurrent()[:-1],
    "two": recurrent() + "\n" + recurrent(),
    "sum": recurrent() + " + 1",
    "attribute": recurrent() + ".recurrent",
    "called": recurrent() + "()",
    "null": recurrent() + "\0",
    "positional": "Genotype([('a', 0)], [1])",
    "unpacked": "Genotype(**{'recurrent': [('a', 0)], 'concat': [1]})",
    "unknown_name": recurrent()[:-1] + ", depth=3)",
    "name_twice": recurrent()[:-1] + ", concat=[1])",
    "alias_twice": CONV[:-1] + ", reduction=[('a', 0)])",
    "no_concat": "Genotype(recurrent=[('a', 0)])",
    "no_nodes": "Genotype(concat=[1])",
    "only_reduction": "Genotype(reduce=[('a', 0), ('a', 1)], "
    "reduce_concat=[2])",
    "conv_and_recurrent": CONV[:-1] + ", " + recurrent()[9:],
    "odd_number_of_edges": "Genotype(normal=[('a', 0)], normal_concat=[2])",
    "cycle": recurrent("[('a', 2), ('a', 1)]"),
    "call_as_list": recurrent("list('a')"),
    "comprehension": recurrent("[('a', k) for k in (0,)]"),
    "product": recurrent("[('a', 0)] * 1"),
    "starred": recurrent("[*[('a', 0)]]"),
    "code": recurrent("__import__('os').abort()"),
    "name": recurrent("[(a, 0)]"),
    "f_string": recurrent("[(f'a', 0)]"),
    "bytes": recurrent("[(b'a', 0)]"),
    "triple": recurrent("[('a', 0, 0)]"),
    "empty_list": recurrent("[]"),
    "negative": recurrent("[('a', -1)]"),
    "boolean": recurrent("[('a', False)]"),
    "float": recurrent("[('a', 0.0)]"),
    "huge": recurrent("[('a', 1" + "0" * 400 + ")]"),
    "hexadecimal": recurrent("[('a', 0x" + "f" * 50_000 + ")]"),
    "too_many_digits": recurrent("[('a', " + "9" * 50_000 + ")]"),
    "nested_and_flat": recurrent("[[('a', 0)], ('a', 1)]"),
    "nested_empty": recurrent("[[('a', 0)], []]"),
    "range_huge": recurrent(concat="range(0, 1000000000)"),
    "range_empty": recurrent(concat="range(2, 2)"),
    "range_nothing": recurrent(concat="range()"),
    "range_text": recurrent(concat="range('2')"),
    "range_keyword": recurrent(concat="range(1, stop=2)"),
    "other_function": recurrent(concat="list(1, 2)"),
    "concat_unsorted": recurrent("[('a', 0), ('a', 0)]", "[2, 1]"),
    "nested": recurrent("[" * 300 + "]" * 300),
    "nested_deep": recurrent("[" * 40_000 + "]" * 40_000),
    "nested_calls": "Genotype(" * 11_000,
    "minus_chain": recurrent("-" * 90_000 + "1"),
    "sum_chain": recurrent("1" + "+1" * 45_000),
    "not_chain": recurrent("not " * 24_000 + "1"),
    "attribute_chain": recurrent("a" + ".a" * 45_000),
    "comparison_of_calls": recurrent("a" + "()" * 45_000),
    "long": recurrent() + " " * 100_000,
    "many_nodes": recurrent("[" + "('a', 0), " * 5000 + "]"),
    "unprintable": recurrent("[('a\\n', 0)]"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_text_is_refused(name):
    with pytest.raises(ValueError, match="Received: "):
        from_text(BAD[name])


def test_the_error_says_where():
    text = "Genotype(recurrent=[('a', 0), 3], concat=[1])"
    column = text.index("3]") + 1
    with pytest.raises(ValueError, match=f"line 1, column {column} "):
        from_text("log: " + text)


def test_reading_emits_no_warnings():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        from_text(recurrent(r"[('\d', 0)]"))
    assert not caught


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_damaged_text_gives_a_genotype_or_a_value_error(data):
    text = data.draw(st.sampled_from([CONV, RECURRENT]))
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 20)))
    damaged = text[:start] + data.draw(st.text(max_size=5)) + text[end:]
    try:
        assert isinstance(from_text(damaged), genotype_lib.Genotype)
    except ValueError:
        pass


@settings(deadline=None, max_examples=300)
@given(st.text(), st.binary())
def test_random_text_gives_a_value_error(text, data):
    for bad in (text, data.decode("latin-1"), data):
        with pytest.raises(ValueError, match="Received: "):
            from_text(bad)
    with pytest.raises(ValueError, match="Received: "):
        from_text(f"Genotype({text}")
