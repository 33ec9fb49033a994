"""The convolutional cell, with mixed edges and with chosen edges."""

import keras

from darts_tf.layers import conv_cell_base
from darts_tf.layers import elementwise_kernels
from darts_tf.layers import merged_edges
from darts_tf.layers import mixed_op
from darts_tf.layers import operation
from darts_tf.layers import operations
from darts_tf.layers import regularization
from darts_tf.layers import variable_kernels
from darts_tf.spaces import genotype as genotype_lib


@keras.saving.register_keras_serializable(package="darts_tf")
class ConvSearchCell(conv_cell_base.ConvCellBase):
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
        num_inputs: Integer, `1` or `2`, the input nodes. Defaults to `2`.
        output: String, `"concat"` or `"last"`, whether the output is all
            intermediate nodes or the last one. Defaults to `"concat"`.
        edge_primitives: Optional sequence, for each edge, in the order of
            `darts_tf.SearchSpace.edges`, the names that it may hold. Defaults
            to `None`, all on each edge.
        normalize_pools: Boolean, whether pools are normalised. Defaults to
            `True`.
        preprocess: Boolean, whether a 1x1 convolution brings each input to
            the cell's filters; without it the inputs must have them. Defaults
            to `True`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: A list of as many tensors `(batch, height, width, channels)` as
            the cell has inputs: the output of the cell before the last and of
            the last; the first is twice as high and wide if
            `previous_cell_type="reduction"`.
        op_weights: List with a tensor of shape `(num_edges_from_node,
            len(primitives))` for each node that edges leave.

    Returns:
        Tensor of shape `(batch, height / s, width / s, num_nodes * filters)`,
        where `s` is 2 in a reduction cell and 1 otherwise; of `filters`
        channels if `output="last"`.

    Raises:
        ValueError: If a cell type or a primitive is unknown, or there are more
            than two inputs.

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
        num_inputs=2,
        output="concat",
        edge_primitives=None,
        normalize_pools=True,
        preprocess=True,
        **kwargs,
    ):
        super().__init__(
            filters,
            cell_type,
            previous_cell_type,
            preprocess,
            **kwargs,
        )
        self.num_inputs = num_inputs
        self.primitives = tuple(primitives)
        self.num_nodes = num_nodes
        self.output_form = output
        self.edge_primitives = edge_primitives
        self.normalize_pools = normalize_pools
        self._make_preprocessing(affine=False)
        # Node `source` has an edge to every later intermediate node.
        self.mixed_ops = [
            mixed_op.MixedOp(
                self.primitives,
                filters,
                self._strides(source),
                copies=len(self._edges_from(source)),
                edge_primitives=self._primitives_from(source),
                normalize_pools=normalize_pools,
                name=f"from_node_{source}",
            )
            for source in range(num_inputs + num_nodes - 1)
        ]

    def build(self, inputs_shape, op_weights_shape=None):
        shape = self._build_preprocessing(inputs_shape)
        for source, layer in enumerate(self.mixed_ops):
            layer.build(self._shape_of(source, shape))

    def call(self, inputs, op_weights, training=None):
        """Eq. 1: node i is the sum over j < i of o_(j,i)(x_j)."""
        x = self._preprocess(inputs)
        edges = {}  # (j, i) -> o_(j,i)(x_j), of Eq. 2

        def leave(j):
            leaving = self.mixed_ops[j].edges(x[j], op_weights[j], training)
            edges.update(zip(self._edges_from(j), leaving, strict=True))

        for j in range(self.num_inputs - 1):
            leave(j)
        for i in self._nodes:
            leave(i - 1)
            total = merged_edges.total(edges[j, i] for j in range(i))
            x.append(self._sum_or_zeros(total, x))
        if self.output_form == "last":
            return x[-1]
        return keras.ops.concatenate(x[self.num_inputs :], -1)

    @property
    def _nodes(self):
        return range(self.num_inputs, self.num_inputs + self.num_nodes)

    def _edges_from(self, source):
        """Returns the edges that leave a node, as `(source, target)`."""
        return [(source, target) for target in self._nodes if target > source]

    def copy_of(self, primitive, source, target):
        """Returns the operation of an edge, and which of its copies it is.

        Args:
            primitive: String.
            source: Integer, the node that the edge leaves.
            target: Integer, the node that it enters.

        Returns:
            An `Operation` and an integer, or `None` if the cell has no such
            edge or operation on it.
        """
        if target not in self._nodes or primitive not in self.primitives:
            return None
        mixed = self.mixed_ops[source]
        edge = self._edges_from(source).index((source, target))
        edges = mixed.edges_with(primitive)
        if edge not in edges:
            return None
        layer = mixed.operations[self.primitives.index(primitive)]
        return layer, edges.index(edge)

    def _primitives_from(self, source):
        """Returns what each edge that leaves a node may hold."""
        if self.edge_primitives is None:
            return None
        edges = [(j, i) for i in self._nodes for j in range(i)]
        return [
            self.edge_primitives[edges.index(edge)]
            for edge in self._edges_from(source)
        ]

    def compute_output_shape(self, inputs_shape, op_weights_shape=None):
        shape = self._halved(inputs_shape[-1])
        joined = 1 if self.output_form == "last" else self.num_nodes
        return (*shape[:3], joined * self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "primitives": self.primitives,
            "num_nodes": self.num_nodes,
            "num_inputs": self.num_inputs,
            "output": self.output_form,
            "edge_primitives": self.edge_primitives,
            "normalize_pools": self.normalize_pools,
        }


@keras.saving.register_keras_serializable(package="darts_tf")
class ConvCell(conv_cell_base.ConvCellBase):
    """A convolutional cell with the edges of a genotype.

    Args:
        cell: A `darts_tf.Cell` with one or two inputs, or its config as in a
            genotype's JSON. Edges that hold `"none"` are no edges. Operations
            that do not lead to the output have weights and are not computed.
        filters: Integer, the number of channels of each node.
        cell_type: String, `"normal"` or `"reduction"`. Defaults to
            `"normal"`.
        previous_cell_type: String, the type of the cell before. Defaults to
            `"normal"`.
        preprocess: Boolean, as for `ConvSearchCell`. Defaults to `True`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: A list of tensors `(batch, height, width, channels)`, as for
            `ConvSearchCell`.
        drop_path_rate: Optional scalar tensor, the probability with which a
            sample loses an edge that is not an identity, in training.
        training: Boolean. Inference adds the edges two at a time, which
            exporters want.

    Returns:
        Tensor of shape `(batch, height / s, width / s, len(concat) *
        filters)`, where `s` is 2 in a reduction cell and 1 otherwise.

    Raises:
        ValueError: If a cell type or a primitive is unknown, or there are more
            than two inputs.

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
        preprocess=True,
        **kwargs,
    ):
        super().__init__(
            filters,
            cell_type,
            previous_cell_type,
            preprocess,
            **kwargs,
        )
        self.cell = _to_cell(cell)
        self.num_inputs = self.cell.num_inputs
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
            for node, edges in self._incoming()
        ]
        self.drop_path = regularization.DropPath(name="drop_path")
        self._needed = self.cell.nodes_of_output()

    def chosen_operations(self):
        """Yields the node, the `Edge` and the layer of each operation."""
        for (node, edges), layers in zip(
            self._incoming(), self.operations, strict=True
        ):
            for edge, layer in zip(edges, layers, strict=True):
                yield node, edge, layer

    def _incoming(self):
        """Yields the nodes with their edges, except those that hold none."""
        for node, edges in enumerate(self.cell.nodes, self.num_inputs):
            yield node, [edge for edge in edges if edge.primitive != "none"]

    def build(self, input_shape):
        shape = self._build_preprocessing(input_shape)
        for _, edge, layer in self.chosen_operations():
            layer.build(self._shape_of(edge.source, shape))

    def call(self, inputs, drop_path_rate=None, training=None):
        """Eq. 1: each node is the sum of the chosen operations' results."""
        x = self._preprocess(inputs)
        idle = []
        for (node, edges), layers in zip(
            self._incoming(), self.operations, strict=True
        ):
            if node not in self._needed:
                x.append(None)
                idle += [v for o in layers for v in o.trainable_variables]
                continue
            results = [
                self._apply(layer, x[edge.source], drop_path_rate)
                for edge, layer in zip(edges, layers, strict=True)
            ]
            total = results and elementwise_kernels.add_n(
                results, training=bool(training)
            )
            x.append(self._sum_or_zeros(total if results else None, x))
        joined = [x[k] for k in self.cell.concat]
        outputs = keras.ops.concatenate(joined, -1)
        if not training:
            return outputs
        return variable_kernels.with_zero_gradients(outputs, idle)

    def _apply(self, layer, inputs, drop_path_rate):
        outputs = layer(inputs)
        if drop_path_rate is None or isinstance(layer, operation.Identity):
            return outputs
        return self.drop_path(outputs, rate=drop_path_rate)

    def compute_output_shape(self, input_shape):
        shape = self._halved(input_shape[-1])
        return (*shape[:3], len(self.cell.concat) * self.filters)

    def get_config(self):
        return {**super().get_config(), "cell": self.cell.get_config()}


def _to_cell(cell):
    if isinstance(cell, genotype_lib.Cell):
        return cell
    nodes = tuple(
        tuple(genotype_lib.Edge(*edge) for edge in edges)
        for edges in cell["nodes"]
    )
    return genotype_lib.Cell(
        nodes, tuple(cell["concat"]), cell.get("num_inputs", 2)
    )
