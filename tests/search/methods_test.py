"""Methods in the slots of a search."""

import keras
import numpy as np
import pytest

import darts_tf
from darts_tf import relaxations
from tests.search import image_search

_OPTIONS = {
    "relaxation": relaxations.Softmax(1.0, 0.3),
    "perturbation": relaxations.RandomSmoothing(0.5, 0.4),
    "alpha_regularizer": relaxations.BetaDecay(5.0),
}


def _search(graph=False, epochs=2, method="first_order", **options):
    keras.utils.set_random_seed(0)
    model = image_search.model(method, graph=graph, **options)
    x, y = image_search.data()
    model.fit(x, y, batch_size=4, epochs=epochs, verbose=0)
    return model


@pytest.mark.parametrize("name", list(_OPTIONS))
def test_each_method_has_an_effect_and_the_same_one_each_time(name):
    option = {name: _OPTIONS[name]}
    plain, one, other = _search(), _search(**option), _search(**option)
    assert np.any(np.array(plain.alphas[0]) != np.array(one.alphas[0]))
    for a, b in zip(one.variables, other.variables, strict=True):
        np.testing.assert_array_equal(a, b)


def test_graphs_and_eager_steps_see_the_same_noise():
    eager, graph = (_search(graph, **_OPTIONS) for graph in (False, True))
    for a, b in zip(eager.alphas, graph.alphas, strict=True):
        # Alphas of size 1e-3 that moved by some steps of 3e-4 in float32.
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_methods_without_strength_are_the_plain_search():
    plain = _search()
    for option in (
        {"relaxation": relaxations.Softmax(1.0)},
        {"perturbation": relaxations.RandomSmoothing(0.0, 0.0)},
        {"perturbation": relaxations.EdgeMutation(0.0)},
        {"alpha_regularizer": relaxations.BetaDecay(0.0)},
    ):
        model = _search(**option)
        for a, b in zip(plain.alphas, model.alphas, strict=True):
            # A division by a sum of 1 may round.
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-7)


def test_there_is_no_noise_outside_of_the_steps_of_the_weights():
    model = _search(perturbation=relaxations.EdgeMutation(1.0))
    exponentials = np.exp(np.array(model.alphas[0]))
    expected = exponentials / exponentials.sum(1, keepdims=True)
    np.testing.assert_allclose(model.op_weights()["normal"], expected, 1e-5)
    x, _ = image_search.data()
    np.testing.assert_array_equal(model.predict(x), model.predict(x))
    _, batches = image_search.pairs()
    train, alpha = image_search.tensors(batches)
    first = model.hypergradient_at(train, alpha)
    second = model.hypergradient_at(train, alpha)
    np.testing.assert_array_equal(first[1][0], second[1][0])


@pytest.mark.parametrize("method", ["finite_difference", "exact"])
def test_all_passes_of_a_step_over_one_batch_see_the_same_noise(
    float64, method
):
    model = image_search.model(
        method, perturbation=relaxations.RandomSmoothing(0.5, 0.5)
    )
    _, batches = image_search.pairs()
    batches = [(x.astype("float64"), y) for x, y in batches]
    errors = darts_tf.check_hypergradient(model, batches)
    # With other noise at either point the difference would be noise / 2 eps.
    assert errors["finite_difference"] < 1.0


def test_a_saved_search_has_its_methods(tmp_path):
    model = _search(**_OPTIONS)
    model.save(tmp_path / "search.keras")
    loaded = keras.models.load_model(tmp_path / "search.keras")
    alphas = loaded.supernet.alphas
    assert alphas.relaxation.final_temperature == 0.3
    assert alphas.perturbation.end == 0.5
    assert loaded.alpha_regularizer.strength == 5.0
    assert loaded.genotype() == model.genotype()


def test_a_recurrent_search_takes_them_too():
    space = darts_tf.SearchSpace.recurrent(["none", "tanh", "relu"], 2)
    model = darts_tf.DartsSearchModel(
        space,
        "first_order",
        vocabulary_size=9,
        units=4,
        sequence_length=4,
        **_OPTIONS,
    )
    text = np.arange(60) % 9
    history = model.fit(text, alpha_data=text, batch_size=2, verbose=0)
    assert np.isfinite(history.history["alpha_loss"]).all()
