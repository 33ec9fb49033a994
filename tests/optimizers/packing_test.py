"""Packing is checked against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from darts_tf.optimizers import packing

SHAPES = [(2, 3), (), (4,), (1, 2, 2), (4,)]


def _arrays(dtypes):
    rng = np.random.default_rng(0)
    return [
        np.asarray(rng.normal(size=shape) * 9, dtype)
        for shape, dtype in zip(SHAPES, dtypes, strict=True)
    ]


def test_a_vector_holds_all_numbers_in_order():
    arrays = _arrays(["float32"] * 5)
    (vector,) = packing.pack(arrays)
    np.testing.assert_array_equal(
        vector, np.concatenate([a.ravel() for a in arrays])
    )


def test_each_type_has_a_vector():
    arrays = _arrays(["float32", "int64", "float32", "float64", "int64"])
    assert [v.dtype for v in packing.pack(arrays)] == [
        tf.float32,
        tf.int64,
        tf.float64,
    ]


@pytest.mark.parametrize("other", ["float32", "int64"])
@pytest.mark.parametrize("in_graph", [False, True])
def test_unpacking_reverses_packing(other, in_graph):
    arrays = _arrays(["float32", other, "float32", other, "float32"])
    variables = [keras.Variable(a, dtype=a.dtype) for a in arrays]

    def there_and_back():
        return packing.unpack(packing.pack(variables), variables)

    if in_graph:
        there_and_back = tf.function(there_and_back)
    for a, b in zip(arrays, there_and_back(), strict=True):
        assert b.dtype == a.dtype
        assert b.shape == a.shape
        np.testing.assert_array_equal(b, a)


def test_vectors_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="longer"):
        packing.unpack([tf.zeros(3)], [tf.zeros(3), tf.zeros(1, tf.int32)])
