"""The mixed operation: the continuous relaxation of a choice."""

import keras

from darts_tf.layers import inputs as inputs_lib
from darts_tf.layers import merged_edges
from darts_tf.layers import operation
from darts_tf.layers import operations


@keras.saving.register_keras_serializable(package="darts_tf")
class MixedOp(keras.layers.Layer):
    r"""Weights all candidate operations on all edges that leave one node.

    On an edge from node j to node i the choice of an operation is relaxed to

        o_(i,j)(x_j) = sum over o in O of op_weight_(i,j),o * o(x_j)     (Eq. 2)

    The edges that leave a node read the same tensor, so one layer serves them
    all, at the speed of one (`merged_edges.py` says how). The result is that of
    one small layer for each edge and candidate, to rounding.

    Args:
        primitives: Sequence of strings, the candidates (O).
        filters: Integer, the number of channels on each edge.
        strides: Integer, `1` or `2`. Defaults to `1`.
        copies: Integer, the number of edges. Defaults to `1`.
        edge_primitives: Optional sequence, for each edge the names that it
            may hold: it has weights for those only, and computes only those.
            Defaults to `None`, all on each edge.
        normalize_pools: Boolean, whether pools are normalised. Defaults to
            `True`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Tensor of shape `(batch, height, width, filters)`.
        op_weights: Tensor of shape `(copies, len(primitives))`, usually a
            softmax over the last axis.

    Returns:
        A list of `copies` tensors of shape `(batch, ceil(height / strides),
        ceil(width / strides), filters)`, one for each edge.

    Raises:
        ValueError: If a primitive is unknown, all of them are `none`, or the
            edges are not `copies`.

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

    def __init__(
        self,
        primitives,
        filters,
        strides=1,
        copies=1,
        edge_primitives=None,
        normalize_pools=True,
        **kwargs,
    ):
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
        if edge_primitives is not None and len(edge_primitives) != copies:
            raise ValueError(
                f"`edge_primitives` must have an entry for each of the {copies}"
                f" edges. Received: {len(edge_primitives)} entries"
            )
        self.edge_primitives = edge_primitives
        self.normalize_pools = normalize_pools
        self.input_spec = inputs_lib.image_spec(filters)
        self.operations = [self._create(name) for name in self.primitives]

    def _create(self, name):
        """Returns the operation with a copy for each edge that holds it."""
        copies = len(self.edges_with(name))
        if not copies:
            return None
        # An affine pool is one without normalisation.
        affine = operations.is_pool(name) and not self.normalize_pools
        return operations.create(
            name, self.filters, self.strides, copies, affine=affine
        )

    def edges_with(self, name):
        """Returns the edges that hold a primitive: those of its copies.

        Args:
            name: String, one of `primitives`.

        Returns:
            Tuple of integers from 0 to `copies - 1`, ascending.
        """
        rows = self.edge_primitives
        return tuple(
            edge
            for edge in range(self.copies)
            if rows is None or name in rows[edge]
        )

    def build(self, inputs_shape, op_weights_shape=None):
        for candidate in self.operations:
            if candidate is not None:
                candidate.build(inputs_shape)

    def call(self, inputs, op_weights, training=None):
        inputs = inputs_lib.numbers(inputs, self.compute_dtype)
        edges = self.edges(inputs, op_weights, training)
        totals = [merged_edges.total([edge]) for edge in edges]
        nothing = operation.Zero(
            self.filters, self.strides, dtype=self.dtype_policy
        )
        return [nothing(inputs) if t is None else t for t in totals]

    def edges(self, inputs, op_weights, training=None):
        """Eq. 2: the sum over o of op_weight_o * o(x), on each edge.

        Args:
            inputs: Tensor x, as in the call.
            op_weights: Tensor, as in the call.
            training: Boolean.

        Returns:
            List with a `merged_edges.LazySum` for each edge: a cell sums what
            comes on several edges in one go.
        """
        shape = (self.copies, len(self.primitives))
        inputs_lib.check_shape("op_weights", op_weights, shape)
        edges = [merged_edges.LazySum() for _ in range(self.copies)]
        for rows, candidates in self._by_edges().items():
            some = op_weights
            if len(rows) < self.copies:
                some = keras.ops.take(op_weights, rows, axis=0)
            mixed = merged_edges.WeightedSum(
                inputs, some, (len(rows), shape[1]), training
            )
            for column, candidate in candidates:
                # + op_weights[rows, column] * candidate(inputs)
                mixed.add(column, candidate)
            for row, edge in zip(rows, mixed.by_edge(), strict=True):
                edges[row].extend(edge)
        return edges

    def _by_edges(self):
        """Returns the operations by the edges that hold them, without none."""
        groups = {}
        for column, candidate in enumerate(self.operations):
            if candidate is not None and self.primitives[column] != "none":
                rows = self.edges_with(self.primitives[column])
                groups.setdefault(rows, []).append((column, candidate))
        return groups

    def compute_output_shape(self, inputs_shape, op_weights_shape=None):
        kept = [o for o in self.operations if o is not None]
        shape = kept[0].compute_output_shape(inputs_shape)[:3]
        return [(*shape, self.filters)] * self.copies

    def get_config(self):
        return {
            **super().get_config(),
            "primitives": self.primitives,
            "filters": self.filters,
            "strides": self.strides,
            "copies": self.copies,
            "edge_primitives": self.edge_primitives,
            "normalize_pools": self.normalize_pools,
        }
