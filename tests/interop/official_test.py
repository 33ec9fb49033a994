"""Official state dictionaries give our networks the official results.

The NumPy code in `official_numpy` names the arrays and computes the results;
float64 throughout, so that a difference is an error and not rounding.
"""

import re

import keras
import numpy as np
import pytest

import darts_tf
from darts_tf.interop import network_names
from reference import official_numpy

# float64 rounding, over tens of layers with values of size 1.
TOLERANCE = {"rtol": 1e-9, "atol": 1e-10}
PRIMITIVES = darts_tf.SearchSpace.conv().primitives


def _images(size=8):
    return np.random.default_rng(1).normal(size=(2, 3, size, size))


def _channels_last(images):
    return images.transpose(0, 2, 3, 1)


def _all_edges(primitives, steps):
    """The primitives of each edge, for either kind of cell: always the same."""
    return [[list(primitives)] * sum(range(2, steps + 2))] * 2


def _assert_round_trip(model, arrays):
    """Loads the arrays and compares what comes back, bit by bit."""
    names = darts_tf.interop.load_official(model, arrays)
    assert sorted(names) == sorted(arrays)
    back = darts_tf.interop.to_official(model)
    assert back.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(back[name], array)
        assert back[name].dtype == array.dtype


def _assert_covers_all_variables(model):
    """Each number of each variable has a place in one official array."""
    counts = {id(v): np.zeros(v.shape, int) for v in model.variables}
    for each in network_names.table(model):
        counts[id(each.variable)][each.where] += 1
    for variable in model.variables:
        ours_alone = re.search("seed_generator|drop_path_rate", variable.path)
        assert np.all(counts[id(variable)] == (0 if ours_alone else 1)), (
            variable.path
        )
    arrays = darts_tf.interop.to_official(model)
    # The embedding is there twice; statistics are no parameters.
    arrays.pop("decoder.weight", None)
    learned = [a for name, a in arrays.items() if ".running_" not in name]
    assert sum(a.size for a in learned) == darts_tf.count_parameters(model)


def _assert_auxiliary_head(network, arrays, size, stride, second_norm):
    """Compares it alone, on features: in a network, only training runs it."""
    channels = network.auxiliary_head.reduce.kernel.shape[2]
    features = np.random.default_rng(2).normal(size=(2, channels, size, size))
    expected = official_numpy.auxiliary_head(
        lambda name, *_: arrays[name], features, 5, stride, second_norm
    )
    logits = network.auxiliary_head(_channels_last(features))
    np.testing.assert_allclose(logits, expected, **TOLERANCE)


@pytest.mark.parametrize("name", ["DARTS_V2", "AMOEBANET_A"])
def test_derived_cifar_network(float64, name):
    genotype = getattr(darts_tf.zoo, name)
    get, images = official_numpy.Arrays(), _images(32)
    expected, _ = official_numpy.network_cifar(
        get, images, genotype, 2, 3, 5, True
    )
    network = darts_tf.ConvNetwork(genotype, 5, 2, 3, auxiliary_weight=0.4)
    network.build((None, 32, 32, 3))
    _assert_round_trip(network, get.arrays)
    _assert_covers_all_variables(network)
    logits = network(_channels_last(images))
    np.testing.assert_allclose(logits, expected, **TOLERANCE)
    _assert_auxiliary_head(network, get.arrays, 8, 3, True)


def test_derived_imagenet_network(float64):
    genotype = darts_tf.zoo.DARTS_V1
    get, images = official_numpy.Arrays(), _images(224)
    expected, _ = official_numpy.network_imagenet(
        get, images, genotype, 4, 3, 5, True
    )
    network = darts_tf.ConvNetwork(
        genotype, 5, 4, 3, auxiliary_weight=0.4, stem="imagenet"
    )
    network.build((None, 224, 224, 3))
    _assert_round_trip(network, get.arrays)
    _assert_covers_all_variables(network)
    assert "auxiliary_head.features.6.weight" not in get.arrays
    logits = network(_channels_last(images))
    np.testing.assert_allclose(logits, expected, **TOLERANCE)
    _assert_auxiliary_head(network, get.arrays, 7, 2, False)
    again = darts_tf.interop.network_from_official(genotype, get.arrays)
    np.testing.assert_array_equal(again(_channels_last(images)), logits)


def test_convolutional_supernet(float64):
    get, images = official_numpy.Arrays(), _images()
    expected = official_numpy.supernet(
        get, images, 2, 3, 5, 2, _all_edges(PRIMITIVES, 2)
    )
    space = darts_tf.SearchSpace.conv(num_nodes=2)
    supernet = darts_tf.ConvSupernet(space, 5, 2, 3)
    supernet.build((None, 8, 8, 3))
    _assert_round_trip(supernet, get.arrays)
    _assert_covers_all_variables(supernet)
    logits = supernet(_channels_last(images))
    np.testing.assert_allclose(logits, expected, **TOLERANCE)


def test_convolutional_supernet_with_other_primitives_on_each_edge(float64):
    names = ("none", "max_pool_3x3", "skip_connect", "sep_conv_3x3")
    # Two on each edge, in the order of `names`: the matrix has two columns.
    subsets = [
        [[names[k], names[3]] for k in (0, 1, 2, 1, 2)],
        [[names[k], names[2]] for k in (1, 0, 1, 1, 0)],
    ]
    get, images = official_numpy.Arrays(), _images()
    expected = official_numpy.supernet(get, images, 2, 3, 5, 2, subsets)
    assert get.arrays["alphas_reduce"].shape == (5, 2)
    space = darts_tf.SearchSpace.conv(
        names,
        num_nodes=2,
        edge_primitives={"normal": subsets[0], "reduction": subsets[1]},
    )
    supernet = darts_tf.ConvSupernet(space, 5, 2, 3)
    supernet.build((None, 8, 8, 3))
    _assert_round_trip(supernet, get.arrays)
    logits = supernet(_channels_last(images))
    np.testing.assert_allclose(logits, expected, **TOLERANCE)


def test_logits_of_edges_with_different_numbers_have_all_columns():
    space = darts_tf.SearchSpace.conv(
        ["skip_connect", "max_pool_3x3"],
        num_nodes=1,
        edge_primitives={"normal": [["skip_connect"], None]},
    )
    supernet = darts_tf.ConvSupernet(space, filters=2, num_cells=3)
    supernet.build((None, 8, 8, 3))
    arrays = darts_tf.interop.to_official(supernet)
    assert arrays["alphas_normal"].shape == (2, 2)
    assert "cells.0._ops.1._ops.1.1.running_mean" in arrays
    assert "cells.0._ops.0._ops.1.1.running_mean" not in arrays


def test_recurrent_network(float64):
    tokens = np.random.default_rng(1).integers(0, 20, (4, 3))
    genotype = darts_tf.zoo.RECURRENT_DARTS_V2
    get = official_numpy.Arrays()
    expected = official_numpy.rnn_model(get, tokens, genotype, 20, 6)
    network = darts_tf.RecurrentNetwork(genotype, 20, 6)
    network.build()
    _assert_round_trip(network, get.arrays)
    _assert_covers_all_variables(network)
    logits = network(tokens.T)["logits"]
    np.testing.assert_allclose(np.swapaxes(logits, 0, 1), expected, **TOLERANCE)


def test_recurrent_supernet(float64):
    tokens = np.random.default_rng(1).integers(0, 20, (4, 3))
    get = official_numpy.Arrays()
    expected = official_numpy.rnn_model_search(get, tokens, 20, 6, 3)
    space = darts_tf.SearchSpace.recurrent(num_nodes=3)
    supernet = darts_tf.RecurrentSupernet(space, 20, 6)
    supernet.build()
    _assert_round_trip(supernet, get.arrays)
    _assert_covers_all_variables(supernet)
    logits = supernet(tokens.T)["logits"]
    np.testing.assert_allclose(np.swapaxes(logits, 0, 1), expected, **TOLERANCE)


def test_statistics_of_nodes_are_blended_as_if_they_took_turns():
    space = darts_tf.SearchSpace.recurrent(num_nodes=2)
    supernet = darts_tf.RecurrentSupernet(space, 20, 4)
    supernet.build()
    rows = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    supernet.cell.moving_mean.assign(rows)
    # The official code: one array that each node moves, step after step.
    shared = np.zeros(4)
    for _ in range(200):
        for row in rows:
            shared = 0.9 * shared + 0.1 * row
    written = darts_tf.interop.to_official(supernet)["rnns.0.bn.running_mean"]
    np.testing.assert_allclose(written, shared, rtol=1e-6)  # float32


@pytest.fixture(scope="module")
def small():
    """A recurrent supernet and its arrays: the quickest to build."""
    space = darts_tf.SearchSpace.recurrent(num_nodes=2)
    supernet = darts_tf.RecurrentSupernet(space, 20, 4)
    supernet.build()
    return supernet, darts_tf.interop.to_official(supernet)


def test_counters_of_batches_are_left_out_knowingly(small):
    supernet, arrays = small
    counter = {"rnns.0.bn.num_batches_tracked": np.array(7)}
    darts_tf.interop.load_official(supernet, {**arrays, **counter})
    stray = {"rnns.0.num_batches_tracked": np.array(7.0)}
    with pytest.raises(
        ValueError, match="left over: rnns.0.num_batches_tracked"
    ):
        darts_tf.interop.load_official(supernet, {**arrays, **stray})


def test_logits_are_read_by_our_names_too(small):
    supernet, arrays = small
    logits = np.ones_like(arrays["weights"])
    renamed = {name: a for name, a in arrays.items() if name != "weights"}
    darts_tf.interop.load_official(
        supernet, {**renamed, "alphas_recurrent": logits}
    )
    np.testing.assert_array_equal(supernet.alphas.logits[0], logits)
    with pytest.raises(ValueError, match="left over: alphas_recurrent"):
        darts_tf.interop.load_official(
            supernet, {**arrays, "alphas_recurrent": logits}
        )


def test_a_dictionary_without_logits_is_loaded_on_demand(small):
    supernet, arrays = small
    before = np.array(supernet.alphas.logits[0])
    without = darts_tf.interop.to_official(supernet, alphas=False)
    assert arrays.keys() - without.keys() == {"weights"}
    with pytest.raises(ValueError, match="alphas=False.*missing: weights"):
        darts_tf.interop.load_official(supernet, without)
    without["decoder.bias"] = np.ones(20, "float32")
    darts_tf.interop.load_official(supernet, without, alphas=False)
    np.testing.assert_array_equal(supernet.decoder_bias, np.ones(20))
    np.testing.assert_array_equal(supernet.alphas.logits[0], before)


def test_everything_that_does_not_fit_is_named_and_nothing_changes(small):
    supernet, arrays = small
    wrong = {name: array + 1 for name, array in arrays.items()}
    del wrong["rnns.0._Ws.1"], wrong["decoder.bias"]
    wrong["rnns.0._Ws.7"] = wrong["cells.0.bias"] = np.zeros(1)
    wrong["rnns.0._W0"] = wrong["rnns.0._W0"].T[:3]
    before = [np.array(v) for v in supernet.variables]
    with pytest.raises(ValueError, match="9 official arrays") as caught:
        darts_tf.interop.load_official(supernet, wrong)
    assert str(caught.value).endswith(
        "Received: missing: decoder.bias, rnns.0._Ws.1; "
        "left over: rnns.0._Ws.7, cells.0.bias; "
        "of another shape: rnns.0._W0 (expected (8, 8), is (3, 8))"
    )
    for variable, value in zip(supernet.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)


def test_a_long_list_of_names_is_cut(small):
    supernet, arrays = small
    many = {f"other.{k}": np.zeros(1) for k in range(60)}
    with pytest.raises(ValueError, match=r"other\.49 and 10 more$"):
        darts_tf.interop.load_official(supernet, {**arrays, **many})


def test_tied_arrays_must_agree(small):
    supernet, arrays = small
    other = {**arrays, "decoder.weight": arrays["decoder.weight"] + 1}
    with pytest.raises(
        ValueError, match=r"holds once: decoder.weight \(from encoder.weight"
    ):
        darts_tf.interop.load_official(supernet, other)


def test_pools_of_the_edges_that_leave_a_node_must_agree():
    space = darts_tf.SearchSpace.conv(["none", "max_pool_3x3"], num_nodes=2)
    supernet = darts_tf.ConvSupernet(space, filters=2, num_cells=3)
    supernet.build((None, 8, 8, 3))
    arrays = darts_tf.interop.to_official(supernet)
    # Edges 0 and 2 leave node 0: they enter nodes 2 and 3.
    name = "cells.1._ops.2._ops.1.1.running_mean"
    arrays[name] = arrays[name] + 1
    with pytest.raises(
        ValueError,
        match=r"once: cells.1._ops.2.*\(from cells.1._ops.0._ops.1.1.run",
    ):
        darts_tf.interop.load_official(supernet, arrays)


def test_an_auxiliary_head_that_is_not_there_is_said():
    network = darts_tf.ConvNetwork(
        darts_tf.zoo.DARTS_V2, filters=2, num_cells=1
    )
    network.build((None, 8, 8, 3))
    arrays = darts_tf.interop.to_official(network)
    arrays["auxiliary_head.classifier.bias"] = np.zeros(10)
    with pytest.raises(ValueError, match="`auxiliary_weight`.*left over"):
        darts_tf.interop.load_official(network, arrays)


def test_models_without_official_names_are_refused():
    with pytest.raises(ValueError, match="Received: model=<Sequential"):
        darts_tf.interop.to_official(keras.Sequential())
    network = darts_tf.ConvNetwork(
        darts_tf.zoo.DARTS_V2, filters=2, num_cells=1
    )
    with pytest.raises(ValueError, match="must be built.*which is not"):
        darts_tf.interop.to_official(network)
    network.build((None, 8, 8, 3))
    with pytest.raises(ValueError, match="ConvNetwork, which has none"):
        darts_tf.interop.to_official(network, alphas=False)


def test_operations_of_ones_own_have_no_official_name():
    darts_tf.register_operation(
        "own_conv_1x1",
        lambda filters, strides: keras.layers.Conv2D(filters, 1, strides),
    )
    space = darts_tf.SearchSpace.conv(["own_conv_1x1"], num_nodes=1)
    supernet = darts_tf.ConvSupernet(space, filters=2, num_cells=3)
    supernet.build((None, 8, 8, 3))
    with pytest.raises(ValueError, match=r"own_conv_1x1.*cells.0._ops.0._ops"):
        darts_tf.interop.to_official(supernet)
