"""What a search on texts refuses, before any step."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import darts_tf
from darts_tf.data import text_streams
from tests.search import text_search


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"embedding_dim": 5}, "embedding_dim=5, units=4"),
        ({"dropouts": {"outputs": 0.1}}, "outputs"),
        ({"sequence_length": 3}, "sequence_length"),
        ({"slowness": -1.0}, "slowness=-1.0"),
        ({"filters": 3}, "Received: filters=3 with a space .* 'recurrent'"),
        ({"space": "conv"}, "vocabulary_size"),
        (
            {"space": darts_tf.SearchSpace.recurrent(["none", "swisch"])},
            "swisch",
        ),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        text_search.model(compiled=False, **options)


PIECES = text_streams.sequences(text_search.text(), text_search.BATCH, 4)
TEXT = text_search.text(9)


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (TEXT, {}, "alpha_data=None"),
        (
            TEXT,
            {"alpha_data": TEXT[: 4 * text_search.BATCH]},
            "at least one batch",
        ),
        (TEXT[:5], {"alpha_data": TEXT}, "two words in each row"),
        (TEXT + 0.5, {"alpha_data": TEXT}, "dtype float64"),
        (TEXT[None], {"alpha_data": TEXT}, "rank 1"),
        (TEXT + 1, {"alpha_data": TEXT}, "from 1 to 11"),
        (TEXT, {"alpha_data": TEXT - 1}, "from -1 to 9"),
        (TEXT, {"alpha_data": TEXT, "y": TEXT}, "`y` does not apply"),
        (
            TEXT,
            {"alpha_data": TEXT, "class_weight": {0: 1.0}},
            "`class_weight` does not apply",
        ),
        (TEXT, {"alpha_data": TEXT, "validation_data": TEXT[:9]}, "10"),
        (
            TEXT,
            {"alpha_data": TEXT, "validation_data": TEXT + 1},
            "from 1 to 11, vocabulary_size=11",
        ),
        (lambda: iter(TEXT), {}, "must take the number of a step"),
        (iter(TEXT), {"alpha_data": TEXT}, "dtype object"),
        (
            tf.data.Dataset.from_tensor_slices(TEXT).batch(text_search.BATCH),
            {"alpha_data": PIECES},
            "Expected pieces of texts",
        ),
        (
            PIECES.map(lambda a, b, c: {"a": a, "b": b, "c": c}),
            {"alpha_data": PIECES},
            "Expected pieces of texts",
        ),
        (PIECES, {}, "alpha_data"),
        (PIECES, {"alpha_data": PIECES}, "steps_per_epoch"),
        (
            PIECES.map(lambda inputs, targets, is_first: (inputs, targets)),
            {"alpha_data": PIECES},
            "is_first",
        ),
        (
            text_streams.sequences(text_search.text(), 2, 4),
            {"alpha_data": PIECES},
            "one known batch size",
        ),
        (
            text_streams.sequences(text_search.text(), 2, 4),
            {"alpha_data": text_streams.sequences(text_search.text(), 2, 4)},
            "batch_size=2",
        ),
    ],
)
def test_bad_data_is_refused_before_any_step(data, options, message):
    options = {
        "batch_size": None if data is not TEXT else text_search.BATCH,
        **options,
    }
    if isinstance(data, np.ndarray) or hasattr(data, "__next__"):
        options["batch_size"] = text_search.BATCH
    with pytest.raises(ValueError, match=message):
        text_search.model().fit(data, verbose=0, **options)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"loss": "mse"}, "own loss"),
        ({"metrics": ["accuracy"]}, "metrics"),
        (
            {
                "optimizer": keras.optimizers.SGD(
                    keras.optimizers.schedules.CosineDecay(1.0, 5)
                )
            },
            "LearningRateSchedule|schedule",
        ),
    ],
)
def test_compile_refuses_what_the_task_has_not(arguments, message):
    with pytest.raises(ValueError, match=message):
        text_search.model(compiled=False).compile(**arguments)


def test_a_build_without_the_batch_size_is_refused():
    model = darts_tf.DartsSearchModel("recurrent", vocabulary_size=5, units=2)
    with pytest.raises(ValueError, match="batch_size"):
        model.build((None, None))


def test_an_evaluation_names_ids_that_are_no_words():
    with pytest.raises(ValueError, match="vocabulary_size=11"):
        text_search.model().evaluate(TEXT + 1, verbose=0)


def test_a_training_that_xla_cannot_compile_is_refused_before_it():
    model = text_search.model(compiled=False)
    model.compile(jit_compile=True)
    pairs = tf.data.Dataset.from_tensors((text_search.batches()[0],) * 2)
    before = [np.array(v) for v in model.variables]
    message = "leave `jit_compile` out.*Received: jit_compile=True"
    with pytest.raises(ValueError, match=message):
        model.fit(pairs, epochs=1, verbose=0)
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)
    model.compile()  # as nobody asks for it
    assert not model.jit_compile


@pytest.mark.slow
def test_an_id_that_is_no_word_makes_an_evaluation_nan_under_xla():
    model = text_search.model(compiled=False)
    model.compile(jit_compile=True)  # XLA compiles no training of a loop
    tokens, *rest = text_search.batches()[0]
    wrong = tf.where(tf.range(4) == 2, text_search.WORDS, tokens)
    data = tf.data.Dataset.from_tensors((wrong, *rest))
    assert np.isnan(model.evaluate(data, verbose=0)[0])
