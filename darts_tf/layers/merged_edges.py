"""Eq. 2 on all edges that leave a node at once, and Eq. 1 over such edges.

Written down directly, Eq. 2 is one small layer for each operation on each edge.
All edges that leave a node read the same tensor, so they are computed together,
with the same results to rounding:

- An operation with weights holds a copy for each edge, side by side in the
  channels. The op weights are the scale of its last normalisation, so that to
  weight it costs nothing.
- An operation without weights is computed once for all edges. One product of
  matrices weights and sums all of these.
- `none` adds nothing, and is not computed.
- Edges that hold other operations than the rest are computed apart.
- Operations that begin with the same step, such as a ReLU, share it. Those of
  dilation 2 are summed in their space-to-batch form, before it is undone once.

The speed of it is in docs/performance.md.
"""

import math

import keras
import numpy as np

from darts_tf import environment
from darts_tf.layers import convolution
from darts_tf.layers import depthwise_kernels
from darts_tf.layers import elementwise_kernels
from darts_tf.layers import input_transforms

# Of one image, at least. A batch of 64 has 1 MB of them in float32.
_NUMBERS_OF_A_CHUNK = 2**12
# The processor works on 16 numbers at once.
_CHANNELS_OF_A_CHUNK = 16


class LazySum:
    """Tensors on an edge that are yet to be summed.

    `total` sums several edges before it undoes the transforms of their inputs.
    """

    def __init__(self):
        self.tensors = {}  # by the inverse of the transform that they are in

    def add(self, tensors, transform=input_transforms.IDENTITY):
        """Adds tensors.

        Args:
            tensors: List of tensors.
            transform: The `InputTransform` that is yet to be undone.
        """
        self.tensors.setdefault(transform.inverse, []).extend(tensors)

    def extend(self, other):
        """Adds the tensors of another sum.

        Args:
            other: `LazySum`.
        """
        for inverse, tensors in other.tensors.items():
            self.tensors.setdefault(inverse, []).extend(tensors)


def total(edges):
    """Returns the sum of what comes on several edges, as in Eq. 1.

    Args:
        edges: Iterable of `LazySum`.

    Returns:
        Tensor, or `None` if there is nothing to sum.
    """
    everything = LazySum()
    for edge in edges:
        everything.extend(edge)
    terms = everything.tensors
    if not terms:
        return None
    images = terms.pop(input_transforms.IDENTITY.inverse, [])
    return elementwise_kernels.add_n(
        [
            *images,
            *(
                inverse(elementwise_kernels.add_n(tensors))
                for inverse, tensors in terms.items()
            ),
        ]
    )


class WeightedSum:
    """The sum over o of op_weight_o * o(x), on each edge that leaves a node.

    Args:
        inputs: Tensor of shape `(batch, height, width, filters)`, x.
        op_weights: Tensor, a row for each edge, a column for each primitive.
        shape: Tuple of 2 integers, that of `op_weights`, which a graph need not
            know.
        training: Boolean.
    """

    def __init__(self, inputs, op_weights, shape, training=None):
        self._inputs = inputs
        self._op_weights = op_weights
        self._copies, self._num_primitives = shape
        self._training = training
        self._copied, self._shared = [], []

    def add(self, column, candidate):
        """Adds `op_weights[:, column] * candidate(inputs)`.

        Args:
            column: Integer, that of the primitive.
            candidate: `Operation` with as many copies as there are edges.
        """
        those = self._shared if candidate.shared else self._copied
        those.append((column, candidate))

    def by_edge(self):
        """Computes what was added, and returns a `LazySum` for each edge."""
        edges = [LazySum() for _ in range(self._copies)]
        if self._copied:
            self._add_copied(edges)
        if self._shared:
            self._add_shared(edges)
        return edges

    def _add_copied(self, edges):
        """Adds the candidates that have a copy for each edge."""
        chunks, results = {}, {}
        for (_, candidate), scale in zip(
            self._copied, self._scales(), strict=True
        ):
            transform = candidate.input_transform(
                self._inputs.shape, self._training
            )
            if transform not in chunks:
                chunks[transform] = self._transformed(transform)
            outputs = candidate.call_in_chunks(
                chunks[transform], transform, scale, self._training
            )
            results.setdefault(transform, []).append(outputs)
        for transform, outputs in results.items():
            for edge, tensors in zip(
                edges, self._divided(outputs), strict=True
            ):
                edge.add(tensors, transform)

    def _add_shared(self, edges):
        """Adds the candidates that are computed once, for all edges."""
        results = [candidate(self._inputs) for _, candidate in self._shared]
        op_weights = self._columns(self._shared)
        sums = _weighted_sums(results, op_weights)
        for edge, tensor in zip(edges, sums, strict=True):
            edge.add([tensor])

    def _transformed(self, transform):
        """Returns what each chunk of the copies reads."""
        images = transform.forward(self._inputs, self._training)
        if not transform.repeats:
            return [images]
        count = num_chunks(self._copies, self._inputs.shape, self._training)
        copies = self._copies // count
        return [depthwise_kernels.repeat_channels(images, copies)] * count

    def _divided(self, results):
        """Returns a list of tensors for each edge, from results in chunks."""
        chunks = list(zip(*results, strict=True))
        if len(chunks) == self._copies:
            return [list(chunk) for chunk in chunks]
        copies = self._copies // len(chunks)
        return [
            [edge]
            for chunk in map(elementwise_kernels.add_n, chunks)
            for edge in convolution.split_channels(chunk, copies, chunk.dtype)
        ]

    def _scales(self):
        """Returns the op weight of each channel, for each of the candidates.

        Matrix products are exact here, for each sum has one term, and two nodes
        of a graph with their gradient; to repeat, take apart and stack are
        thirty.
        """
        filters, dtype = self._inputs.shape[-1], self._op_weights.dtype
        spread = np.kron(np.eye(self._copies), np.ones((1, filters)))
        spread = keras.ops.convert_to_tensor(spread, dtype)
        chosen = self._columns(self._copied)
        return keras.ops.unstack(
            keras.ops.matmul(keras.ops.transpose(chosen), spread)
        )

    def _columns(self, candidates):
        """Returns the op weights of some candidates, by a product, too."""
        columns = [column for column, _ in candidates]
        choice = np.eye(self._num_primitives)[:, columns]
        choice = keras.ops.convert_to_tensor(choice, self._op_weights.dtype)
        return keras.ops.matmul(self._op_weights, choice)


def num_chunks(copies, image_shape, training):
    """Returns in how many chunks to compute the copies of an operation.

    On a CPU a chain of operations is faster on tensors that the caches hold,
    0.7 times the time with 4 copies of `(64, 32, 32, 16)`. On small ones it is
    slower, and the graph of several chunks is larger.

    Args:
        copies: Integer, how many copies there are.
        image_shape: Tuple, the shape of a batch of images.
        training: Boolean; inference, which exporters see, has one chunk.

    Returns:
        Integer, a divisor of `copies`.
    """
    if not training or environment.has_gpu() or None in image_shape[1:]:
        return 1
    numbers, filters = math.prod(image_shape[1:]), image_shape[-1]

    def are_large_enough(count):
        size = copies // count
        return (
            copies % count == 0
            and size * numbers >= _NUMBERS_OF_A_CHUNK
            and size * filters >= _CHANNELS_OF_A_CHUNK
        )

    return max(filter(are_large_enough, range(2, copies + 1)), default=1)


def _weighted_sums(results, op_weights):
    """Returns one weighted sum of the results for each edge.

    As one small matrix product: 4 ms at 4 edges and 3 results of shape
    `(64, 32, 32, 16)`, where products and sums one by one take 9 to 19 ms.
    """
    matrix = keras.ops.cast(op_weights, results[0].dtype)
    flat = keras.ops.reshape(keras.ops.stack(results), (len(results), -1))
    edges = keras.ops.matmul(matrix, flat)
    shape = (op_weights.shape[0], *keras.ops.shape(results[0]))
    return keras.ops.unstack(keras.ops.reshape(edges, shape))
