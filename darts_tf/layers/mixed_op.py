"""The mixed operation: the continuous relaxation of a choice."""

import keras
import numpy as np

from darts_tf.layers import kernels
from darts_tf.layers import operation
from darts_tf.layers import operations


@keras.saving.register_keras_serializable(package="darts_tf")
class MixedOp(keras.layers.Layer):
    r"""Weights all candidate operations on all edges that leave one node.

    On an edge from node j to node i the choice of an operation is relaxed to

        o_(i,j)(x_j) = sum over o in O of op_weight_(i,j),o * o(x_j)     (Eq. 2)

    The edges that leave a node read the same tensor, so one layer serves them
    all: each candidate holds a copy for each edge, candidates without
    parameters are computed once and only weighted for each edge, and `none`
    adds nothing. The result is that of one small layer for each edge and
    candidate, to rounding.

    Args:
        primitives: Sequence of strings, the candidates (O).
        filters: Integer, the number of channels on each edge.
        strides: Integer, `1` or `2`. Defaults to `1`.
        copies: Integer, the number of edges. Defaults to `1`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Tensor of shape `(batch, height, width, filters)`.
        op_weights: Tensor of shape `(copies, len(primitives))`, usually a
            softmax over the last axis.

    Returns:
        A list of `copies` tensors of shape `(batch, ceil(height / strides),
        ceil(width / strides), filters)`, one for each edge.

    Raises:
        ValueError: If a primitive is unknown, or all of them are `none`.

    Example:

    >>> layer = darts_tf.layers.MixedOp(
    ...     ["none", "skip_connect"], filters=1, copies=2
    ... )
    >>> op_weights = np.array([[0.25, 0.75], [0.5, 0.5]], "float32")
    >>> to_2, to_3 = layer(np.ones((1, 1, 1, 1), "float32"), op_weights)
    >>> to_2.numpy().item(), to_3.numpy().item()
    (0.75, 0.5)

    Reference:
        Section 2.2, Eq. 2 of the DARTS paper, arXiv:1806.09055.
    """

    def __init__(self, primitives, filters, strides=1, copies=1, **kwargs):
        # Keras would cast the op weights, too, to a low precision.
        super().__init__(autocast=False, **kwargs)
        self.primitives = tuple(primitives)
        self.filters = filters
        self.strides = strides
        self.copies = copies
        if not set(self.primitives) - {"none"}:
            raise ValueError(
                "A mixed operation needs a primitive besides 'none'. "
                f"Received: primitives={self.primitives}"
            )
        self.operations = [
            operations.create(name, filters, strides, copies, affine=False)
            for name in self.primitives
        ]

    def build(self, inputs_shape, op_weights_shape=None):
        for candidate in self.operations:
            candidate.build(inputs_shape)

    def call(self, inputs, op_weights):
        scales = keras.ops.unstack(self._scales(op_weights))
        copied, shared, columns = [], [], []
        for column, candidate in enumerate(self.operations):
            if isinstance(candidate, operation.Zero):
                continue
            if candidate.shared:
                shared.append(candidate(inputs))
                columns.append(column)
            else:
                copied.append(candidate(inputs, scales[column]))
        parts = []
        if copied:
            parts.append(
                keras.ops.split(kernels.add_n(copied), self.copies, axis=-1)
            )
        if shared:
            chosen = np.eye(len(self.operations))[:, columns]
            parts.append(_weighted_sums(shared, _product(op_weights, chosen)))
        return [kernels.add_n(edge) for edge in zip(*parts, strict=True)]

    def _scales(self, op_weights):
        """Returns the op weight of each channel, a row for each primitive."""
        spread = np.kron(np.eye(self.copies), np.ones((1, self.filters)))
        return _product(keras.ops.transpose(op_weights), spread)

    def compute_output_shape(self, inputs_shape, op_weights_shape=None):
        shape = self.operations[0].compute_output_shape(inputs_shape)[:3]
        return [(*shape, self.filters)] * self.copies

    def get_config(self):
        return {
            **super().get_config(),
            "primitives": self.primitives,
            "filters": self.filters,
            "strides": self.strides,
            "copies": self.copies,
        }


def _product(op_weights, choice):
    """Returns copies of op weights: exact, for each is a sum of one term.

    A matrix product is two nodes of a graph, with its gradient; to repeat,
    take apart and stack are thirty.
    """
    choice = keras.ops.convert_to_tensor(choice, op_weights.dtype)
    return keras.ops.matmul(op_weights, choice)


def _weighted_sums(results, weights):
    """Returns one weighted sum of the results for each edge.

    As one small matrix product: 4 ms at 4 edges and 3 results of shape
    `(64, 32, 32, 16)`, where products and sums one by one take 9 to 19 ms.
    """
    matrix = keras.ops.cast(weights, results[0].dtype)
    flat = keras.ops.stack([keras.ops.reshape(r, (-1,)) for r in results])
    shape = (-1, *results[0].shape[1:])
    return [
        keras.ops.reshape(edge, shape)
        for edge in keras.ops.unstack(keras.ops.matmul(matrix, flat))
    ]
