"""The counts of multiply-adds, by hand and by the layers."""

import math

import pytest

import darts_tf
from benchmarks import multiply_adds


def test_a_supernet_of_one_cell_by_hand():
    """One reduction cell (place 0 is at a third of 1) of 2 * 2 filters."""
    pixels, halved = 8 * 8, 4 * 4
    stem = 3 * 3 * 3 * 6 * pixels
    inputs = 2 * 6 * 4 * pixels
    separable = 2 * (9 * 4 + 4 * 4) + 2 * (25 * 4 + 4 * 4)
    dilated = (9 * 4 + 4 * 4) + (25 * 4 + 4 * 4)
    halving = 2 * 4 * 2  # two convolutions to half the filters
    # 8 of the 14 edges come from the inputs, where skipping halves.
    edges = (14 * (separable + dilated) + 8 * halving) * halved
    classifier = 16 * 10
    assert multiply_adds.conv_supernet(2, 1, 8) == (
        stem + inputs + edges + classifier
    )


def test_a_supernet_counts_as_its_layers_do():
    supernet = darts_tf.ConvSupernet(filters=2, num_cells=4)
    supernet.build((None, 16, 16, 3))
    layers = [supernet.stem, *supernet.cells]
    classifier = math.prod(supernet.classifier.kernel.shape)
    assert multiply_adds.conv_supernet(2, 4, 16) == (
        sum(map(darts_tf.count_multiply_adds, layers)) + classifier
    )


def test_a_recurrent_network_counts_as_its_matrices_do():
    network = darts_tf.RecurrentNetwork(
        darts_tf.zoo.RECURRENT_DARTS_V2, vocabulary_size=20, units=8
    )
    network.build()
    # Each matrix is multiplied by once for a word; the bias has one axis.
    sizes = [math.prod(v.shape) for v in network.weights if len(v.shape) == 2]
    assert multiply_adds.recurrent_network(8, 20) == sum(sizes)


def test_a_recurrent_supernet_multiplies_once_for_each_edge():
    # Node 1 reads s0, node 2 reads s0 and node 1: 3 products of 4 x 8.
    assert multiply_adds.recurrent_supernet(4, 20, num_nodes=2) == (
        8 * 8 + 3 * 4 * 8 + 4 * 20
    )


@pytest.mark.parametrize(
    ("method", "products"),
    [
        # The forward pass of each pass over the data, and then the gradients
        # for inputs and for matrices; at w, w', w+, w- and w again.
        ("first_order", (1 + 1) + (1 + 1 + 1)),
        ("finite_difference", 3 + 3 + 2 + 2 + 3),
        ("exact", 3 + 3 + 7 + 3),
        ("training", 1 + 1 + 1),
    ],
)
def test_a_step_counts_its_passes(method, products):
    assert multiply_adds.of_step(method, 10) == 10 * products


def test_the_passes_of_one_product_are_those_of_its_gradients():
    """Counts the products that TensorFlow makes for y = tanh(a x K) G.

    A small network with a weight K and one after it, so that each has
    gradients for its inputs: the counts in F are those of its second layer.
    """
    import tensorflow as tf

    from darts_tf.search import hypergradient

    def passes(method):
        weights = [tf.ones((4, 4)), tf.ones((4, 4)), tf.ones((4, 4))]
        alphas = [tf.ones(())]
        objective = darts_tf.search.Loss(
            lambda w, a: (
                tf.reduce_sum(tf.tanh(tf.tanh(a[0] * w[0] @ w[1]) @ w[2]) ** 2),
                None,
            )
        )

        @tf.function
        def step():
            if method == "exact":
                return objective.evaluate(
                    hypergradient.mixed_product, weights, alphas, weights
                )
            derivative = {
                "weights": hypergradient.weight_gradients,
                "alphas": hypergradient.alpha_gradients,
                "both": hypergradient.gradients,
            }[method]
            return objective.evaluate(derivative, weights, alphas)[1:3]

        graph = step.get_concrete_function().graph
        return sum(op.type == "MatMul" for op in graph.get_operations())

    # Two products, of which the first has inputs that are asked for, too.
    assert passes("weights") == 2 * 3
    assert passes("both") == 2 * 3
    assert passes("alphas") == 2 * 2
    assert passes("exact") == 2 * 7
