"""Many tensors as one vector, as the paper writes w."""

import math

import tensorflow as tf


def pack(tensors):
    """Joins tensors into one vector for each of their types.

    A supernet has hundreds of small weights. A formula on each of them costs
    more than the arithmetic: a graph a few times as large.

    Args:
        tensors: List of tensors.

    Returns:
        List of tensors of rank 1, one for each type, in the order in which the
        types first come.

    Example:

    >>> from darts_tf.optimizers import packing
    >>> (vector,) = packing.pack([np.array([[1.0], [2.0]]), np.array(3.0)])
    >>> vector.numpy().tolist()
    [1.0, 2.0, 3.0]
    """
    tensors = [tf.convert_to_tensor(tensor) for tensor in tensors]
    flat = tf.constant([-1])
    return [
        tf.concat(
            [
                tensors[k]
                if tensors[k].shape.rank == 1
                else tf.reshape(tensors[k], flat)
                for k in members
            ],
            0,
        )
        for members in _by_type(tensors)
    ]


def unpack(vectors, like):
    """Takes vectors apart: the reverse of `pack`.

    Args:
        vectors: List of tensors of rank 1, as `pack` returns.
        like: List of tensors or variables of the shapes and types wanted.

    Returns:
        List of tensors.
    """
    tensors = [None] * len(like)
    for vector, members in zip(vectors, _by_type(like), strict=True):
        sizes = [math.prod(like[k].shape) for k in members]
        shapes = {}  # equal ones are one node of a graph
        for k, part in zip(members, tf.split(vector, sizes), strict=True):
            shape = tuple(like[k].shape)
            if len(shape) != 1:
                if shape not in shapes:
                    shapes[shape] = tf.constant(shape, tf.int32)
                part = tf.reshape(part, shapes[shape])
            tensors[k] = part
    return tensors


def _by_type(tensors):
    """Returns the numbers of the tensors of each type."""
    groups = {}
    for k, tensor in enumerate(tensors):
        groups.setdefault(tf.as_dtype(tensor.dtype), []).append(k)
    return list(groups.values())
