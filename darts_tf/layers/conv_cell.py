"""The convolutional cell, with mixed edges and with chosen edges."""

import keras

from darts_tf.layers import convolution_stack
from darts_tf.layers import elementwise_kernels
from darts_tf.layers import inputs as inputs_lib
from darts_tf.layers import merged_edges
from darts_tf.layers import mixed_op
from darts_tf.layers import operation
from darts_tf.layers import operations
from darts_tf.layers import regularization
from darts_tf.spaces import genotype as genotype_lib

CELL_TYPES = ("normal", "reduction")


class _ConvCellBase(keras.layers.Layer):
    """Brings the outputs of the two cells before to this cell's filters."""

    def __init__(self, filters, cell_type, previous_cell_type, **kwargs):
        # Keras would cast the op weights, too, to a low precision.
        super().__init__(autocast=False, **kwargs)
        for name, value in (
            ("cell_type", cell_type),
            ("previous_cell_type", previous_cell_type),
        ):
            if value not in CELL_TYPES:
                raise ValueError(
                    f"`{name}` must be one of {CELL_TYPES}. "
                    f"Received: {name}={value!r}"
                )
        self.filters = filters
        self.cell_type = cell_type
        self.previous_cell_type = previous_cell_type

    def _make_preprocessing(self, affine):
        # If the cell before halved the resolution, the one before it did not.
        same = convolution_stack.PointwiseConvolution
        halving = convolution_stack.FactorizedReduce
        reduced = self.previous_cell_type == "reduction"
        kinds = (halving if reduced else same, same)
        self.preprocess = [
            kind(self.filters, affine=affine, name=f"preprocess_{k}")
            for k, kind in enumerate(kinds)
        ]

    def _build_preprocessing(self, input_shape):
        """Builds it and returns the shape of an input node's tensor."""
        self.input_spec = tuple(
            inputs_lib.image_spec(shape[-1]) for shape in input_shape
        )
        for layer, shape in zip(self.preprocess, input_shape, strict=True):
            layer.build(shape)
        return self.preprocess[1].compute_output_shape(input_shape[1])

    def _preprocess(self, inputs):
        return [
            layer(tensor)
            for layer, tensor in zip(self.preprocess, inputs, strict=True)
        ]

    def _strides(self, source):
        return 2 if self.cell_type == "reduction" and source < 2 else 1

    def _halved(self, shape):
        """Returns the shape of an intermediate node's tensor."""
        strides = self._strides(0)
        return (
            shape[0],
            *(
                None if size is None else -(-size // strides)
                for size in shape[1:3]
            ),
            self.filters,
        )

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "cell_type": self.cell_type,
            "previous_cell_type": self.previous_cell_type,
        }


@keras.saving.register_keras_serializable(package="darts_tf")
class ConvSearchCell(_ConvCellBase):
    """A convolutional cell in which every edge is a mixed operation.

    Nodes 0 and 1 are the outputs of the two cells before. Each intermediate
    node is the sum of its incoming edges, one from every earlier node (Eq. 1);
    the output joins the intermediate nodes in the channels.

    Args:
        primitives: Sequence of strings, the candidate operations.
        num_nodes: Integer, the number of intermediate nodes. Defaults to `4`.
        filters: Integer, the number of channels of each node. Defaults to
            `16`.
        cell_type: String, `"normal"` or `"reduction"`, where edges from the
            inputs have stride 2. Defaults to `"normal"`.
        previous_cell_type: String, the type of the cell before. Defaults to
            `"normal"`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: A pair of tensors `(batch, height, width, channels)`, the
            output of the cell before the last and of the last; the first is
            twice as high and wide if `previous_cell_type="reduction"`.
        op_weights: List with a tensor of shape `(num_edges_from_node,
            len(primitives))` for each node that edges leave.

    Returns:
        Tensor of shape `(batch, height / s, width / s, num_nodes * filters)`,
        where `s` is 2 in a reduction cell and 1 otherwise.

    Raises:
        ValueError: If a cell type or a primitive is unknown.

    Example:

    >>> cell = darts_tf.layers.ConvSearchCell(
    ...     ["none", "skip_connect"], num_nodes=2, filters=4
    ... )
    >>> images = np.ones((1, 8, 8, 3), "float32")
    >>> op_weights = [np.full((n, 2), 0.5, "float32") for n in (2, 2, 1)]
    >>> cell([images, images], op_weights).shape
    TensorShape([1, 8, 8, 8])

    Reference:
        Section 2.1 and Appendix A.1.1 of the DARTS paper, arXiv:1806.09055.
    """

    def __init__(
        self,
        primitives,
        num_nodes=4,
        filters=16,
        cell_type="normal",
        previous_cell_type="normal",
        **kwargs,
    ):
        super().__init__(filters, cell_type, previous_cell_type, **kwargs)
        self.primitives = tuple(primitives)
        self.num_nodes = num_nodes
        self._make_preprocessing(affine=False)
        # Node `source` has an edge to every later intermediate node.
        self.mixed_ops = [
            mixed_op.MixedOp(
                self.primitives,
                filters,
                self._strides(source),
                copies=len(self._edges_from(source)),
                name=f"from_node_{source}",
            )
            for source in range(num_nodes + 1)
        ]

    def build(self, inputs_shape, op_weights_shape=None):
        shape = self._build_preprocessing(inputs_shape)
        for source, layer in enumerate(self.mixed_ops):
            layer.build(shape if source < 2 else self._halved(shape))

    def call(self, inputs, op_weights, training=None):
        """Eq. 1: node i is the sum over j < i of o_(j,i)(x_j)."""
        x = self._preprocess(inputs)
        edges = {}  # (j, i) -> o_(j,i)(x_j), of Eq. 2

        def leave(j):
            leaving = self.mixed_ops[j].edges(x[j], op_weights[j], training)
            edges.update(zip(self._edges_from(j), leaving, strict=True))

        leave(0)
        for i in range(2, self.num_nodes + 2):
            leave(i - 1)
            x.append(merged_edges.total(edges[j, i] for j in range(i)))
        return keras.ops.concatenate(x[2:], -1)

    def _edges_from(self, source):
        """Returns the edges that leave a node, as `(source, target)`."""
        return [
            (source, target)
            for target in range(max(source + 1, 2), self.num_nodes + 2)
        ]

    def compute_output_shape(self, inputs_shape, op_weights_shape=None):
        shape = self._halved(inputs_shape[1])
        return (*shape[:3], self.num_nodes * self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "primitives": self.primitives,
            "num_nodes": self.num_nodes,
        }


@keras.saving.register_keras_serializable(package="darts_tf")
class ConvCell(_ConvCellBase):
    """A convolutional cell with the edges of a genotype.

    Args:
        cell: A `darts_tf.Cell` with two inputs, or its edges as a dictionary
            of `nodes` and `concat`, as in a genotype's JSON.
        filters: Integer, the number of channels of each node.
        cell_type: String, `"normal"` or `"reduction"`. Defaults to
            `"normal"`.
        previous_cell_type: String, the type of the cell before. Defaults to
            `"normal"`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: A pair of tensors `(batch, height, width, channels)`, as for
            `ConvSearchCell`.
        drop_path_rate: Optional scalar tensor, the probability with which a
            sample loses an edge that is not an identity, in training.
        training: Boolean. Inference adds the edges two at a time, which
            exporters want.

    Returns:
        Tensor of shape `(batch, height / s, width / s, len(concat) *
        filters)`, where `s` is 2 in a reduction cell and 1 otherwise.

    Raises:
        ValueError: If a cell type or a primitive is unknown.

    Example:

    >>> edges = [[("sep_conv_3x3", 0), ("skip_connect", 1)]]
    >>> cell = darts_tf.layers.ConvCell(
    ...     {"nodes": edges, "concat": [2]}, filters=4
    ... )
    >>> images = np.ones((1, 8, 8, 3), "float32")
    >>> cell([images, images]).shape
    TensorShape([1, 8, 8, 4])

    Reference:
        Section 2.4 and Appendix A.2.1 of the DARTS paper, arXiv:1806.09055.
    """

    def __init__(
        self,
        cell,
        filters,
        cell_type="normal",
        previous_cell_type="normal",
        **kwargs,
    ):
        super().__init__(filters, cell_type, previous_cell_type, **kwargs)
        self.cell = _to_cell(cell)
        self._make_preprocessing(affine=True)
        self.operations = [
            [
                operations.create(
                    edge.primitive,
                    filters,
                    self._strides(edge.source),
                    name=f"node_{node}_edge_{k}_{edge.primitive}",
                )
                for k, edge in enumerate(edges)
            ]
            for node, edges in enumerate(self.cell.nodes, 2)
        ]
        self.drop_path = regularization.DropPath(name="drop_path")

    def build(self, input_shape):
        shape = self._build_preprocessing(input_shape)
        for edges, layers in zip(self.cell.nodes, self.operations, strict=True):
            for edge, layer in zip(edges, layers, strict=True):
                layer.build(shape if edge.source < 2 else self._halved(shape))

    def call(self, inputs, drop_path_rate=None, training=None):
        """Eq. 1: each node is the sum of the chosen operations' results."""
        x = self._preprocess(inputs)
        for edges, layers in zip(self.cell.nodes, self.operations, strict=True):
            results = [
                self._apply(layer, x[edge.source], drop_path_rate)
                for edge, layer in zip(edges, layers, strict=True)
            ]
            x.append(
                elementwise_kernels.add_n(results, training=bool(training))
            )
        return keras.ops.concatenate([x[k] for k in self.cell.concat], -1)

    def _apply(self, layer, inputs, drop_path_rate):
        outputs = layer(inputs)
        if drop_path_rate is None or isinstance(layer, operation.Identity):
            return outputs
        return self.drop_path(outputs, rate=drop_path_rate)

    def compute_output_shape(self, input_shape):
        shape = self._halved(input_shape[1])
        return (*shape[:3], len(self.cell.concat) * self.filters)

    def get_config(self):
        nodes = [
            [(edge.primitive, edge.source) for edge in edges]
            for edges in self.cell.nodes
        ]
        return {
            **super().get_config(),
            "cell": {"nodes": nodes, "concat": list(self.cell.concat)},
        }


def _to_cell(cell):
    if isinstance(cell, genotype_lib.Cell):
        return cell
    nodes = tuple(
        tuple(genotype_lib.Edge(*edge) for edge in edges)
        for edges in cell["nodes"]
    )
    return genotype_lib.Cell(nodes, tuple(cell["concat"]))
