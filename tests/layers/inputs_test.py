"""What comes in from outside: its type, its shape, its range."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import darts_tf
from darts_tf.layers import inputs
from darts_tf.layers import word_kernels


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "bfloat16"])
def test_numbers_of_floating_point_are_left_to_keras(dtype):
    tensor = tf.ones((2,), dtype)
    assert inputs.numbers(tensor, "float32") is tensor


def test_what_is_no_real_number_is_refused_by_its_type():
    with pytest.raises(ValueError, match="complex64"):
        inputs.numbers(tf.ones((2,), "complex64"), "float32")


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "int64"])
def test_ids_are_cast_exactly(dtype):
    ids = inputs.word_ids(np.array([[0, 100]], dtype), 101)
    assert ids.numpy().tolist() == [[0, 100]]
    assert ids.dtype == ("int64" if dtype == "int64" else "int32")


@pytest.mark.parametrize("dtype", ["float32", "float64", "bool"])
def test_ids_that_are_no_integers_are_refused(dtype):
    with pytest.raises(ValueError, match="must be integers"):
        inputs.word_ids(np.zeros((1, 2), dtype), 5)


@pytest.mark.parametrize("tokens", [[[0, 7]], [[-1, 2]]])
def test_ids_beyond_the_vocabulary_are_named_where_they_are_known(tokens):
    with pytest.raises(ValueError, match=r"from 0 to 4;.*ids from -?\d to \d"):
        inputs.word_ids(np.array(tokens), 5)


@pytest.mark.parametrize("token", [5, -1])
def test_a_row_that_a_table_has_not_is_never_another_row(token):
    table = tf.ones((5, 2))
    find = tf.function(word_kernels.rows, autograph=False)
    ids = tf.constant([[token]])
    try:
        found = find(table, ids).numpy()
    except tf.errors.InvalidArgumentError as error:
        assert f"= {token} is not in [0, 5)" in str(error)  # noqa: PT017
    else:
        assert np.isnan(found).all()  # on a GPU


def test_op_weights_of_another_shape_are_refused():
    layer = darts_tf.layers.MixedOp(["none", "skip_connect"], 1, copies=2)
    images = np.ones((1, 2, 2, 1), "float32")
    with pytest.raises(ValueError, match=r"\(2, 2\).*\(3, 2\)"):
        layer(images, np.ones((3, 2), "float32"))


@pytest.mark.parametrize("shape", [(4, 1), (1, 7), (4, 8)])
def test_a_state_that_would_be_broadcast_is_refused(shape):
    cell = darts_tf.layers.RecurrentCell(
        darts_tf.zoo.RECURRENT_DARTS_V2.recurrent, 7
    )
    with pytest.raises(ValueError, match=r"`state` must have the shape \(4, 7"):
        cell(np.ones((4, 5, 6), "float32"), keras.ops.zeros(shape))
