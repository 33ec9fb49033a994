"""The optimizers against their update rules written in NumPy, in float64."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from darts_tf import optimizers
from darts_tf.optimizers import packing

STEPS = 12
SHAPES = ((3, 2), (4,))
# Exact in float32, the type in which Keras holds a learning rate.
RATES = [2.0**-k for k in range(3, 3 + STEPS)]
# Float64 throughout; only the order of additions differs.
TOLERANCE = 1e-13


def start_and_gradients(scale=1.0):
    generator = np.random.default_rng(1)
    start = [generator.normal(size=shape) for shape in SHAPES]
    gradients = [
        [scale * generator.normal(size=shape) for shape in SHAPES]
        for _ in range(STEPS)
    ]
    return start, gradients


def sgd_reference(start, gradients, momentum, decay, max_norm=None):
    """Momentum as PyTorch defines it, after the official gradient clipping."""
    weights = [w.copy() for w in start]
    buffers = [np.zeros_like(w) for w in start]
    for rate, step in zip(RATES, gradients, strict=True):
        norm = np.sqrt(sum((g**2).sum() for g in step))
        factor = 1.0 if max_norm is None else max_norm / (norm + 1e-6)
        for k, gradient in enumerate(step):
            decayed = min(factor, 1.0) * gradient + decay * weights[k]
            buffers[k] = momentum * buffers[k] + decayed
            weights[k] = weights[k] - rate * buffers[k]
    return weights, buffers


def adam_reference(start, gradients, beta_1, beta_2, epsilon, decay):
    """Algorithm 1 of arXiv:1412.6980 on the gradient with decay."""
    weights = [w.copy() for w in start]
    first = [np.zeros_like(w) for w in start]
    second = [np.zeros_like(w) for w in start]
    for t, (rate, step) in enumerate(zip(RATES, gradients, strict=True), 1):
        for k, gradient in enumerate(step):
            decayed = gradient + decay * weights[k]
            first[k] = beta_1 * first[k] + (1 - beta_1) * decayed
            second[k] = beta_2 * second[k] + (1 - beta_2) * decayed**2
            first_hat = first[k] / (1 - beta_1**t)
            second_hat = second[k] / (1 - beta_2**t)
            weights[k] = weights[k] - rate * first_hat / (
                np.sqrt(second_hat) + epsilon
            )
    return weights


def run(optimizer, start, gradients, graph=False):
    """Applies all gradients; returns the variables."""
    variables = [keras.Variable(w, dtype="float64") for w in start]
    optimizer.build(variables)

    def apply(*step):
        optimizer.apply(list(step), variables)

    if graph:
        apply = tf.function(apply)
    for rate, step in zip(RATES, gradients, strict=True):
        optimizer.learning_rate = rate
        apply(*[tf.constant(g) for g in step])
    return variables


def assert_close(actual, expected, rtol=TOLERANCE):
    for a, b in zip(actual, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("graph", [False, True], ids=["eager", "graph"])
@pytest.mark.parametrize(
    ("momentum", "decay"), [(0.9, 0.3), (0.9, 0.0), (0.0, 0.3)]
)
def test_sgd_follows_its_update_rule(momentum, decay, graph):
    start, gradients = start_and_gradients()
    optimizer = optimizers.SGD(0.5, momentum, decay)
    variables = run(optimizer, start, gradients, graph)
    weights, buffers = sgd_reference(start, gradients, momentum, decay)
    assert_close(variables, weights)
    if momentum:
        assert_close(optimizer.momentum_buffers(variables), buffers)


def test_sgd_differs_from_keras_once_the_learning_rate_changes():
    start, gradients = start_and_gradients()
    ours = run(optimizers.SGD(0.5, 0.9, 0.0), start, gradients)
    theirs = run(keras.optimizers.SGD(0.5, 0.9), start, gradients)
    assert np.max(np.abs(ours[0].numpy() - theirs[0].numpy())) > 1e-2


def test_sgd_clips_the_raw_gradient_before_decay():
    start, gradients = start_and_gradients(scale=100.0)
    clipped = optimizers.SGD(0.5, 0.9, 0.3, global_clipnorm=5.0)
    weights, _ = sgd_reference(start, gradients, 0.9, 0.3, max_norm=5.0)
    assert_close(run(clipped, start, gradients), weights)


def test_sgd_leaves_a_short_gradient_as_it_is():
    start, gradients = start_and_gradients()
    clipped = run(
        optimizers.SGD(0.5, 0.9, 0.3, global_clipnorm=1e3), start, gradients
    )
    weights, _ = sgd_reference(start, gradients, 0.9, 0.3)
    assert_close(clipped, weights)


@pytest.mark.parametrize("max_norm", [0.25, 5.0])
def test_clip_coefficient_is_the_official_one(max_norm):
    gradients = [np.array([[3.0, 0.0]]), np.array([4.0])]
    coefficient = optimizers.clip_coefficient(gradients, max_norm)
    np.testing.assert_allclose(
        coefficient, min(1.0, max_norm / 5.000001), rtol=1e-14
    )


@pytest.mark.parametrize("max_norm", [0.25, 5.0])
def test_clipping_twice_changes_at_most_a_millionth_part(max_norm):
    gradients = [np.array([30.0, 40.0])]
    once = gradients[0] * optimizers.clip_coefficient(gradients, max_norm)
    again = optimizers.clip_coefficient([once], max_norm)
    # 1e-6 / (max_norm + 1e-6) is the most that the 1e-6 can take away.
    np.testing.assert_allclose(again, 1.0, rtol=0, atol=1e-6 / max_norm)


def test_clip_coefficient_of_a_zero_gradient_is_one():
    assert float(optimizers.clip_coefficient([np.zeros(3)], 5.0)) == 1.0


def test_directions_are_what_the_next_step_subtracts():
    start, gradients = start_and_gradients()
    optimizer = optimizers.SGD(0.5, 0.9, 0.3)
    variables = run(optimizer, start, gradients)
    weights, buffers = sgd_reference(start, gradients, 0.9, 0.3)
    values = [tf.constant(v.numpy()) for v in variables]
    directions = packing.unpack(
        optimizer.directions(
            packing.pack(gradients[0]), packing.pack(values), variables
        ),
        variables,
    )
    expected = [
        g + 0.3 * w + 0.9 * b
        for g, w, b in zip(gradients[0], weights, buffers, strict=True)
    ]
    assert_close(directions, expected)
    optimizer.apply([tf.constant(g) for g in gradients[0]], variables)
    after = [w - RATES[-1] * d for w, d in zip(weights, expected, strict=True)]
    assert_close(variables, after)


def test_directions_decay_the_values_that_they_are_given():
    optimizer = optimizers.SGD(0.5, 0.0, 0.25)
    variables = [keras.Variable([1.0])]
    optimizer.build(variables)
    direction = optimizer.directions(
        [tf.constant([2.0])], [tf.constant([8.0])], variables
    )
    np.testing.assert_array_equal(direction, [[4.0]])


def test_buffers_follow_the_order_of_the_variables_asked_for():
    start, gradients = start_and_gradients()
    optimizer = optimizers.SGD(0.5, 0.9, 0.0)
    first, second = run(optimizer, start, gradients)
    _, buffers = sgd_reference(start, gradients, 0.9, 0.0)
    assert_close(optimizer.momentum_buffers([second, first]), buffers[::-1])


@pytest.mark.parametrize("graph", [False, True], ids=["eager", "graph"])
@pytest.mark.parametrize(
    ("beta_1", "beta_2", "epsilon", "decay"),
    [
        (0.5, 0.999, 1e-8, 1e-3),
        (0.5, 0.999, 1e-8, 0.0),
        (0.9, 0.99, 0.1, 0.3),
        (0.0, 0.9, 1e-3, 0.3),
    ],
)
def test_adam_follows_its_update_rule(beta_1, beta_2, epsilon, decay, graph):
    start, gradients = start_and_gradients()
    optimizer = optimizers.Adam(0.5, beta_1, beta_2, epsilon, decay)
    variables = run(optimizer, start, gradients, graph)
    expected = adam_reference(start, gradients, beta_1, beta_2, epsilon, decay)
    assert_close(variables, expected)


def test_adam_adds_epsilon_after_the_bias_correction():
    # One step on the gradient 1: m_hat = v_hat = 1. Keras would give
    # 1 / (1 + 1 / sqrt(0.001)), since it adds epsilon to sqrt(v).
    variable = keras.Variable(0.0, dtype="float64")
    optimizer = optimizers.Adam(1.0, epsilon=1.0, coupled_weight_decay=0.0)
    optimizer.apply([tf.constant(1.0, "float64")], [variable])
    np.testing.assert_allclose(variable, -0.5, rtol=1e-12)


@pytest.mark.parametrize("kind", [optimizers.SGD, optimizers.Adam])
def test_float32_variables_keep_their_type_and_agree(kind):
    start, gradients = start_and_gradients()
    exact = run(kind(), start, gradients)
    variables = [keras.Variable(w, dtype="float32") for w in start]
    optimizer = kind()
    for rate, step in zip(RATES, gradients, strict=True):
        optimizer.build(variables) if not optimizer.built else None
        optimizer.learning_rate = rate
        optimizer.apply([tf.constant(g, "float32") for g in step], variables)
    assert {v.dtype for v in variables} == {"float32"}
    assert_close(variables, exact, rtol=1e-5)  # twelve float32 roundings


@pytest.mark.parametrize(
    "optimizer",
    [
        optimizers.SGD(0.5, 0.75, 0.25, global_clipnorm=5.0, name="w"),
        optimizers.Adam(0.5, 0.25, 0.75, 0.125, 0.0625, clipvalue=2.0),
    ],
    ids=["sgd", "adam"],
)
def test_config_round_trip_keeps_every_option(optimizer):
    config = keras.optimizers.serialize(optimizer)
    restored = keras.optimizers.deserialize(config)
    assert type(restored) is type(optimizer)
    assert restored.get_config() == optimizer.get_config()


def test_config_holds_the_constructor_arguments():
    config = optimizers.SGD(0.5, 0.75, 0.25, 4.0).get_config()
    assert config["momentum"] == 0.75
    assert config["coupled_weight_decay"] == 0.25
    assert config["global_clipnorm"] == 4.0
    config = optimizers.Adam(0.5, 0.25, 0.75, 0.125, 0.0625).get_config()
    names = ("beta_1", "beta_2", "epsilon", "coupled_weight_decay")
    assert [config[name] for name in names] == [0.25, 0.75, 0.125, 0.0625]


@pytest.mark.parametrize("kind", [optimizers.SGD, optimizers.Adam])
def test_saved_state_continues_bit_for_bit(kind):
    start, gradients = start_and_gradients()
    optimizer = kind(0.5)
    variables = run(optimizer, start, gradients)
    store = {}
    optimizer.save_own_variables(store)
    copies = [keras.Variable(v.numpy(), dtype="float64") for v in variables]
    restored = kind(0.125)
    restored.build(copies)
    restored.load_own_variables(store)
    for step in gradients[:2]:
        optimizer.apply([tf.constant(g) for g in step], variables)
        restored.apply([tf.constant(g) for g in step], copies)
    for variable, copy in zip(variables, copies, strict=True):
        np.testing.assert_array_equal(variable, copy)


@pytest.mark.parametrize("kind", [optimizers.SGD, optimizers.Adam])
def test_model_file_keeps_the_state(kind, tmp_path):
    x, y = np.ones((8, 3), "float32"), np.ones((8, 1), "float32")
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(optimizer=kind(0.125), loss="mse")
    model.fit(x, y, epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    restored = keras.saving.load_model(tmp_path / "model.keras")
    model.fit(x, y, verbose=0)
    restored.fit(x, y, verbose=0)
    pairs = zip(model.get_weights(), restored.get_weights(), strict=True)
    for actual, expected in pairs:
        np.testing.assert_array_equal(actual, expected)


def test_learning_rate_schedule_objects_are_followed():
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay(
        [1, 3], [0.5, 0.25, 0.125]
    )
    variable = keras.Variable(0.0)
    optimizer = optimizers.SGD(schedule, 0.0, 0.0)
    for _ in range(5):
        optimizer.apply([tf.constant(1.0)], [variable])
    assert float(variable) == -(2 * 0.5 + 2 * 0.25 + 0.125)
    restored = optimizers.SGD.from_config(optimizer.get_config())
    assert float(restored.learning_rate) == 0.5


@pytest.mark.parametrize("kind", [optimizers.SGD, optimizers.Adam])
def test_sparse_gradients_count_as_dense_ones(kind):
    # Row 1 is named twice: its gradients add up before they are squared.
    sparse = tf.IndexedSlices(
        tf.constant([[1.0], [2.0], [4.0]]), [1, 1, 0], dense_shape=[3, 1]
    )
    dense = tf.constant([[4.0], [3.0], [0.0]])
    results = []
    for gradient in (sparse, dense):
        variable = keras.Variable(np.ones((3, 1)))
        optimizer = kind(0.125, global_clipnorm=2.5)
        for _ in range(3):
            optimizer.apply([gradient], [variable])
        results.append(variable.numpy())
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("kind", [optimizers.SGD, optimizers.Adam])
def test_variables_can_be_excluded_from_decay(kind):
    decayed, excluded = keras.Variable([1.0]), keras.Variable([1.0])
    optimizer = kind(0.5, coupled_weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_list=[excluded])
    optimizer.build([decayed, excluded])
    optimizer.apply([tf.zeros(1), tf.zeros(1)], [decayed, excluded])
    assert float(decayed.numpy()[0]) < 1.0
    assert float(excluded.numpy()[0]) == 1.0


@pytest.mark.parametrize("kind", [optimizers.SGD, optimizers.Adam])
def test_decoupled_weight_decay_is_refused(kind):
    with pytest.raises(ValueError, match="coupled_weight_decay.*0.01"):
        kind(weight_decay=0.01)


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        (optimizers.SGD, {"momentum": 1.0}),
        (optimizers.SGD, {"momentum": -0.1}),
        (optimizers.SGD, {"coupled_weight_decay": -1e-3}),
        (optimizers.SGD, {"global_clipnorm": 0.0}),
        (optimizers.Adam, {"beta_1": 1.0}),
        (optimizers.Adam, {"beta_2": -0.1}),
        (optimizers.Adam, {"epsilon": 0.0}),
        (optimizers.Adam, {"coupled_weight_decay": -1e-3}),
    ],
)
def test_impossible_arguments_are_refused(kind, arguments):
    ((name, value),) = arguments.items()
    with pytest.raises(ValueError, match=f"Received: {name}={value}"):
        kind(**arguments)


def test_buffers_need_momentum_and_a_build():
    variable = keras.Variable([1.0])
    with pytest.raises(ValueError, match="built=False"):
        optimizers.SGD().momentum_buffers([variable])
    optimizer = optimizers.SGD(momentum=0.0)
    optimizer.build([variable])
    with pytest.raises(ValueError, match="momentum=0.0"):
        optimizer.momentum_buffers([variable])
