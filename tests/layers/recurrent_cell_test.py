import keras
import numpy as np
import pytest
import tensorflow as tf

import darts_tf
from darts_tf.layers import recurrence

PRIMITIVES = darts_tf.SearchSpace.recurrent().primitives
SMOOTH = ("none", "tanh", "sigmoid", "identity")
FUNCTIONS = {
    "none": lambda x: None,
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "identity": lambda x: x,
}
BATCH, TIME, FEATURES, UNITS, NODES = 5, 4, 3, 6, 3


def draw(*shape, scale=1.0, seed=0):
    return scale * np.random.default_rng(seed).normal(size=shape)


def some_op_weights(primitives=PRIMITIVES, nodes=NODES):
    edges = nodes * (nodes + 1) // 2
    return np.random.default_rng(1).dirichlet(np.ones(len(primitives)), edges)


def some_masks(rate=0.5):
    rng = np.random.default_rng(2)
    return [
        (rng.uniform(size=(BATCH, size)) > rate) / (1 - rate)
        for size in (FEATURES, UNITS)
    ]


def search_cell(primitives=PRIMITIVES, nodes=NODES, **options):
    """A cell with large weights, so that nothing is almost linear."""
    cell = darts_tf.layers.RecurrentSearchCell(
        UNITS, primitives, nodes, **options
    )
    cell.build((BATCH, TIME, FEATURES))
    enlarge(cell)
    return cell


def enlarge(cell):
    for k, variable in enumerate(cell.trainable_variables):
        variable.assign(draw(*variable.shape, scale=0.7, seed=10 + k))


def use_masks(cell, masks):
    """Puts known masks in the place of random ones."""
    cell._drop = lambda inputs, state: (
        inputs * keras.ops.convert_to_tensor(masks[0])[:, None],
        keras.ops.convert_to_tensor(masks[1]),
    )


def loop(cell, inputs, state, make_nodes, masks=None):
    """Runs over time in NumPy; `make_nodes(s0, mask)` gives the output."""
    matrices = [np.array(v) for v in cell.trainable_variables]
    x_mask, h_mask = masks or (1.0, 1.0)
    outputs = []
    for time in range(inputs.shape[1]):
        joined = np.concatenate(
            [inputs[:, time] * x_mask, state * h_mask], axis=1
        )
        gate, candidate = np.split(joined @ matrices[0], 2, axis=1)
        gate = FUNCTIONS["sigmoid"](gate)
        first = state + gate * (np.tanh(candidate) - state)
        state = make_nodes(first, matrices[1:], h_mask)
        outputs.append(state)
    return np.stack(outputs, axis=1)


def edge(source, matrix, name, mask):
    gate, candidate = np.split((source * mask) @ matrix, 2, axis=1)
    gate = FUNCTIONS["sigmoid"](gate)
    return source + gate * (FUNCTIONS[name](candidate) - source)


class MixedNodes:
    """The searched cell edge by edge, with its moving statistics."""

    def __init__(self, op_weights, primitives, training):
        self.op_weights, self.primitives = op_weights, primitives
        self.training = training
        self.mean = np.zeros((NODES + 1, UNITS))
        self.variance = np.ones((NODES + 1, UNITS))

    def normalize(self, node, values):
        mean, variance = self.mean[node], self.variance[node]
        if self.training:
            mean, variance = values.mean(0), values.var(0)
            self.mean[node] = 0.9 * self.mean[node] + 0.1 * mean
            self.variance[node] = 0.9 * self.variance[node] + 0.1 * values.var(
                0, ddof=1
            )
        return (values - mean) / np.sqrt(variance + 1e-5)

    def __call__(self, first, matrices, mask):
        states, row = [self.normalize(0, first)], 0
        for node, matrix in enumerate(matrices, 1):
            total = np.zeros_like(first)
            for source in states:
                for k, name in enumerate(self.primitives):
                    if name != "none":
                        total += self.op_weights[row, k] * edge(
                            source, matrix, name, mask
                        )
                row += 1
            states.append(self.normalize(node, total))
        assert row == len(self.op_weights)
        return np.mean(states[1:], axis=0)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("dropped", [False, True])
def test_search_cell_is_the_loop_over_time_nodes_and_edges(
    float64, training, dropped
):
    cell, op_weights = search_cell(), some_op_weights()
    masks = some_masks() if dropped and training else None
    if dropped:
        use_masks(cell, some_masks())
    inputs, state = draw(BATCH, TIME, FEATURES), draw(BATCH, UNITS, seed=3)
    nodes = MixedNodes(op_weights, PRIMITIVES, training)
    expected = loop(cell, inputs, state, nodes, masks)
    outputs, last = cell(inputs, op_weights, state=state, training=training)
    # float64 rounding, over 4 steps of 4 normalisations.
    np.testing.assert_allclose(outputs, expected, atol=1e-10)
    np.testing.assert_array_equal(last, outputs[:, -1])
    np.testing.assert_allclose(cell.moving_mean, nodes.mean, atol=1e-10)
    np.testing.assert_allclose(cell.moving_variance, nodes.variance, atol=1e-10)


def test_inference_uses_the_moving_statistics(float64):
    cell, op_weights = search_cell(), some_op_weights()
    inputs = draw(BATCH, TIME, FEATURES)
    cell(inputs, op_weights, training=True)
    nodes = MixedNodes(op_weights, PRIMITIVES, training=False)
    nodes.mean = np.array(cell.moving_mean)
    nodes.variance = np.array(cell.moving_variance)
    expected = loop(cell, inputs, np.zeros((BATCH, UNITS)), nodes)
    outputs, _ = cell(inputs, op_weights)
    np.testing.assert_allclose(outputs, expected, atol=1e-10)  # as above


@pytest.mark.parametrize("dropped", [False, True])
def test_cell_is_the_loop_over_time_and_nodes(float64, dropped):
    chosen = [("sigmoid", 0), ("relu", 1), ("tanh", 1), ("identity", 2)]
    cell = darts_tf.layers.RecurrentCell(
        darts_tf.Cell(
            tuple((darts_tf.Edge(*edge),) for edge in chosen),
            concat=(1, 3, 4),
            num_inputs=1,
        ),
        UNITS,
    )
    cell.build((BATCH, TIME, FEATURES))
    enlarge(cell)
    masks = some_masks() if dropped else None
    if dropped:
        use_masks(cell, masks)

    def nodes(first, matrices, mask):
        states = [first]
        for (name, source), matrix in zip(chosen, matrices, strict=True):
            states.append(edge(states[source], matrix, name, mask))
        return np.mean([states[k] for k in (1, 3, 4)], axis=0)

    inputs, state = draw(BATCH, TIME, FEATURES), draw(BATCH, UNITS, seed=3)
    expected = loop(cell, inputs, state, nodes, masks)
    outputs, last = cell(inputs, state=state, training=dropped)
    # float64 rounding.
    np.testing.assert_allclose(outputs, expected, atol=1e-10)
    np.testing.assert_array_equal(last, outputs[:, -1])


def test_several_edges_of_a_node_are_added(float64):
    edges = (darts_tf.Edge("tanh", 0), darts_tf.Edge("identity", 0))
    cell = darts_tf.layers.RecurrentCell(
        darts_tf.Cell((edges,), concat=(1,), num_inputs=1), UNITS
    )
    cell.build((BATCH, TIME, FEATURES))
    enlarge(cell)

    def nodes(first, matrices, mask):
        return sum(edge(first, matrices[0], e.primitive, mask) for e in edges)

    inputs = draw(BATCH, TIME, FEATURES)
    expected = loop(cell, inputs, np.zeros((BATCH, UNITS)), nodes)
    np.testing.assert_allclose(cell(inputs)[0], expected, atol=1e-10)


def test_a_sequence_in_two_parts_is_the_whole_one(float64):
    cell = darts_tf.layers.RecurrentCell(
        darts_tf.zoo.RECURRENT_ENAS.recurrent, UNITS
    )
    inputs = draw(BATCH, TIME, FEATURES)
    whole, _ = cell(inputs)
    first, state = cell(inputs[:, :3])
    second, _ = cell(inputs[:, 3:], state=state)
    # float64 rounding: the input product has another number of rows.
    np.testing.assert_allclose(
        np.concatenate([first, second], 1), whole, atol=1e-13
    )


def make_loss(cell, inputs, primitives):
    target = draw(BATCH, TIME, UNITS, seed=5)

    def loss(logits, weights):
        mapping = zip(cell.trainable_variables, weights, strict=True)
        with keras.StatelessScope(list(mapping)):
            outputs, _ = cell(inputs, tf.nn.softmax(logits), training=True)
        return tf.reduce_sum((outputs - target) ** 2)

    return loss, tf.constant(
        draw(NODES * (NODES + 1) // 2, len(primitives), seed=6)
    )


def test_alpha_gradient_is_the_central_difference(float64):
    cell = search_cell(SMOOTH)
    loss, logits = make_loss(cell, draw(BATCH, TIME, FEATURES), SMOOTH)
    weights = [tf.constant(np.array(v)) for v in cell.trainable_variables]

    @tf.function(autograph=False)
    def value_and_gradient(logits):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            value = loss(logits, weights)
        return value, tape.gradient(value, logits)

    gradient = value_and_gradient(logits)[1]
    step = 1e-5
    for row, column in np.ndindex(*logits.shape):
        moved = np.zeros(logits.shape)
        moved[row, column] = step
        difference = (
            value_and_gradient(logits + moved)[0]
            - value_and_gradient(logits - moved)[0]
        ) / (2 * step)
        # Truncation is of order step**2, rounding of 1e-16 / step.
        np.testing.assert_allclose(
            gradient[row, column], difference, rtol=1e-6, atol=1e-7
        )


def test_the_loop_can_be_differentiated_twice(float64):
    """The mixed product, as the exact hypergradient needs it."""
    cell = search_cell(SMOOTH)
    loss, logits = make_loss(cell, draw(BATCH, TIME, FEATURES), SMOOTH)
    weights = [tf.constant(np.array(v)) for v in cell.trainable_variables]
    vector = [
        tf.constant(draw(*w.shape, seed=20 + k)) for k, w in enumerate(weights)
    ]

    @tf.function(autograph=False)
    def mixed_product(logits):
        with tf.GradientTape() as outer:
            outer.watch(logits)
            with tf.GradientTape() as inner:
                inner.watch(weights)
                value = loss(logits, weights)
            gradients = inner.gradient(value, weights)
            product = tf.add_n(
                [
                    tf.reduce_sum(a * b)
                    for a, b in zip(gradients, vector, strict=True)
                ]
            )
        return outer.gradient(product, logits)

    @tf.function(autograph=False)
    def gradient(weights):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            value = loss(logits, weights)
        return tape.gradient(value, logits)

    step = 1e-5
    sides = [
        gradient(
            [w + sign * step * v for w, v in zip(weights, vector, strict=True)]
        )
        for sign in (1, -1)
    ]
    expected = (sides[0] - sides[1]) / (2 * step)
    # Truncation of order step**2 of a third derivative.
    np.testing.assert_allclose(
        mixed_product(logits), expected, rtol=1e-5, atol=1e-4
    )
    assert np.abs(expected).max() > 1


def test_masks_are_one_for_each_sequence_and_follow_the_seed():
    def masks(seed):
        cell = search_cell(input_dropout=0.5, hidden_dropout=0.25, seed=seed)
        ones = np.ones((BATCH, TIME, 400), "float32")
        dropped, mask = cell._drop(
            tf.constant(ones), tf.ones((BATCH, 400), "float32")
        )
        return np.array(dropped), np.array(mask)

    inputs, mask = masks(0)
    np.testing.assert_array_equal(inputs, np.repeat(inputs[:, :1], TIME, 1))
    for values, rate in ((inputs[:, 0], 0.5), (mask, 0.25)):
        kept = np.float32(1) / np.float32(1 - rate)
        np.testing.assert_allclose(np.unique(values), [0, kept], rtol=1e-6)
        assert all(np.any(row != values[0]) for row in values[1:])
        # 2000 draws: four standard errors of the share.
        error = 4 * np.sqrt(rate * (1 - rate) / values.size)
        assert abs(np.mean(values == 0) - rate) < error
    np.testing.assert_array_equal(mask, masks(0)[1])
    assert np.any(mask != masks(1)[1])


@pytest.mark.parametrize("option", ["input_dropout", "hidden_dropout"])
def test_each_dropout_acts_in_training_only(option):
    inputs = draw(BATCH, TIME, FEATURES).astype("float32")
    plain, dropping = (
        darts_tf.layers.RecurrentCell(
            darts_tf.zoo.RECURRENT_DARTS_V1.recurrent, UNITS, **options
        )
        for options in ({}, {option: 0.5})
    )
    for cell in (plain, dropping):
        cell.build(inputs.shape)
        enlarge(cell)
    np.testing.assert_array_equal(dropping(inputs)[0], plain(inputs)[0])
    assert np.any(
        np.array(dropping(inputs, training=True)[0])
        != np.array(dropping(inputs, training=True)[0])
    )


def test_weights_start_as_published():
    cell = darts_tf.layers.RecurrentSearchCell(50, PRIMITIVES)
    cell.build((None, None, 50))
    assert [tuple(v.shape) for v in cell.trainable_variables] == [
        (100, 100),
        *[(50, 100)] * 8,
    ]
    for variable in cell.trainable_variables:
        values = np.array(variable)
        assert np.abs(values).max() <= 0.04
        # The deviation of U(-a, a) is a / sqrt(3); 5000 draws.
        assert abs(values.std() / (0.04 / np.sqrt(3)) - 1) < 0.04
    first, second = (np.array(v) for v in cell.trainable_variables[1:3])
    assert np.any(first != second)


def test_other_activations_are_those_of_keras():
    inputs = draw(3).astype("float32")
    np.testing.assert_array_equal(
        recurrence.activation("gelu")(inputs), keras.activations.gelu(inputs)
    )


def _cell(primitive="tanh", num_inputs=1):
    node = (darts_tf.Edge(primitive, 0),)
    return darts_tf.Cell((node,), (num_inputs,), num_inputs)


@pytest.mark.parametrize(
    ("layer", "arguments"),
    [
        ("RecurrentCell", {"cell": _cell("none"), "units": 4}),
        ("RecurrentCell", {"cell": _cell("skip_connect"), "units": 4}),
        ("RecurrentCell", {"cell": _cell(num_inputs=2), "units": 4}),
        ("RecurrentCell", {"cell": _cell(), "units": 0}),
        (
            "RecurrentCell",
            {"cell": _cell(), "units": 4, "input_dropout": 1.0},
        ),
        ("RecurrentSearchCell", {"units": 4, "primitives": ["none"]}),
        ("RecurrentSearchCell", {"units": 4, "primitives": ["none", "sep"]}),
        (
            "RecurrentSearchCell",
            {"units": 4, "primitives": ["tanh"], "num_nodes": 0},
        ),
        (
            "RecurrentSearchCell",
            {"units": 4, "primitives": ["tanh"], "hidden_dropout": -0.1},
        ),
        ("LockedDropout", {"rate": 1.5}),
        ("EmbeddingDropout", {"rate": True}),
    ],
)
def test_bad_arguments_are_refused(layer, arguments):
    with pytest.raises(ValueError, match="Received"):
        getattr(darts_tf.layers, layer)(**arguments)
