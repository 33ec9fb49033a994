"""What comes in from outside: the one place that checks and converts it."""

import keras
import numpy as np

from darts_tf.layers import word_kernels


def image_spec(channels=None):
    """Declares images of any size.

    Keras compares each call with it, also after loading: a network pools over
    all pixels, so it takes other heights and widths, but not other channels.

    Args:
        channels: Optional integer. Defaults to `None`, any number.

    Returns:
        A `keras.InputSpec`.
    """
    return keras.InputSpec(ndim=4, axes={-1: channels})


def sequence_spec(features=None):
    """Declares sequences of any length.

    Args:
        features: Optional integer. Defaults to `None`, any number.

    Returns:
        A `keras.InputSpec`.
    """
    return keras.InputSpec(ndim=3, axes={-1: features})


def numbers(inputs, dtype):
    """Returns inputs as numbers that can be computed with.

    Keras casts what is of another floating-point type at the call of a layer,
    and leaves integers, such as the pixels of a decoded picture, as they are.

    Args:
        inputs: Tensor.
        dtype: Type of the result for integers and booleans.

    Returns:
        The tensor, of the type if it was of integers or booleans.

    Raises:
        ValueError: If the inputs are no real numbers.
    """
    received = keras.backend.standardize_dtype(inputs.dtype)
    if "float" in received:
        return inputs
    if "int" in received or received == "bool":
        return keras.ops.cast(inputs, dtype)
    raise ValueError(
        f"The inputs must be real numbers. Received: inputs of dtype={received}"
    )


def word_ids(tokens, vocabulary_size):
    """Returns the ids of words as integers that can be looked up.

    Where the values are known, which is everywhere but in a graph, each must
    be that of a word. In a graph `word_kernels.rows` notices.

    Args:
        tokens: Tensor or array of shape `(batch, time)`.
        vocabulary_size: Integer.

    Returns:
        Tensor of int32 or int64.

    Raises:
        ValueError: If the ids are no integers, not of rank 2, or one is none
            of the vocabulary's.
    """
    tokens = keras.ops.convert_to_tensor(tokens)
    dtype = keras.backend.standardize_dtype(tokens.dtype)
    if "int" not in dtype:
        # Exact only up to 256 in bfloat16, so not cast.
        raise ValueError(
            "The ids of words must be integers; an input of a functional "
            "model is `keras.Input((None,), dtype='int32')`. "
            f"Received: tokens of dtype={dtype}"
        )
    if len(tokens.shape) != 2:
        raise ValueError(
            "The ids of words must have the shape (batch, time). "
            f"Received: tokens of shape={tuple(tokens.shape)}"
        )
    values = word_kernels.known_value(tokens)
    if values is not None:
        check_vocabulary(values, vocabulary_size)
    is_wide = dtype in ("int64", "uint32", "uint64")
    return keras.ops.cast(tokens, "int64" if is_wide else "int32")


def check_vocabulary(tokens, vocabulary_size):
    """Raises an error for an id that is not that of a word.

    Args:
        tokens: Integer array.
        vocabulary_size: Integer.

    Raises:
        ValueError: If an id is out of range.
    """
    tokens = np.asarray(tokens)
    if not tokens.size:
        return
    smallest, largest = int(tokens.min()), int(tokens.max())
    if smallest < 0 or largest >= vocabulary_size:
        raise ValueError(
            f"The ids of words must be from 0 to {vocabulary_size - 1}; "
            "`vocabulary_size` is an argument of the model. Received: ids "
            f"from {smallest} to {largest}, vocabulary_size={vocabulary_size}"
        )


def check_shape(name, tensor, expected):
    """Raises an error for a tensor that would be broadcast or cut in silence.

    Args:
        name: String, the argument.
        tensor: Tensor.
        expected: Tuple, the shape, `None` where any size is allowed.

    Raises:
        ValueError: If the known part of the tensor's shape is another one.
    """
    shape = tuple(tensor.shape)
    fits = len(shape) == len(expected) and all(
        size is None or wanted is None or size == wanted
        for size, wanted in zip(shape, expected, strict=True)
    )
    if not fits:
        raise ValueError(
            f"`{name}` must have the shape {expected}, where None is any "
            f"size. Received: {name} of shape={shape}"
        )
