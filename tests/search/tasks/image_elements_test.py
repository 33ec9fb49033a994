import keras
import numpy as np
import pytest
import tensorflow as tf

from darts_tf.search.tasks import image_elements
from tests.search import image_search

X, Y = image_search.data(16)
slices = tf.data.Dataset.from_tensor_slices
SAMPLES = slices({"image": X, "label": Y, "id": np.arange(16)}).batch(4)
TUPLES = slices((X, Y)).batch(4)


def _fit(x, **options):
    keras.utils.set_random_seed(0)
    model = image_search.model("first_order", space=image_search.SMALL)
    history = model.fit(x, verbose=0, **options)
    return history.history, image_search.arrays(model.alphas)


def test_dictionaries_of_images_and_labels_equal_tuples():
    _, expected = _fit(TUPLES, alpha_data=TUPLES, steps_per_epoch=1)
    for x, options in (
        (SAMPLES, {"alpha_data": SAMPLES}),
        (SAMPLES, {"alpha_data": TUPLES}),
        (tf.data.Dataset.zip(SAMPLES, SAMPLES), {}),
        (
            lambda step: tf.data.Dataset.zip(SAMPLES, TUPLES).repeat(),
            {},
        ),
    ):
        _, got = _fit(x, steps_per_epoch=1, **options)
        # Threads sum in another order; a step of Adam moves by 3e-4.
        for a, b in zip(expected, got, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-3 * 3e-4)


def test_dictionaries_are_evaluated():
    history, _ = _fit(TUPLES, alpha_data=TUPLES, validation_data=SAMPLES)
    assert "val_accuracy" in history
    model = image_search.model("first_order", space=image_search.SMALL)
    np.testing.assert_allclose(
        model.evaluate(SAMPLES, verbose=0),
        model.evaluate(TUPLES, verbose=0),
        rtol=1e-6,
    )


def test_images_of_unknown_height_and_width_are_taken():
    data = slices((X, Y)).batch(8)
    data = data.map(
        lambda x, y: (
            tf.ensure_shape(tf.reshape(x, tf.shape(x)), [None] * 3 + [1]),
            y,
        )
    )
    history, _ = _fit(data, alpha_data=data)
    assert np.isfinite(history["loss"]).all()


class _Batches(keras.utils.PyDataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        return X[:4], Y[:4]


def _unknown_rank():
    return tf.data.Dataset.from_generator(
        lambda: zip(X, Y, strict=True), (tf.float32, tf.int64)
    ).batch(8)


@pytest.mark.parametrize(
    ("x", "options", "message"),
    [
        (
            lambda: zip(X, Y, strict=True),
            {},
            "must take the number of a step.*from_generator",
        ),
        (lambda step: iter([(X, Y)]), {}, "must return a tf.data.Dataset"),
        ((b for b in [(X, Y)]), {}, "x of <class 'generator'>"),
        (_Batches(), {}, "PyDataset becomes a data set"),
        (object(), {"y": Y}, "x of <class 'object'>"),
        (None, {}, "x of <class 'NoneType'>"),
        ("images", {}, "x of <class 'str'>"),
        (_unknown_rank(), {"alpha_data": _unknown_rank()}, "output_signature"),
        (
            slices((X, Y)),
            {"alpha_data": slices((X, Y))},
            r"Expected batches \(images, labels\).*shape=\(8, 8, 1\)",
        ),
        (
            slices(X).batch(4),
            {"alpha_data": slices(X).batch(4)},
            '"image" and "label"',
        ),
        (
            slices({"pixels": X, "label": Y}).batch(4),
            {"alpha_data": TUPLES},
            '"image" and "label"',
        ),
        (
            slices((X, {"label": Y})).batch(4),
            {"alpha_data": TUPLES},
            '"image" and "label"',
        ),
        (
            slices((X.astype(str), Y)).batch(4),
            {"alpha_data": TUPLES},
            r"Expected batches \(images, labels\)",
        ),
        (
            slices((X, np.eye(3)[Y])).batch(4),
            {"alpha_data": TUPLES},
            r"not one-hot.*shape \(None, 3\)",
        ),
    ],
    ids=range(14),
)
def test_what_came_is_said_beside_what_is_expected(x, options, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        image_search.model().fit(x, verbose=0, **options)


def test_a_list_of_images_is_an_array():
    history, _ = _fit(list(X), y=list(Y), batch_size=8)
    assert np.isfinite(history["loss"]).all()


def test_what_needs_no_change_is_returned_itself():
    for data in (None, (X, Y), TUPLES):
        assert image_elements.as_tuples(data) is data


@pytest.mark.parametrize("default", [True, False])
def test_too_few_images_for_a_batch_are_counted(default):
    options = {} if default else {"batch_size": 9}
    message = (
        r"16 images, which is 8 in a half, and batch_size=64 \(the default\)"
        if default
        else "16 images, which is 8 in a half, and batch_size=9$"
    )
    with pytest.raises(ValueError, match=message):
        image_search.model().fit(X, Y, verbose=0, **options)
