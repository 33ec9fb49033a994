"""What the searched recurrent cell and that of a genotype have in common.

A step of either cell starts from its input x and its state h with

    s_0 = h + c * (tanh(g) - h),   c = sigmoid(d),  [d, g] = [x, h] W_0

and each further node i reads an earlier node j through a highway bypass,

    s_i = s_j + c * (f(g) - s_j),  c = sigmoid(d),  [d, g] = s_j W_i

with an activation f. The new state, and output, is the mean of some nodes.
"""

import keras

from darts_tf import checks
from darts_tf.layers import inputs as inputs_lib
from darts_tf.layers import regularization
from darts_tf.spaces import paper

_LARGEST = 2**31 - 1
_ACTIVATIONS = {
    "tanh": keras.ops.tanh,
    "relu": keras.ops.relu,
    "sigmoid": keras.ops.sigmoid,
    "identity": lambda inputs: inputs,
}


def activation(name):
    """Returns the activation that a primitive of a recurrent cell names.

    Args:
        name: String, `"tanh"`, `"relu"`, `"sigmoid"`, `"identity"` or any
            other name that `keras.activations.get` knows, such as `"gelu"`, or
            that of a custom function that is registered with Keras,
            `"package>name"`.

    Returns:
        Callable that maps a tensor to a tensor of the same shape.

    Raises:
        ValueError: If there is no such activation.
    """
    if name in _ACTIVATIONS:
        return _ACTIVATIONS[name]
    registered = keras.saving.get_registered_object(name)
    if registered is not None:
        return registered
    try:
        return keras.activations.get(name)
    except ValueError as error:
        raise ValueError(
            f"An activation must be one of {sorted(_ACTIVATIONS)} or known to "
            f"`keras.activations.get`. Received: primitive={name!r}"
        ) from error


def highway(state, product, candidate):
    """Moves a state towards a candidate, as far as a gate is open.

    Args:
        state: Tensor of shape `(..., units)`.
        product: Tensor of shape `(..., 2 * units)`, the gate before its
            sigmoid and the candidate before its activation, side by side.
        candidate: Callable, the activation f.

    Returns:
        Tensor of shape `(..., units)`.
    """
    gate, inputs = keras.ops.split(product, 2, axis=-1)
    return state + keras.ops.sigmoid(gate) * (candidate(inputs) - state)


def product(inputs, matrix):
    """Multiplies a stack of batches by one matrix, as a single product.

    `keras.ops.matmul` would be one product, too, but with a gradient that
    holds the matrix once for each batch.

    Args:
        inputs: Tensor of shape `(stack, batch, features)`.
        matrix: Tensor of shape `(features, columns)`.

    Returns:
        Tensor of shape `(stack, batch, columns)`.
    """
    shape = keras.ops.shape(inputs)
    flat = keras.ops.reshape(inputs, (-1, shape[-1]))
    outputs = keras.ops.matmul(flat, matrix)
    return keras.ops.reshape(outputs, (*shape[:-1], matrix.shape[-1]))


def masked(state, mask):
    """Returns the state times the mask, if there is one."""
    return state if mask is None else state * mask


class Recurrence(keras.layers.Layer):
    """A cell that is run over a sequence: masks, matrices and the loop.

    A subclass adds the matrices in `build` by `_add_kernels` and calls `_run`.

    Args:
        units: Integer, the width of the state.
        input_dropout: Float in [0, 1), the probability of losing a feature of
            the inputs.
        hidden_dropout: Float in [0, 1), the probability that the products do
            not see a unit of the state and of the nodes.
        seed: Optional integer, of the dropout.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Raises:
        ValueError: If `units` is not positive or a rate out of range.
    """

    # XLA wants to know how long the lists are that the gradient of the loop
    # keeps, and Keras' loop does not say it.
    _trains_under_xla = False

    def __init__(self, units, input_dropout, hidden_dropout, seed, **kwargs):
        # Keras would cast the op weights, too, to a low precision.
        super().__init__(autocast=False, **kwargs)
        self.units = checks.integer(units, "units", 1, _LARGEST)
        regularization.check_rates(
            input_dropout=input_dropout, hidden_dropout=hidden_dropout
        )
        self.input_dropout = input_dropout
        self.hidden_dropout = hidden_dropout
        self.seed = seed
        self.generator = keras.random.SeedGenerator(seed)

    def _add_kernels(self, features, num_nodes):
        """Creates `W_0` and the matrix of each node.

        Args:
            features: Integer, the width of the inputs.
            num_nodes: Integer, the number of nodes after `s_0`.
        """
        self.input_spec = inputs_lib.sequence_spec(features)

        def add(name, rows):
            return self.add_weight(
                name=name,
                shape=(rows, 2 * self.units),
                initializer=keras.initializers.RandomUniform(
                    -paper.RecurrentSearch.initial_range,
                    paper.RecurrentSearch.initial_range,
                ),
            )

        self.initial_kernel = add("initial_kernel", features + self.units)
        self.kernels = [
            add(f"kernel_{node}", self.units)
            for node in range(1, num_nodes + 1)
        ]

    def _matrices(self):
        """Returns the matrix of each node in the type that is computed in."""
        return [keras.ops.cast(m, self.compute_dtype) for m in self.kernels]

    def _run(self, inputs, state, training, carried, nodes, unrolled=False):
        """Runs the cell over a sequence.

        A step makes of the input x and the state h

            s_0 = h + c * (tanh(g) - h),  c = sigmoid(d),  [d, g] = [x, h] W_0

        and of that the new h, by `nodes`.

        The loop is one of the graph, not of Python: at 35 steps, copies of a
        step took most of a minute to build, and twice the time to run. What
        does not depend on the state is done before it: the inputs of all
        steps are one product.

        Args:
            inputs: Tensor of shape `(batch, time, features)`.
            state: Tensor of shape `(batch, units)`, or `None` for zeros.
            training: Boolean, whether to drop.
            carried: List of tensors that go from step to step, besides the
                state.
            nodes: Callable `nodes(s_0, mask, carried)` that makes of `s_0`
                the new state, and the new `carried`.
            unrolled: Boolean, whether to copy the graph of a step for each
                one, however long that takes. Defaults to `False`.

        Returns:
            The outputs of all steps, of shape `(batch, time, units)`, the last
            state, and what was carried.

        Raises:
            ValueError: If the number of steps to unroll is not known, or the
                state has another shape.
        """
        dtype = self.compute_dtype
        inputs = keras.ops.cast(inputs_lib.numbers(inputs, dtype), dtype)
        if state is None:
            shape = (keras.ops.shape(inputs)[0], self.units)
            state = keras.ops.zeros(shape, dtype)
        expected = (inputs.shape[0], self.units)
        inputs_lib.check_shape("state", state, expected)
        state = keras.ops.cast(state, dtype)
        mask = None
        if training:
            inputs, mask = self._drop(inputs, state)
        initial = keras.ops.cast(self.initial_kernel, dtype)
        input_matrix, state_matrix = keras.ops.split(
            initial, [inputs.shape[-1]]
        )
        by_time = keras.ops.transpose(inputs, (1, 0, 2))
        products = product(by_time, input_matrix)

        def step(carry, from_x):
            h, *carried = carry
            from_h = keras.ops.matmul(masked(h, mask), state_matrix)
            s_0 = highway(h, from_x + from_h, keras.ops.tanh)
            h, carried = nodes(s_0, mask, carried)
            return (h, *carried), (h, *carried)

        if unrolled and products.shape[0] is None:
            raise ValueError(
                "Several replicas need pieces of one known length: "
                "`vary_length=False` in `darts_tf.data.text_streams`. "
                f"Received: inputs of shape {inputs.shape}"
            )
        # A step, as it is exported, has no loop either.
        if unrolled or products.shape[0] == 1:
            last, outputs = (state, *carried), []
            for k in range(products.shape[0]):
                last, (output, *_) = step(last, products[k])
                outputs.append(output)
            sequences = [keras.ops.stack(outputs)]
        else:
            last, sequences = keras.ops.scan(step, (state, *carried), products)
        return keras.ops.transpose(sequences[0], (1, 0, 2)), *last

    def _drop(self, inputs, state):
        """Returns the inputs, dropped, and the mask of the state.

        Each sequence has one mask for all its steps (variational dropout).
        """
        mask = None
        if self.input_dropout:
            inputs = keras.random.dropout(
                inputs, self.input_dropout, (None, 1, None), self.generator
            )
        if self.hidden_dropout:
            mask = keras.random.dropout(
                keras.ops.ones_like(state),
                self.hidden_dropout,
                seed=self.generator,
            )
        return inputs, mask

    def compute_output_shape(
        self, inputs_shape, op_weights_shape=None, state_shape=None
    ):
        batch, time = inputs_shape[:2]
        return [(batch, time, self.units), (batch, self.units)]

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "input_dropout": self.input_dropout,
            "hidden_dropout": self.hidden_dropout,
            "seed": self.seed,
        }
