import keras
import numpy as np
import pytest
import tensorflow as tf

import darts_tf
from darts_tf.layers import regularization
from darts_tf.search import hypergradient
from darts_tf.search.engine import objective as objective_lib
from darts_tf.spaces import paper

NO_DROPOUT = dict.fromkeys(paper.dropouts(paper.RecurrentSearch), 0.0)


def small(**options):
    options = {"vocabulary_size": 11, "units": 6, "seed": 0, **options}
    supernet = darts_tf.RecurrentSupernet(
        darts_tf.SearchSpace.recurrent(num_nodes=3), **options
    )
    supernet.build((None, None))
    return supernet


def some_tokens(batch=4, time=5, seed=0):
    return np.random.default_rng(seed).integers(11, size=(batch, time))


def test_the_published_size():
    supernet = darts_tf.RecurrentSupernet()
    supernet.build((None, 35))
    sizes = [int(np.prod(v.shape)) for v in supernet.network_weights]
    assert sum(sizes) == 4_810_000  # of the official code's network
    assert darts_tf.count_parameters(supernet) == 4_810_000 + 36 * 5


def test_every_variable_is_an_alpha_or_a_network_weight():
    supernet = small()
    alphas = {id(v) for v in supernet.alphas.logits}
    weights = {id(v) for v in supernet.network_weights}
    assert not alphas & weights
    assert alphas | weights == {id(v) for v in supernet.trainable_variables}
    assert [v.name for v in supernet.alphas.logits] == ["alphas_recurrent"]
    assert all(v.path.startswith("alphas") for v in supernet.alphas.logits)


def test_the_network_is_embedding_cell_and_tied_softmax():
    supernet = small()
    tokens = some_tokens()
    table = np.array(supernet.embedding)
    supernet.decoder_bias.assign(np.arange(11))
    outputs, state = supernet.cell(
        table[tokens], supernet.alphas.op_weights()["recurrent"]
    )
    results = supernet(tokens)
    logits = np.array(outputs) @ table.T + np.arange(11)
    # float32 rounding.
    np.testing.assert_allclose(results["logits"], logits, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(results["raw_outputs"], outputs)
    np.testing.assert_array_equal(results["outputs"], outputs)
    np.testing.assert_array_equal(results["state"], state)


def test_weights_start_as_published():
    supernet = small(vocabulary_size=2000)
    table = np.array(supernet.embedding)
    assert np.abs(table).max() <= 0.1
    # The deviation of U(-a, a) is a / sqrt(3); 12000 draws.
    assert abs(table.std() / (0.1 / np.sqrt(3)) - 1) < 0.03
    assert not np.any(supernet.decoder_bias)


def test_the_state_carries_a_text_from_batch_to_batch():
    supernet = small()
    tokens = some_tokens(time=8)
    whole = supernet(tokens)
    first = supernet(tokens[:, :5], supernet.initial_state(4))
    second = supernet(tokens[:, 5:], first["state"])
    # float32 rounding: products with another number of rows.
    np.testing.assert_allclose(
        np.concatenate([first["logits"], second["logits"]], 1),
        whole["logits"],
        atol=1e-5,
    )
    assert np.any(
        np.array(second["logits"])
        != np.array(supernet(tokens[:, 5:])["logits"])
    )


@pytest.mark.parametrize("place", list(paper.dropouts(paper.RecurrentSearch)))
def test_each_dropout_acts_in_training_only(place):
    plain = small(dropouts=NO_DROPOUT)
    dropping = small(dropouts={**NO_DROPOUT, place: 0.5})
    dropping.set_weights(plain.get_weights())
    tokens = some_tokens()
    np.testing.assert_array_equal(
        dropping(tokens)["logits"], plain(tokens)["logits"]
    )
    first, second = (dropping(tokens, training=True) for _ in range(2))
    assert np.any(np.array(first["logits"]) != np.array(second["logits"]))
    same_raw = np.array_equal(first["raw_outputs"], second["raw_outputs"])
    assert same_raw == (place == "output")


def test_the_seed_decides_alphas_and_dropout():
    def logits(seed):
        supernet = small(seed=seed)
        for k, variable in enumerate(supernet.network_weights):
            variable.assign(keras.random.normal(variable.shape, seed=k))
        supernet.cell.moving_mean.assign(supernet.cell.moving_mean * 0)
        return np.array(supernet(some_tokens(), training=True)["logits"])

    np.testing.assert_array_equal(logits(0), logits(0))
    assert np.any(logits(0) != logits(1))


def test_a_dropped_word_is_lost_everywhere_and_others_grow():
    layer = regularization.EmbeddingDropout(0.3, seed=0)
    table = np.random.default_rng(0).uniform(1, 2, (500, 4)).astype("float32")
    ratio = np.array(layer(table, training=True)) / table
    # float32 rounding of the division.
    np.testing.assert_allclose(ratio, np.repeat(ratio[:, :1], 4, 1), 1e-6)
    np.testing.assert_allclose(np.unique(ratio)[[0, -1]], [0, 1 / 0.7], 1e-6)
    np.testing.assert_array_equal(layer(table), table)


def test_slowness_is_the_mean_squared_step():
    raw = np.random.default_rng(0).normal(size=(3, 5, 4))
    total = 0.0
    for time in range(4):
        total += np.sum((raw[:, time + 1] - raw[:, time]) ** 2)
    result = float(darts_tf.models.slowness(raw))
    np.testing.assert_allclose(result, total / (3 * 4 * 4), rtol=1e-6)


def loss_at(supernet, tokens, targets):
    """The loss as the search evaluates it: at values, without variables."""

    def loss(weights, logits, state):
        mapping = [
            *zip(supernet.network_weights, weights, strict=True),
            *zip(supernet.alphas.logits, logits, strict=True),
            *zip(supernet.non_trainable_variables, state, strict=True),
        ]
        with keras.StatelessScope(mapping) as scope:
            results = supernet(tokens, training=True)
        new_state = [
            scope.get_current_value(v) for v in supernet.non_trainable_variables
        ]
        loss = keras.losses.sparse_categorical_crossentropy(
            targets, results["logits"], from_logits=True
        )
        return tf.reduce_mean(loss), new_state

    return loss


def test_the_search_can_evaluate_it_at_values_with_second_derivatives():
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    try:
        space = darts_tf.SearchSpace.recurrent(
            ("none", "tanh", "sigmoid", "identity"), num_nodes=2
        )
        supernet = darts_tf.RecurrentSupernet(
            space,
            vocabulary_size=11,
            units=6,
            # At the paper's rates so small a network loses whole features of
            # the batch, and the normalisation then has huge derivatives.
            dropouts=dict.fromkeys(paper.dropouts(paper.RecurrentSearch), 0.25),
            seed=0,
        )
        supernet.build((None, None))
        before = [np.array(v) for v in supernet.variables]
        loss = loss_at(supernet, some_tokens(16), some_tokens(16, seed=1))
        rng = np.random.default_rng(0)
        weights, logits, state = (
            [tf.convert_to_tensor(v.value) for v in variables]
            for variables in (
                supernet.network_weights,
                supernet.alphas.logits,
                supernet.non_trainable_variables,
            )
        )
        weights = [
            w + tf.constant(rng.normal(size=w.shape, scale=0.3))
            for w in weights
        ]
        vector = [tf.constant(rng.normal(size=w.shape)) for w in weights]
        objective = objective_lib.Objective(loss)
        product = objective.evaluate(
            hypergradient.mixed_product,
            weights,
            logits,
            vector,
            arguments=(state,),
        )[0]
        step = 1e-5
        sides = [
            objective.evaluate(
                hypergradient.alpha_gradients,
                [
                    w + sign * step * v
                    for w, v in zip(weights, vector, strict=True)
                ],
                logits,
                arguments=(state,),
            ).alpha_gradients[0]
            for sign in (1, -1)
        ]
    finally:
        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy("float32")
    expected = (sides[0] - sides[1]) / (2 * step)
    scale = np.abs(expected).max()
    assert scale > 1e-6
    # Truncation is of order step**2; the masks are those of `state` each time.
    np.testing.assert_allclose(product, expected, rtol=0, atol=1e-5 * scale)
    for variable, value in zip(supernet.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)


def test_training_moves_statistics_and_the_loss_falls():
    supernet = small(dropouts=NO_DROPOUT, units=16)
    tokens, targets = some_tokens(16), some_tokens(16, seed=1)
    optimizer = keras.optimizers.Adam(0.02)
    optimizer.build(supernet.trainable_variables)

    @tf.function(autograph=False)
    def step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(
                keras.losses.sparse_categorical_crossentropy(
                    targets,
                    supernet(tokens, training=True)["logits"],
                    from_logits=True,
                )
            )
        gradients = tape.gradient(
            loss, [v.value for v in supernet.trainable_variables]
        )
        optimizer.apply(gradients)
        return loss

    first = float(step())
    for _ in range(150):
        last = float(step())
    # It memorises 80 words; guessing costs log(11) = 2.4.
    assert first > 2
    assert last < 0.5
    assert np.any(np.array(supernet.cell.moving_mean))


def test_it_survives_saving(tmp_path):
    supernet = small(dropouts={"words": 0.1})
    tokens = some_tokens()
    supernet(tokens, training=True)
    path = tmp_path / "supernet.keras"
    supernet.save(path)
    again = keras.saving.load_model(path)
    assert again.get_config() == supernet.get_config()
    np.testing.assert_array_equal(
        again(tokens)["logits"], supernet(tokens)["logits"]
    )


def test_computed_shapes_are_the_shapes():
    supernet = small()
    shapes = {k: tuple(v.shape) for k, v in supernet(some_tokens()).items()}
    assert shapes == supernet.compute_output_shape((4, 5))


@pytest.mark.parametrize(
    "options",
    [
        {"units": 0},
        {"vocabulary_size": 2.5},
        {"embedding_dim": 7},
        {"dropouts": {"hidden": 1.0}},
        {"dropouts": {"cell": 0.5}},
        {"space": darts_tf.SearchSpace.conv()},
        {"space": darts_tf.SearchSpace.recurrent(["none", "sep_conv_3x3"])},
    ],
)
def test_bad_options_are_refused(options):
    with pytest.raises(ValueError, match="Received"):
        darts_tf.RecurrentSupernet(**{"units": 6, **options})
