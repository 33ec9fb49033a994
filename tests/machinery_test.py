"""Tests of today's machinery, which may be changed together with it.

Everything else in `tests` says what the library does. These tests say how it
does it: how often a function is traced, how many nodes a graph has, what a
private function returns. Whoever rewrites a mechanism on purpose may rewrite or
delete its test here, and there is no need to keep what it pins. The tests of
`tests/search/engine` are of this kind, too.
"""

import keras
import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf

import darts_tf
from darts_tf import environment
from darts_tf.callbacks import callback_state
from darts_tf.data import streams
from darts_tf.models import language_model
from darts_tf.search import hypergradient
from darts_tf.search.engine import graphs
from tests.search import image_search


@pytest.mark.parametrize(
    ("gpu", "expected"),
    [
        (False, ["build weight", "weight", "build", "build alpha"]),
        (True, ["build weight", "build", "build alpha", "weight"]),
    ],
)
def test_a_cpu_builds_graphs_while_the_first_one_runs(
    monkeypatch, gpu, expected
):
    monkeypatch.setattr(environment, "has_gpu", lambda: gpu)
    events = []
    build, evaluate = graphs.Graphs.build, graphs.Graphs.__call__

    def name(derivative):  # `weight`, `alpha`, or for both nothing
        return derivative.__name__.removesuffix("gradients").strip("_")

    def note_build(self, derivative, *arguments):
        events.append(f"build {name(derivative)}".strip())
        build(self, derivative, *arguments)

    def note_pass(self, derivative, weights, *arguments, **options):
        if not isinstance(weights, hypergradient.Points):  # each is noted
            events.append(name(derivative))
        return evaluate(self, derivative, weights, *arguments, **options)

    monkeypatch.setattr(graphs.Graphs, "build", note_build)
    monkeypatch.setattr(graphs.Graphs, "__call__", note_pass)
    model = image_search.model(graph=True)
    model.fit(
        *image_search.data(),
        batch_size=4,
        epochs=1,
        steps_per_epoch=2,
        verbose=0,
    )
    passes = ["weight", "", "alpha", "alpha", "weight"]
    assert events == [*expected, *passes[1:], *passes]


def test_a_smaller_last_batch_needs_no_graph_of_its_own(monkeypatch):
    x, y = image_search.data(20)
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(8)
    model = image_search.model(graph=True)
    sizes, evaluate = [], model.task.train_loss

    def count(model, batch, carried):
        sizes.append(batch[0].shape[0])
        return evaluate(model, batch, carried)

    monkeypatch.setattr(model.task, "train_loss", count)
    model.fit(tf.data.Dataset.zip(dataset, dataset), epochs=2, verbose=0)
    # The gradients for both, which serve three passes, and for the alphas.
    assert sizes == [None, None]
    assert int(model.optimizer.iterations) == 2 * 3


def test_a_step_is_traced_once(monkeypatch):
    # Not twice, as where the first step creates variables.
    network = darts_tf.ConvNetwork(
        darts_tf.zoo.DARTS_V2, filters=4, num_cells=3
    )
    network.compile(
        darts_tf.optimizers.SGD(0.05),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    traces = []
    network.build((None, 8, 8, 3))
    take = network.train_step

    def count(data):
        traces.append(1)
        return take(data)

    monkeypatch.setattr(network, "train_step", count)
    x = np.zeros((8, 8, 8, 3), "float32")
    monkeypatch.setattr(environment, "has_gpu", lambda: False)
    optimizer = []  # of TensorFlow's graphs, off and on at each step
    monkeypatch.setattr(
        tf.config.optimizer,
        "set_experimental_options",
        lambda options: optimizer.extend(options.items()),
    )
    network.fit(x, np.arange(8) % 3, batch_size=4, epochs=2, verbose=0)
    assert len(traces) == 1
    name = "disable_meta_optimizer"
    assert optimizer == 4 * [(name, True), (name, False)]


def test_the_graph_does_not_grow_with_the_sequence():
    space = darts_tf.SearchSpace.recurrent(num_nodes=3)
    cell = darts_tf.layers.RecurrentSearchCell(6, space.primitives, 3)
    op_weights = np.full(space.alphas_shape, 0.2, "float32")

    def count(time):
        @tf.function(autograph=False)
        def gradients(inputs):
            with tf.GradientTape() as tape:
                tape.watch(inputs)
                outputs, _ = cell(inputs, op_weights, training=True)
                total = tf.reduce_sum(outputs**2)
            return tape.gradient(total, inputs)

        spec = tf.TensorSpec((5, time, 3))
        graph = gradients.get_concrete_function(spec).graph.as_graph_def()
        functions = graph.library.function
        return len(graph.node) + sum(len(f.node_def) for f in functions)

    assert count(5) == count(35)


def test_gradients_are_dense_and_count_repeated_words():
    tokens = np.array([[3, 3, 3, 5]])
    with tf.GradientTape() as tape:
        table = tf.zeros((11, 6))
        tape.watch(table)
        rows = language_model._look_up(table, tf.constant(tokens))
        total = tf.reduce_sum(rows)
    gradient = tape.gradient(total, table)
    assert isinstance(gradient, tf.Tensor)
    expected = np.zeros((11, 6))
    expected[3], expected[5] = 3, 1
    np.testing.assert_array_equal(gradient, expected)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        3,
        1 / 3,
        float("inf"),
        "text",
        np.float32(1 / 3),
        np.bool_(True),
        np.arange(6, dtype="int64").reshape(2, 3),
        np.array([1.5, 2.5], ml_dtypes.bfloat16),
        np.zeros((0, 2), "float16"),
        [{"a": [np.ones(2), 1]}],
    ],
)
def test_a_state_comes_back_with_its_types(value):
    decoded = callback_state._decoded(callback_state._encoded(value, "x"))
    np.testing.assert_equal(decoded, value)
    assert getattr(decoded, "dtype", None) == getattr(value, "dtype", None)


def test_gathering_leaves_no_copy_of_the_arrays_in_the_graph():
    stream = streams.batches(np.zeros((1000, 1000), "uint8"), 2, seed=0)
    options = tf.data.Options()
    options.experimental_external_state_policy = (
        tf.data.experimental.ExternalStatePolicy.IGNORE
    )
    graph = stream.with_options(options)._as_serialized_graph()
    functions = tf.compat.v1.GraphDef.FromString(graph.numpy()).library
    # The megabyte is an input of the functions, not a constant in one.
    assert functions.ByteSize() < 100_000
