"""What the fit of an image search makes of its data."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import darts_tf
from darts_tf.search import hypergradient
from tests.search import image_search

METHODS = hypergradient.METHODS


def test_data_sets_with_alpha_data_equal_a_data_set_of_pairs():
    x, y = image_search.data()
    train = tf.data.Dataset.from_tensor_slices((x[:12], y[:12])).batch(4)
    alpha = tf.data.Dataset.from_tensor_slices((x[12:], y[12:])).batch(4)
    results = []
    for data, options in (
        (train, {"alpha_data": alpha}),
        (tf.data.Dataset.zip((train, alpha)), {}),
    ):
        keras.utils.set_random_seed(0)
        model = image_search.model("first_order")
        model.fit(data, epochs=2, verbose=0, **options)
        results.append(image_search.arrays(model.alphas))
    # Threads sum in another order; a step of Adam moves by 3e-4.
    np.testing.assert_allclose(results[0], results[1], atol=1e-3 * 3e-4)


def test_alpha_stream_goes_on_across_epochs():
    x, y = image_search.data()
    seen = []

    def record(value):
        seen.append(float(value))
        return value

    train = tf.data.Dataset.from_tensor_slices((x[:8], y[:8])).batch(4)
    alpha = tf.data.Dataset.from_tensor_slices(
        (x[:12], y[:12], np.arange(12, dtype="float32"))
    ).batch(4)
    alpha = alpha.map(
        lambda a, b, k: (
            tf.ensure_shape(
                a + 0 * tf.py_function(record, [k[0]], tf.float32), a.shape
            ),
            b,
        )
    )
    model = image_search.model("first_order")
    model.fit(train, alpha_data=alpha, epochs=3, verbose=0)
    assert seen[:6] == [0, 4, 8, 0, 4, 8]  # not 0, 4, 0, 4, 0, 4


def test_sample_weights_of_zero_leave_only_decay():
    x, y = image_search.data()
    model = image_search.model("first_order")
    model.optimizer.learning_rate = 0.1
    before = image_search.arrays(model.network_weights)
    model.fit(x, y, batch_size=12, sample_weight=np.zeros(24), verbose=0)
    for a, b in zip(before, model.network_weights, strict=True):
        np.testing.assert_allclose(b, a * (1 - 0.1 * 3e-4), rtol=1e-5, atol=0)


def test_class_weight_equals_sample_weight():
    x, y = image_search.data()
    results = []
    class_weight = {0: 1.0, 1: 2.0, 2: 0.5}
    for options in (
        {"class_weight": class_weight},
        {"sample_weight": np.array([class_weight[k] for k in y])},
    ):
        keras.utils.set_random_seed(0)
        model = image_search.model("first_order")
        model.fit(x, y, batch_size=4, verbose=0, **options)
        results.append(image_search.arrays(model.alphas))
    # Threads sum in another order; a step of Adam moves by 3e-4.
    np.testing.assert_allclose(results[0], results[1], atol=1e-3 * 3e-4)


def test_validation_data_is_evaluated():
    model = image_search.model("first_order")
    history = model.fit(
        *image_search.data(),
        batch_size=4,
        validation_data=image_search.data(6),
        verbose=0,
    ).history
    assert {"val_loss", "val_accuracy"} <= set(history)
    assert "val_alpha_loss" not in history
    loss, accuracy = model.evaluate(*image_search.data(6), verbose=0)
    np.testing.assert_allclose(history["val_loss"][0], loss, rtol=1e-5)
    np.testing.assert_allclose(history["val_accuracy"][0], accuracy)


def _fit(*arguments, **options):
    image_search.model("first_order").fit(*arguments, verbose=0, **options)


X, Y = image_search.data()
DATASET = tf.data.Dataset.from_tensor_slices((X, Y)).batch(4)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((X,), {}, "labels"),
        ((X[..., 0], Y), {}, "height, width, channels"),
        ((X, Y + 1), {}, "from 1 to 3"),
        ((X, Y[:-1]), {}, "24 images, 23 labels"),
        ((X * np.nan, Y), {}, "NaN"),
        ((X, Y), {"batch_size": 13}, "13"),
        ((X, Y), {"validation_split": 0.1}, "validation_split"),
        ((X, Y), {"alpha_data": DATASET}, "alpha_data"),
        ((X, Y), {"class_weight": {0: 1.0}}, r"\[1, 2\]"),
        ((X, Y), {"sample_weight": np.ones(3)}, "sample_weight"),
        ((X, Y), {"shuffle": False}, "shuffle=False"),
        ((DATASET,), {}, "alpha_data"),
        ((DATASET, Y), {"alpha_data": DATASET}, "`y` does not apply"),
        ((DATASET,), {"alpha_data": X}, "tf.data.Dataset of batches"),
        (
            (DATASET,),
            {"alpha_data": DATASET, "class_weight": {0: 1.0}},
            "class_weight",
        ),
        (
            (DATASET.repeat(),),
            {"alpha_data": DATASET},
            "steps_per_epoch",
        ),
    ],
)
def test_bad_data_is_refused_before_any_step(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        _fit(*arguments, **options)


def _evaluate(model, x, y):
    model.evaluate(x, y, verbose=0)


def _fit_data(model, x, y):
    batches = tf.data.Dataset.from_tensor_slices((x, y)).batch(4)
    model.fit(batches, alpha_data=batches, verbose=0)


def _fit_with_validation(model, x, y):
    model.fit(x, y, batch_size=4, validation_data=(x, y), verbose=0)


def _check(model, x, y):
    batch = (x[:4], y[:4])
    darts_tf.check_hypergradient(model, (batch, batch))


DOORS = (_evaluate, _fit_data, _fit_with_validation, _check)


@pytest.mark.parametrize("door", DOORS)
def test_pixels_of_whole_numbers_come_in_by_each_door(door):
    x, y = image_search.data(16)
    door(image_search.model(), (9 * np.abs(x)).astype("uint8"), y)


@pytest.mark.parametrize("door", DOORS)
def test_other_channels_are_refused_by_each_door(door):
    x, y = image_search.data(16)
    with pytest.raises(ValueError, match=r"value 1, .*8, 8, 3\)"):
        door(image_search.model(), np.repeat(x, 3, -1), y)
