"""The search on spaces of other forms than the paper's."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import darts_tf
from darts_tf.search import hypergradient
from tests.search import image_search

NAS = darts_tf.SearchSpace.nas_bench_201()
# A chain of cells with one input, reduction cells, unlike edges.
UNLIKE = darts_tf.SearchSpace(
    ("none", "skip_connect", "max_pool_3x3", "nor_conv_3x3"),
    num_nodes=2,
    num_inputs=1,
    cell_types=("normal", "reduction"),
    edges_per_node=1,
    edge_primitives={
        "normal": [["nor_conv_3x3", "skip_connect"], ["none"], None],
    },
    none_selectable=True,
    output="last",
)
SPACES = pytest.mark.parametrize("space", [NAS, UNLIKE], ids=["nas", "unlike"])


@SPACES
def test_the_exact_hypergradient_is_the_slope_of_the_unrolled_loss(
    float64, space
):
    model = image_search.model("exact", space=space, xi=0.05)
    model.optimizer.learning_rate = 0.05
    _, batches = image_search.pairs()
    batches = [(x.astype("float64"), y) for x, y in batches]
    train, alpha = image_search.tensors(batches)
    _, gradients = model.hypergradient_at(train, alpha)
    weights, alphas = model.engine.weights(), model.engine.alphas()
    rng = np.random.default_rng(0)
    direction = [tf.constant(rng.normal(size=a.shape)) for a in alphas]

    def unrolled(h):
        moved = [a + h * d for a, d in zip(alphas, direction, strict=True)]
        step = model.engine.loss("weights", train).evaluate(
            hypergradient.weight_gradients, weights, moved
        )
        virtual = model.engine.virtual_step(
            step.weight_gradients, weights, 0.05
        )
        return float(
            model.engine.loss("alphas", alpha)
            .evaluate(hypergradient.alpha_gradients, virtual, moved)
            .loss
        )

    h = 1e-5
    slope = (unrolled(h) - unrolled(-h)) / (2 * h)
    expected = sum(
        float(tf.reduce_sum(g * d))
        for g, d in zip(gradients, direction, strict=True)
    )
    # The central difference is off by h^2, and by rounding over h.
    assert slope == pytest.approx(expected, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("method", hypergradient.METHODS)
def test_each_method_searches_and_what_is_found_can_be_trained(method):
    model = image_search.model(method, space=NAS)
    x, y = image_search.data()
    before = image_search.arrays(model.alphas)
    history = model.fit(x, y, batch_size=4, epochs=1, verbose=0)
    assert np.isfinite(history.history["alpha_loss"]).all()
    assert np.any(before[0] != np.array(model.alphas[0]))
    network = darts_tf.ConvNetwork.from_supernet(
        model.supernet, model.genotype()
    )
    assert network.skeleton == NAS.skeleton
    assert network(x).shape == (24, 3)


@SPACES
def test_a_saved_search_is_the_same_when_it_is_loaded(tmp_path, space):
    model = image_search.model("first_order", space=space)
    x, y = image_search.data()
    model.fit(x, y, batch_size=4, epochs=1, verbose=0)
    model.save(tmp_path / "search.keras")
    loaded = keras.models.load_model(tmp_path / "search.keras")
    assert loaded.space == space
    assert loaded.genotype() == model.genotype()
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))


def test_the_accuracy_by_the_supernet_is_that_of_the_inherited_network():
    model = image_search.model("first_order", space=NAS)
    x, y = image_search.data()
    model.fit(x, y, batch_size=4, epochs=2, verbose=0)
    genotypes = [NAS.random_genotype(seed) for seed in range(3)]
    variables = image_search.arrays(model.variables)
    found = darts_tf.search.supernet_accuracy(model, genotypes, x, y, 12)
    for genotype, accuracy in zip(genotypes, found, strict=True):
        network = darts_tf.ConvNetwork.from_supernet(
            model.supernet, genotype, inherit_weights=True
        )
        right = 0
        for part in (slice(0, 12), slice(12, 24)):
            with keras.StatelessScope():
                logits = network(x[part], training=True)
            right += np.sum(np.argmax(logits, -1) == y[part])
        assert accuracy == right / 24
    for before, now in zip(variables, model.variables, strict=True):
        np.testing.assert_array_equal(before, now)


def test_too_few_images_or_another_cell_are_refused():
    model = image_search.model("first_order", space=NAS)
    x, y = image_search.data()
    with pytest.raises(ValueError, match="batch_size"):
        darts_tf.search.supernet_accuracy(model, [], x, y, 25)
    other = darts_tf.SearchSpace.conv().random_genotype(0)
    with pytest.raises(ValueError, match="must have the cells"):
        darts_tf.search.supernet_accuracy(model, [other], x, y, 12)
