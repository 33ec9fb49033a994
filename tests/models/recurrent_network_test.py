import keras
import numpy as np
import pytest
import tensorflow as tf

import darts_tf
from darts_tf import zoo


def small(**options):
    options = {"vocabulary_size": 11, "units": 6, "seed": 0, **options}
    network = darts_tf.RecurrentNetwork(zoo.RECURRENT_DARTS_V2, **options)
    network.build((None, None))
    return network


def some_tokens(batch=4, time=5):
    return np.random.default_rng(0).integers(11, size=(batch, time))


@pytest.mark.parametrize(
    ("name", "units", "vocabulary_size", "count"),
    [  # of the official code's networks
        ("RECURRENT_DARTS_V2", 850, 10_000, 22_960_000),
        ("RECURRENT_DARTS_V2", 700, 33_278, 33_127_878),
        ("RECURRENT_ENAS", 850, 10_000, 27_295_000),
        ("RECURRENT_ENAS", 700, 33_278, 36_067_878),
    ],
)
def test_the_published_sizes(name, units, vocabulary_size, count):
    network = darts_tf.RecurrentNetwork(
        zoo.get(name), vocabulary_size=vocabulary_size, units=units
    )
    network.build((None, 35))
    assert darts_tf.count_parameters(network) == count


def test_the_network_is_embedding_cell_and_tied_softmax():
    network = small()
    tokens = some_tokens()
    table = np.array(network.embedding)
    network.decoder_bias.assign(np.arange(11))
    outputs, state = network.cell(table[tokens])
    results = network(tokens)
    logits = np.array(outputs) @ table.T + np.arange(11)
    # float32 rounding.
    np.testing.assert_allclose(results["logits"], logits, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(results["state"], state)
    np.testing.assert_array_equal(
        network.logits(network.hidden(tokens)["outputs"]), results["logits"]
    )


def test_the_state_carries_a_text_from_batch_to_batch():
    network = small()
    tokens = some_tokens(time=8)
    first = network(tokens[:, :5])
    second = network(tokens[:, 5:], first["state"])
    # float32 rounding: products with another number of rows.
    np.testing.assert_allclose(
        np.concatenate([first["logits"], second["logits"]], 1),
        network(tokens)["logits"],
        atol=1e-5,
    )


def test_rates_are_those_of_the_paper_unless_given():
    assert small(dropouts={"hidden": 0.15}).dropouts == {
        "output": 0.75,
        "hidden": 0.15,
        "cell_input": 0.75,
        "embedded": 0.2,
        "words": 0.1,
    }


def test_output_dropout_is_locked_over_time():
    rates = {"hidden": 0.0, "cell_input": 0.0, "embedded": 0.0, "words": 0.0}
    results = small(dropouts={**rates, "output": 0.5}).call(
        some_tokens(), training=True
    )
    ratio = np.array(results["outputs"]) / np.array(results["raw_outputs"])
    # float32 rounding of the division.
    np.testing.assert_allclose(ratio, np.repeat(ratio[:, :1], 5, 1), rtol=1e-5)
    np.testing.assert_allclose(np.unique(ratio.round(4)), [0, 2], rtol=1e-5)


def test_it_survives_saving(tmp_path):
    network = small()
    tokens = some_tokens()
    expected = network(tokens)["logits"]
    path = tmp_path / "network.keras"
    network.save(path)
    again = keras.saving.load_model(path)
    assert again.get_config() == network.get_config()
    np.testing.assert_array_equal(again(tokens)["logits"], expected)


@pytest.mark.parametrize(
    "options",
    [
        {"genotype": zoo.DARTS_V2},
        {
            "genotype": darts_tf.Genotype(
                recurrent=darts_tf.Cell(
                    ((darts_tf.Edge("sep_conv_3x3", 0),),), (1,), 1
                )
            )
        },
        {"units": -1},
        {"embedding_dim": 7},
        {"dropouts": {"embedding": 0.5}},
    ],
)
def test_bad_options_are_refused(options):
    defaults = {"genotype": zoo.RECURRENT_DARTS_V1, "units": 6}
    with pytest.raises(ValueError, match="Received"):
        darts_tf.RecurrentNetwork(**{**defaults, **options})


DOORS = {
    "call": lambda network, x: network(x),
    "hidden": lambda network, x: network.hidden(x),
    "predict": lambda network, x: network.predict(x, verbose=0),
    "stateful": lambda network, x: darts_tf.StatefulLanguageModel(
        network, evaluation_batch_size=len(x)
    )((keras.ops.convert_to_tensor(x), keras.ops.array(True))),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("token", [11, -1])
def test_an_id_that_is_no_word_is_named(door, token):
    tokens = some_tokens()
    tokens[2, 3] = token
    with pytest.raises(ValueError, match=rf"from 0 to 10;.* {token}\b"):
        DOORS[door](small(), tokens)


@pytest.mark.parametrize("door", DOORS)
def test_ids_that_are_no_integers_are_refused(door):
    with pytest.raises(ValueError, match="must be integers"):
        DOORS[door](small(), some_tokens().astype("float32"))


@pytest.mark.parametrize("token", [11, -1])
def test_an_id_in_a_data_set_that_is_no_word_is_named_or_not_a_number(token):
    tokens = some_tokens()
    tokens[2, 3] = token
    data = tf.data.Dataset.from_tensors(tokens)
    try:
        outputs = small().predict(data, verbose=0)
    except tf.errors.InvalidArgumentError as error:
        assert f"= {token} is not in [0, 11)" in str(error)  # noqa: PT017
    else:
        assert np.isnan(outputs["logits"][2, 4]).all()  # on a GPU


@pytest.mark.parametrize("token", [11, -1])
def test_an_id_that_is_no_word_is_not_a_number_under_xla(token):
    tokens = some_tokens()
    tokens[2, 3] = token
    data = tf.data.Dataset.from_tensors(tokens)
    network = small()
    network.compile(jit_compile=True)
    outputs = network.predict(data, verbose=0)
    assert np.isnan(outputs["logits"][2, 3:]).all()  # the state goes on
    assert np.isfinite(outputs["logits"][2, :3]).all()
    assert np.isfinite(outputs["logits"][:2]).all()


def test_tokens_of_another_rank_are_refused():
    with pytest.raises(ValueError, match="ndim=2"):
        small()(some_tokens()[0])
