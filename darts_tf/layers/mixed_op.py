"""The mixed operation: the continuous relaxation of a choice."""

import math

import keras
import numpy as np

from darts_tf import environment
from darts_tf.layers import convolution
from darts_tf.layers import depthwise_kernels
from darts_tf.layers import elementwise_kernels
from darts_tf.layers import inputs as inputs_lib
from darts_tf.layers import operation
from darts_tf.layers import operations
from darts_tf.layers import views

# Of one image, at least. A batch of 64 has 1 MB of them in float32.
_NUMBERS_OF_A_PART = 2**12
# The processor works on 16 numbers at once.
_CHANNELS_OF_A_PART = 16


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
        self.input_spec = inputs_lib.image_spec(filters)
        self.operations = [
            operations.create(name, filters, strides, copies, affine=False)
            for name in self.primitives
        ]

    def build(self, inputs_shape, op_weights_shape=None):
        for candidate in self.operations:
            candidate.build(inputs_shape)

    def call(self, inputs, op_weights, training=None):
        inputs = inputs_lib.numbers(inputs, self.compute_dtype)
        return [
            views.total(terms)
            for terms in self.terms(inputs, op_weights, training)
        ]

    def terms(self, inputs, op_weights, training=None):
        """Returns what is to be summed on each edge, as `call`.

        Who sums several edges can do it before the results leave a view.

        Args:
            inputs: Tensor, as in the call.
            op_weights: Tensor, as in the call.
            training: Boolean.

        Returns:
            List with a dictionary for each edge, from the `leave` of a `View`
            to a list of tensors, as `views.total` takes it.
        """
        expected = (self.copies, len(self.primitives))
        inputs_lib.check_shape("op_weights", op_weights, expected)
        copied, shared = (
            [
                (column, candidate)
                for column, candidate in enumerate(self.operations)
                if candidate.shared == is_shared
                and not isinstance(candidate, operation.Zero)
            ]
            for is_shared in (False, True)
        )
        seen, results = {}, {}
        for (_, candidate), scale in zip(
            copied, self._scales(op_weights, copied), strict=True
        ):
            view = candidate.view(inputs.shape, training)
            if view not in seen:
                seen[view] = self._enter(view, inputs, training)
            outputs = candidate.in_parts(seen[view], view, scale, training)
            results.setdefault(view, []).append(outputs)
        edges = [{} for _ in range(self.copies)]
        for view, outputs in results.items():
            for terms, tensors in zip(
                edges, self._by_edge(outputs), strict=True
            ):
                terms.setdefault(view.leave, []).extend(tensors)
        if shared:
            sums = _weighted_sums(
                [candidate(inputs) for _, candidate in shared],
                keras.ops.matmul(op_weights, self._choice(op_weights, shared)),
            )
            for terms, edge in zip(edges, sums, strict=True):
                terms.setdefault(views.PIXELS.leave, []).append(edge)
        return edges

    def _enter(self, view, inputs, training):
        """Returns what each part of the copies sees."""
        image = view.enter(inputs, training)
        if view is views.PIXELS:  # of operations that know no parts
            return [image]
        num_parts = self._num_parts(inputs.shape) if training else 1
        copies = self.copies // num_parts
        return [depthwise_kernels.repeat_channels(image, copies)] * num_parts

    def _num_parts(self, image_shape):
        """Returns in how many parts to compute the copies.

        On a CPU a chain of operations is faster on tensors that the caches
        hold, 0.7 times the time with 4 copies of `(64, 32, 32, 16)`. On small
        ones it is slower, and the graph of several parts is larger.
        """
        if environment.has_gpu() or None in image_shape[1:]:
            return 1
        numbers = math.prod(image_shape[1:])

        def are_large_enough(num_parts):
            copies = self.copies // num_parts
            return (
                self.copies % num_parts == 0
                and copies * numbers >= _NUMBERS_OF_A_PART
                and copies * self.filters >= _CHANNELS_OF_A_PART
            )

        choices = range(2, self.copies + 1)
        return max(filter(are_large_enough, choices), default=1)

    def _by_edge(self, results):
        """Returns a list of tensors for each edge, from results in parts."""
        parts = list(zip(*results, strict=True))
        if len(parts) == self.copies:
            return [list(part) for part in parts]
        sums = map(elementwise_kernels.add_n, parts)
        copies = self.copies // len(parts)
        return [
            [edge]
            for part in sums
            for edge in convolution.split_channels(part, copies, part.dtype)
        ]

    def _scales(self, op_weights, copied):
        """Returns the op weight of each channel, for each of the operations.

        Matrix products are exact here, for each sum has one term, and two nodes
        of a graph with their gradient; to repeat, take apart and stack are
        thirty.
        """
        if not copied:
            return []
        spread = np.kron(np.eye(self.copies), np.ones((1, self.filters)))
        spread = keras.ops.convert_to_tensor(spread, op_weights.dtype)
        chosen = keras.ops.matmul(op_weights, self._choice(op_weights, copied))
        return keras.ops.unstack(
            keras.ops.matmul(keras.ops.transpose(chosen), spread)
        )

    def _choice(self, op_weights, candidates):
        """Returns the matrix that takes the columns of some operations."""
        columns = [column for column, _ in candidates]
        choice = np.eye(len(self.operations))[:, columns]
        return keras.ops.convert_to_tensor(choice, op_weights.dtype)

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


def _weighted_sums(results, weights):
    """Returns one weighted sum of the results for each edge.

    As one small matrix product: 4 ms at 4 edges and 3 results of shape
    `(64, 32, 32, 16)`, where products and sums one by one take 9 to 19 ms.
    """
    matrix = keras.ops.cast(weights, results[0].dtype)
    flat = keras.ops.reshape(keras.ops.stack(results), (len(results), -1))
    edges = keras.ops.matmul(matrix, flat)
    shape = (weights.shape[0], *keras.ops.shape(results[0]))
    return keras.ops.unstack(keras.ops.reshape(edges, shape))
