"""Recurrent cells: the one that is searched, and that of a genotype."""

import keras

from darts_tf import checks
from darts_tf.distribution import replicas
from darts_tf.distribution import statistics
from darts_tf.layers import batch_norm
from darts_tf.layers import elementwise_kernels
from darts_tf.layers import highway_kernels
from darts_tf.layers import inputs as inputs_lib
from darts_tf.layers import recurrence
from darts_tf.spaces import genotype as genotype_lib
from darts_tf.spaces import paper

# Of the batch normalisation, as published.
MOMENTUM = paper.BatchNorm.momentum
_EPSILON = paper.BatchNorm.epsilon


@keras.saving.register_keras_serializable(package="darts_tf")
class RecurrentSearchCell(recurrence.Recurrence):
    """A recurrent cell whose edges mix all activations, over a sequence.

    Each node reads all nodes before it, with all activations, weighted by the
    op weights (Eq. 2). The edges that enter a node share its matrix, so they
    are one product. Batch normalisation without affine parameters follows
    `s_0` and each node: it keeps the sums of many activations in range.

    Args:
        units: Integer, the width of the state.
        primitives: Sequence of strings, the activations, of which `"none"`
            adds nothing.
        num_nodes: Integer, the number of searched nodes. Defaults to `8`.
        input_dropout: Float in [0, 1), the probability of losing a feature of
            the inputs, the same one at each step of a sequence. Defaults to
            `0.0`.
        hidden_dropout: Float in [0, 1), the probability that the products do
            not see a unit of the state and of the nodes, the same one at each
            step of a sequence. Defaults to `0.0`.
        seed: Optional integer, of the dropout. Defaults to `None`, a seed that
            `keras.utils.set_random_seed` determines.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Tensor of shape `(batch, time, features)`.
        op_weights: Tensor of shape `(num_edges, len(primitives))`, its rows in
            the order of `darts_tf.SearchSpace.edges`, usually a softmax over
            the last axis.
        state: Optional tensor of shape `(batch, units)`, the state before the
            sequence. Defaults to `None`, zeros.
        training: Boolean, whether to drop and, unless the layer is frozen
            (`trainable = False`), to normalise by the statistics of the batch
            (and move the moving ones).

    Returns:
        The outputs of all steps, of shape `(batch, time, units)`, and the last
        state, of shape `(batch, units)`.

    Raises:
        ValueError: If a size is not positive, a rate out of range, a primitive
            unknown, or all of them are `none`.

    Example:

    >>> space = darts_tf.SearchSpace.recurrent()
    >>> cell = darts_tf.layers.RecurrentSearchCell(16, space.primitives)
    >>> op_weights = np.full(space.alphas_shape, 0.2, "float32")
    >>> outputs, state = cell(np.ones((4, 35, 8), "float32"), op_weights)
    >>> outputs.shape, state.shape
    (TensorShape([4, 35, 16]), TensorShape([4, 16]))

    Reference:
        Section 2.2 and Appendix A.1.2 of the DARTS paper, arXiv:1806.09055.
    """

    def __init__(
        self,
        units,
        primitives,
        num_nodes=8,
        input_dropout=0.0,
        hidden_dropout=0.0,
        seed=None,
        **kwargs,
    ):
        super().__init__(units, input_dropout, hidden_dropout, seed, **kwargs)
        self.primitives = tuple(primitives)
        self.num_nodes = checks.integer(
            num_nodes, "num_nodes", 1, checks.MAX_NODES
        )
        self._columns = [
            k for k, name in enumerate(self.primitives) if name != "none"
        ]
        if not self._columns:
            raise ValueError(
                "A mixed operation needs a primitive besides 'none'. "
                f"Received: primitives={self.primitives}"
            )
        self._candidates = tuple(
            recurrence.activation(self.primitives[column])
            for column in self._columns
        )

    def build(self, inputs_shape, op_weights_shape=None, state_shape=None):
        self._add_kernels(inputs_shape[-1], self.num_nodes)
        # Differs from the reference: there, one set of moving statistics
        # serves all nodes, so that in inference each is normalised by a blend
        # dominated by the last one. In training there is no difference.
        self.moving_mean, self.moving_variance = (
            self.add_weight(
                name=name,
                shape=(self.num_nodes + 1, self.units),
                initializer=initializer,
                trainable=False,
                dtype=batch_norm.full_precision(self),
                autocast=False,
                aggregation="only_first_replica",
            )
            for name, initializer in (
                ("moving_mean", "zeros"),
                ("moving_variance", "ones"),
            )
        )

    def call(self, inputs, op_weights, state=None, training=None):
        op_weights = self._by_node(op_weights)
        moving = [
            keras.ops.convert_to_tensor(variable.value)
            for variable in (self.moving_mean, self.moving_variance)
        ]
        # A frozen layer normalises as in inference, and still drops.
        by_batch = training and self.trainable
        num_replicas = replicas.count()
        count = keras.ops.cast(
            keras.ops.shape(inputs)[0] * num_replicas, moving[0].dtype
        )

        # Two products can run side by side where one of both could not.
        halves = [keras.ops.split(m, 2, axis=1) for m in self._matrices()]

        def nodes(s_0, mask, carried):
            used = []

            def normalize(node, state):
                statistics = (
                    _statistics(state)
                    if by_batch
                    else [values[node] for values in moving]
                )
                used.append(statistics)
                return _normalize(state, *statistics)

            mean = self._mean_of_nodes(s_0, halves, mask, op_weights, normalize)
            return mean, _move(carried, used, count) if by_batch else []

        outputs, state, *moved = self._run(
            inputs,
            state,
            training,
            moving if by_batch else [],
            nodes,
            # Replicas cannot meet inside of a loop of the graph.
            unrolled=by_batch and num_replicas > 1,
        )
        if by_batch:
            self.moving_mean.assign(moved[0])
            self.moving_variance.assign(moved[1])
        return outputs, state

    def _mean_of_nodes(self, s_0, halves, mask, op_weights, normalize):
        """Returns the output of a step, the mean of its nodes.

        Each node sums the mixed edges from all nodes before it (Eq. 1 and 2),

            s_i = sum over j < i, f in O of
                op_weight_(j,i),f * (s_j + c * (f(g) - s_j))

        with c = sigmoid(d) and [d, g] = s_j W_i, normalised over the batch.
        """
        s = [normalize(0, s_0)]
        seen = [recurrence.masked(s[0], mask)]
        for i, (gate_matrix, input_matrix) in enumerate(halves, 1):
            joined = keras.ops.stack(seen)  # all j: the edges share W_i
            s_i = highway_kernels.mixed_highway(
                s,
                recurrence.product(joined, gate_matrix),  # d
                recurrence.product(joined, input_matrix),  # g
                op_weights[i - 1],
                self._candidates,
            )
            s.append(normalize(i, s_i))
            seen.append(recurrence.masked(s[i], mask))
        return elementwise_kernels.add_n(s[1:]) / self.num_nodes

    def _by_node(self, op_weights):
        """Returns the op weights of the edges that enter each node."""
        num_edges = self.num_nodes * (self.num_nodes + 1) // 2
        expected = (num_edges, len(self.primitives))
        inputs_lib.check_shape("op_weights", op_weights, expected)
        op_weights = keras.ops.cast(
            keras.ops.take(op_weights, self._columns, axis=1),
            self.compute_dtype,
        )
        # Node i has i edges; rows are in the order of the nodes they enter.
        ends = [node * (node + 1) // 2 for node in range(1, self.num_nodes)]
        return keras.ops.split(op_weights, ends) if ends else [op_weights]

    def get_config(self):
        return {
            **super().get_config(),
            "primitives": self.primitives,
            "num_nodes": self.num_nodes,
        }


def _statistics(states):
    """Returns mean and variance over the batch, in full precision."""
    dtype = "float64" if states.dtype == "float64" else "float32"
    mean, variance, _ = statistics.moments(states, dtype)
    return mean, variance


def _move(moving, used, count):
    """Returns the moving statistics after a step."""
    mean, variance = (
        keras.ops.stop_gradient(keras.ops.stack(values))
        for values in zip(*used, strict=True)
    )
    # Unbiased, as in PyTorch; a batch of one has no variance at all.
    variance *= count / keras.ops.maximum(count - 1, 1)
    return [
        MOMENTUM * old + (1.0 - MOMENTUM) * new
        for old, new in zip(moving, (mean, variance), strict=True)
    ]


def _normalize(states, mean, variance):
    outputs = (keras.ops.cast(states, mean.dtype) - mean) * keras.ops.rsqrt(
        variance + _EPSILON
    )
    return keras.ops.cast(outputs, states.dtype)


@keras.saving.register_keras_serializable(package="darts_tf")
class RecurrentCell(recurrence.Recurrence):
    """A recurrent cell with the edges of a genotype, over a sequence.

    Args:
        cell: A `darts_tf.Cell` with one input, `s_0`, or its dictionary, as
            in a genotype's JSON.
        units: Integer, the width of the state.
        input_dropout: Float in [0, 1), the probability of losing a feature of
            the inputs, the same one at each step of a sequence. Defaults to
            `0.0`.
        hidden_dropout: Float in [0, 1), the probability that the products do
            not see a unit of the state and of the nodes, the same one at each
            step of a sequence. Defaults to `0.0`.
        seed: Optional integer, of the dropout. Defaults to `None`, a seed that
            `keras.utils.set_random_seed` determines.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Tensor of shape `(batch, time, features)`.
        state: Optional tensor of shape `(batch, units)`, the state before the
            sequence. Defaults to `None`, zeros.
        training: Boolean, whether to drop.

    Returns:
        The outputs of all steps, of shape `(batch, time, units)`, and the last
        state, of shape `(batch, units)`.

    Raises:
        ValueError: If the cell has more than one input, a size is not
            positive, a rate out of range or an activation unknown.

    Example:

    >>> genotype = darts_tf.zoo.RECURRENT_DARTS_V2
    >>> cell = darts_tf.layers.RecurrentCell(genotype.recurrent, units=16)
    >>> outputs, state = cell(np.ones((4, 35, 8), "float32"))
    >>> outputs.shape, state.shape
    (TensorShape([4, 35, 16]), TensorShape([4, 16]))

    Reference:
        Section 2.4 and Appendix A.2.2 of the DARTS paper, arXiv:1806.09055.
    """

    def __init__(
        self,
        cell,
        units,
        input_dropout=0.0,
        hidden_dropout=0.0,
        seed=None,
        **kwargs,
    ):
        super().__init__(units, input_dropout, hidden_dropout, seed, **kwargs)
        if not isinstance(cell, genotype_lib.Cell):
            cell = genotype_lib.Cell.from_config(cell)
        if cell.num_inputs != 1:
            raise ValueError(
                "A recurrent cell has one input node, `s_0`. "
                f"Received: num_inputs={cell.num_inputs}"
            )
        self.cell = cell
        self._activations = [
            [recurrence.activation(edge.primitive) for edge in edges]
            for edges in cell.nodes
        ]

    def build(self, inputs_shape, state_shape=None):
        self._add_kernels(inputs_shape[-1], len(self.cell.nodes))

    def call(self, inputs, state=None, training=None):
        matrices = self._matrices()

        def nodes(s_0, mask, carried):
            # s_i = s_j + c * (f(g) - s_j),  c = sigmoid(d),  [d, g] = s_j W_i
            s, seen = [s_0], [recurrence.masked(s_0, mask)]
            for edges, activations, matrix in zip(
                self.cell.nodes, self._activations, matrices, strict=True
            ):
                results = [
                    recurrence.highway(
                        s[edge.source],
                        keras.ops.matmul(seen[edge.source], matrix),
                        function,
                    )
                    for edge, function in zip(edges, activations, strict=True)
                ]
                s.append(elementwise_kernels.add_n(results))
                seen.append(recurrence.masked(s[-1], mask))
            joined = [s[node] for node in self.cell.concat]
            return elementwise_kernels.add_n(joined) / len(joined), []

        return self._run(inputs, state, training, [], nodes)

    def compute_output_shape(self, inputs_shape, state_shape=None):
        return super().compute_output_shape(inputs_shape)

    def get_config(self):
        return {**super().get_config(), "cell": self.cell.get_config()}
