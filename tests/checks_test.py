"""The shared checks: what they return, and that they raise nothing else."""

import numpy as np
import pytest

from darts_tf import checks


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_integers_become_python_integers(value):
    result = checks.integer(value, "count", 1, 3)
    assert result == 3
    assert type(result) is int


@pytest.mark.parametrize(
    "value", [0, 4, True, np.True_, 2.0, "2", None, [2], 10**100]
)
def test_anything_else_is_no_integer_in_range(value):
    with pytest.raises(ValueError, match=r"`count`.*Received: count="):
        checks.integer(value, "count", 1, 3)


def test_lists_become_tuples():
    assert checks.sequence([1, "a"], "items") == (1, "a")


@pytest.mark.parametrize("value", [[], (), "ab", {1: 2}, None, 3])
def test_strings_and_empty_lists_are_no_sequences(value):
    with pytest.raises(ValueError, match=r"`items`.*Received: items="):
        checks.sequence(value, "items")


@pytest.mark.parametrize("value", ["", "a\n", "\ud800", "a" * 101, 3, None])
def test_names_are_short_and_printable(value):
    with pytest.raises(ValueError, match=r"`name`.*Received: name="):
        checks.text_name(value, "name")


@pytest.mark.parametrize(
    "value", [{}, {"a": 1, "c": 2}, {"a": 1, 3: 2}, [("a", 1)], None]
)
def test_mappings_have_the_required_keys_and_no_unknown_ones(value):
    with pytest.raises(ValueError, match="`config`.*Received: config"):
        checks.mapping(value, "config", ("a",), ("b",))


def test_optional_keys_may_be_there_or_not():
    for value in ({"a": 1}, {"a": 1, "b": 2}):
        assert checks.mapping(value, "config", ("a",), ("b",)) == value


def test_sizes_come_back_in_their_order():
    sizes = checks.sizes(filters=np.uint8(4), num_cells=2)
    assert sizes == [4, 2]
    assert [type(size) for size in sizes] == [int, int]


@pytest.mark.parametrize("value", [0, 0.5, np.float32(0.25), np.int64(0)])
def test_numbers_from_0_and_below_1_are_fractions(value):
    checks.fraction(value, "rate")


@pytest.mark.parametrize(
    "value", [-0.1, 1, 1.0, float("nan"), False, np.False_, "0.5", None, [0.5]]
)
def test_anything_else_is_no_fraction(value):
    with pytest.raises(ValueError, match=r"`rate` must be in \[0, 1\).*rate="):
        checks.fraction(value, "rate")


def test_nan_is_neither_positive_nor_not_negative():
    for check in (checks.positive, checks.not_negative):
        check(0.5, "value")
        with pytest.raises(ValueError, match="`value` must.*value=nan"):
            check(float("nan"), "value")
    checks.not_negative(0.0, "value")
    with pytest.raises(ValueError, match="positive.*value=0.0"):
        checks.positive(0.0, "value")
