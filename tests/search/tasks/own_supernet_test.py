"""The search of a network that the library did not make."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import darts_tf
from darts_tf.search import hypergradient
from tests import local_workers
from tests.search import image_search
from tests.search import own_network
from tests.search import text_search


def test_the_librarys_own_supernet_is_searched_bit_for_bit_as_before():
    sizes = {"num_classes": 3, "filters": 2, "num_cells": 3}
    results = []
    for own in (False, True):
        keras.utils.set_random_seed(0)
        if own:
            supernet = darts_tf.ConvSupernet(
                image_search.SPACE, seed=5, name="supernet", **sizes
            )
            model = darts_tf.DartsSearchModel(supernet=supernet, seed=5)
        else:
            model = darts_tf.DartsSearchModel(
                image_search.SPACE, seed=5, **sizes
            )
        model.compile(run_eagerly=True)  # without a graph to build
        history = model.fit(
            *image_search.data(), batch_size=4, steps_per_epoch=2, verbose=0
        )
        results.append((history.history, image_search.arrays(model.variables)))
    (first, expected), (second, variables) = results
    assert first == second
    for a, b in zip(expected, variables, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_librarys_own_language_model_is_searched_bit_for_bit_as_before():
    results = []
    for own in (False, True):
        keras.utils.set_random_seed(0)
        options = {"vocabulary_size": text_search.WORDS, "units": 4}
        if own:
            supernet = darts_tf.RecurrentSupernet(
                text_search.SPACE, seed=0, name="supernet", **options
            )
            options = {"supernet": supernet}
        model = darts_tf.DartsSearchModel(
            text_search.SPACE, "first_order", sequence_length=4, **options
        )
        model.compile(run_eagerly=True)
        model.build((text_search.BATCH, None))
        model.fit(
            tf.data.Dataset.from_tensors(tuple(text_search.batches())),
            verbose=0,
        )
        results.append(image_search.arrays(model.trainable_variables))
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("method", hypergradient.METHODS)
def test_a_users_supernet_learns_with_every_hypergradient(method):
    keras.utils.set_random_seed(0)
    model = darts_tf.DartsSearchModel(
        hypergradient=method, supernet=own_network.OneNode(), seed=0
    )
    model.compile(darts_tf.optimizers.SGD(0.1), darts_tf.optimizers.Adam(0.05))
    history = model.fit(
        own_network.X, own_network.Y, batch_size=8, epochs=8, verbose=0
    ).history
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    assert history["alpha_loss"][-1] < 0.8 * history["alpha_loss"][0]
    assert np.ptp(model.op_weights()["normal"]) > 0.05  # from almost equal
    assert (
        model.evaluate(
            own_network.X, own_network.Y, verbose=0, return_dict=True
        )["accuracy"]
        > 0.9
    )
    assert model.predict(own_network.X[:3], verbose=0).shape == (3, 2)
    (node,) = model.genotype().normal.nodes
    assert node[0].primitive in own_network.SPACE.primitives


def test_a_users_supernet_is_checked_logged_and_goes_on_after_a_stop(
    tmp_path, determinism
):
    def fit(folder, epochs):
        keras.utils.set_random_seed(0)
        model = darts_tf.DartsSearchModel(supernet=own_network.OneNode())
        (tmp_path / folder).mkdir(exist_ok=True)
        log = darts_tf.SearchLog(tmp_path / folder)
        model.compile(run_eagerly=True)
        model.fit(
            own_network.X,
            own_network.Y,
            batch_size=8,
            epochs=epochs,
            verbose=0,
            callbacks=[log, darts_tf.ExactResume(tmp_path / folder)],
        )
        return model

    fit("stopped", 1)
    model, expected = fit("stopped", 2), fit("whole", 2)
    for a, b in zip(model.variables, expected.variables, strict=True):
        np.testing.assert_array_equal(a, b, err_msg=a.path)
    stopped, whole = (
        darts_tf.visualize.read_trace(tmp_path / folder)
        for folder in ("stopped", "whole")
    )
    assert stopped.epochs == whole.epochs
    batch = (
        (own_network.X[:8], own_network.Y[:8]),
        (own_network.X[8:16], own_network.Y[8:16]),
    )
    errors = darts_tf.check_hypergradient(model, batch)
    assert all(0 <= error < 1 for error in errors.values())


@pytest.mark.parametrize("make", [own_network.OneNode, own_network.DoubledCell])
def test_a_saved_search_has_the_users_supernet_in_it(tmp_path, make):
    if make is own_network.OneNode:
        model = darts_tf.DartsSearchModel(supernet=make())
        batch = (
            (own_network.X[:8], own_network.Y[:8]),
            (own_network.X[8:16], own_network.Y[8:16]),
        )
    else:
        sizes = {"vocabulary_size": text_search.WORDS, "units": 4}
        supernet = make(text_search.SPACE, **sizes)
        model = darts_tf.DartsSearchModel(supernet=supernet, sequence_length=4)
        batch = tuple(text_search.batches())
    data = tf.data.Dataset.from_tensors(batch)
    model.compile(run_eagerly=True)
    model.fit(data, verbose=0)
    model.save(tmp_path / "search.keras")
    again = keras.saving.load_model(tmp_path / "search.keras")
    assert type(again.supernet) is make
    assert again.space == model.space
    for continued in (model, again):
        continued.run_eagerly = True  # which is not saved
        continued.fit(data, epochs=2, initial_epoch=1, verbose=0)
    for a, b in zip(model.variables, again.variables, strict=True):
        np.testing.assert_array_equal(a, b, err_msg=a.path)


def test_two_replicas_search_a_users_supernet_as_one_device(tmp_path):
    paths = [tmp_path / f"{name}.npz" for name in ("none", "mirrored")]
    processes = [
        local_workers.start(
            "tests.search.tasks.own_supernet_replicas", (path.stem, path)
        )
        for path in paths
    ]
    for process in processes:
        output, _ = process.communicate()
        assert process.returncode == 0, output
    one, two = (dict(np.load(path)) for path in paths)
    assert len(one) > 5
    for name, value in one.items():
        # Sums in another order, in float64.
        np.testing.assert_allclose(two[name], value, rtol=0, atol=1e-10)


class _WithoutAlphas(keras.Model):
    num_classes = 2


class _WithoutNumber(keras.Model):
    def __init__(self):
        super().__init__()
        self.alphas = darts_tf.models.Alphas(own_network.SPACE)


class _WithForeignAlphas(keras.Model):
    num_classes = 2

    @property
    def alphas(self):
        return darts_tf.models.Alphas(own_network.SPACE)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            lambda: {"supernet": own_network.OneNode},
            "an instance of keras.Model",
        ),
        (lambda: {"supernet": "conv"}, "Received: supernet='conv'"),
        (lambda: {"supernet": _WithoutAlphas()}, "`alphas`.* with alphas=None"),
        (
            lambda: {"supernet": _WithoutNumber()},
            "`num_classes`.*num_classes=None",
        ),
        (lambda: {"supernet": _WithForeignAlphas()}, "among the weights"),
        (
            lambda: {"supernet": own_network.OneNode(), "space": "conv"},
            "the space of the alphas",
        ),
        (
            lambda: {"supernet": own_network.OneNode(), "filters": 4},
            "Received: filters=4, super",
        ),
        (
            lambda: {"supernet": own_network.OneNode(), "units": 4},
            "Received: units=4 with a",
        ),
        (
            lambda: {"supernet": own_network.OneNode(), "slowness": 0.1},
            "Received: slowness=0.1",
        ),
        (
            lambda: {"supernet": own_network.OneNode(), "dtype": "float64"},
            "dtype='float64'",
        ),
        (
            lambda: {"units": 4},
            "Received: units=4 with a space of the kind 'conv'",
        ),
        (
            lambda: {"space": "recurrent", "stem": "cifar"},
            "Received: stem='cifar'",
        ),
        (lambda: {"space": 3}, "Received: space=3"),
    ],
)
def test_what_cannot_be_searched_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        darts_tf.DartsSearchModel(**options())


def test_a_language_model_of_another_kind_is_refused():
    class Other(keras.Model):
        def __init__(self):
            super().__init__()
            self.alphas = darts_tf.models.Alphas(text_search.SPACE)

    with pytest.raises(ValueError, match="LanguageModel.*Received: Other"):
        darts_tf.DartsSearchModel(supernet=Other())


def test_outputs_of_another_shape_are_refused_before_any_step():
    supernet = own_network.OneNode()
    supernet.num_classes = 3
    model = darts_tf.DartsSearchModel(supernet=supernet)
    with pytest.raises(ValueError, match=r"\(batch, 3\).*Received: OneNode"):
        model.fit(own_network.X, own_network.Y, batch_size=8, verbose=0)


def test_alphas_that_the_network_does_not_use_are_named():
    @keras.saving.register_keras_serializable("tests")
    class Deaf(own_network.OneNode):
        def call(self, images):
            op_weights = np.full((1, 2), 0.5, "float32")
            (node,) = self.mixed(self.norm(self.stem(images)), op_weights)
            return self.classifier(self.drop(self.pool(node)))

    model = darts_tf.DartsSearchModel(supernet=Deaf())
    model.compile(run_eagerly=True)
    with pytest.raises(ValueError, match="alphas_normal"):
        model.fit(own_network.X, own_network.Y, batch_size=8, verbose=0)


def test_a_supernet_of_another_strategy_is_refused():
    supernet = own_network.OneNode()
    with (
        tf.distribute.MirroredStrategy(["CPU:0"]).scope(),
        pytest.raises(ValueError, match="strategy.scope.*MirroredStrategy"),
    ):
        darts_tf.DartsSearchModel(supernet=supernet)


def test_a_network_has_the_sizes_of_the_librarys_supernet_only():
    genotype = image_search.SPACE.random_genotype(0)
    with pytest.raises(ValueError, match="darts_tf.ConvSupernet, whose sizes"):
        darts_tf.ConvNetwork.from_supernet(own_network.OneNode(), genotype)
