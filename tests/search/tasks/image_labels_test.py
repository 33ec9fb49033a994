import keras
import numpy as np
import pytest
import tensorflow as tf

from darts_tf.models import logits_loss
from darts_tf.search.tasks import image_labels
from tests.search import image_search

losses = keras.losses
X, Y = image_search.data()
ONE_HOT = np.eye(3)[Y]
SPARSE = logits_loss.default_loss(3)
CATEGORICAL = losses.CategoricalCrossentropy(from_logits=True)
BINARY = losses.BinaryCrossentropy(from_logits=True)


def _alphas(labels, loss=None, **options):
    keras.utils.set_random_seed(0)
    model = image_search.model(
        "first_order", compiled=False, space=image_search.SMALL
    )
    model.compile(loss=loss, run_eagerly=True)
    model.fit(X, labels, batch_size=4, verbose=0, **options)
    return image_search.arrays(model.alphas)


def test_all_forms_of_class_labels_give_the_same_search():
    expected = _alphas(Y, class_weight={0: 1.0, 1: 2.0, 2: 0.5})
    for labels, loss in (
        (Y[:, None].astype("uint8"), None),
        (Y.astype("float64"), None),
        (ONE_HOT, CATEGORICAL),
        (ONE_HOT.astype("int32"), CATEGORICAL),
        (ONE_HOT.astype(bool), CATEGORICAL),
    ):
        got = _alphas(labels, loss, class_weight={0: 1.0, 1: 2.0, 2: 0.5})
        # Threads sum in another order; a step of Adam moves by 3e-4.
        for a, b in zip(expected, got, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-3 * 3e-4)


@pytest.mark.parametrize(
    ("labels", "loss", "classes", "metrics"),
    [
        (Y % 2, BINARY, 1, {"accuracy"}),
        (Y[:, None] % 2 == 1, BINARY, 1, {"accuracy"}),
        (Y % 2, None, 1, {"accuracy"}),
        (np.stack([Y % 2, Y > 0], 1), BINARY, 2, {"accuracy"}),
        (X.mean((1, 2, 3)), losses.MeanSquaredError(), 1, set()),
        (np.stack([Y, -Y], 1) / 7, "huber", 2, set()),
    ],
    ids=["binary", "column", "default", "labels", "regression", "targets"],
)
def test_arrays_take_what_a_loss_takes(labels, loss, classes, metrics):
    model = image_search.model(
        "first_order",
        compiled=False,
        num_classes=classes,
        space=image_search.SMALL,
    )
    model.compile(loss=loss, run_eagerly=True)
    history = model.fit(X, labels, batch_size=6, epochs=1, verbose=0).history
    assert set(history) == {"loss", "alpha_loss", *metrics}
    assert np.isfinite(history["alpha_loss"]).all()


def test_the_accuracy_of_one_logit_is_that_of_its_sign():
    model = image_search.model(
        "first_order", compiled=False, num_classes=1, filters=4
    )
    model.compile(run_eagerly=True)
    # All logits small and positive: probabilities above a half.
    kernel, bias = model.supernet.classifier.get_weights()
    model.supernet.classifier.set_weights([0 * kernel, 0 * bias + 0.1])
    for label, accuracy in ((1, 1.0), (0, 0.0)):
        results = model.evaluate(
            X, np.full((24, 1), label), verbose=0, return_dict=True
        )
        assert results["accuracy"] == accuracy


@pytest.mark.parametrize(
    ("labels", "loss", "classes", "groups"),
    [
        ([0, 2, 1, 0], SPARSE, 3, [0, 2, 1, 0]),
        ([[0], [2], [1]], SPARSE, 3, [0, 2, 1]),
        ([[0, 1], [1, 0], [0, 1]], CATEGORICAL, 2, [1, 0, 1]),
        ([[1, 1], [0, 1], [1, 1]], BINARY, 2, [1, 0, 1]),
        ([0.5, 0.25, 0.125], "mse", 1, [0, 0, 0]),
        ([[0.9, 0.1], [0.2, 0.8]], CATEGORICAL, 2, [0, 0]),
    ],
)
def test_a_split_has_equal_shares_of_what_labels_stand_for(
    labels, loss, classes, groups
):
    found = image_labels.ImageLabels(labels, loss, classes).groups()
    assert found.tolist() == groups


@pytest.mark.parametrize(
    ("labels", "loss", "classes", "message"),
    [
        (ONE_HOT, SPARSE, 3, "not one-hot"),
        ([0.5, 1.0], SPARSE, 3, r"integers of shape \(samples,\)"),
        ([0, 3], SPARSE, 3, r"labels from 0 to 3, num_classes=3"),
        ([-1, 0], SPARSE, 3, "labels from -1 to 0, num_classes=3"),
        ([0, 1, 2], CATEGORICAL, 3, "SparseCategoricalCrossentropy"),
        (np.eye(4), CATEGORICAL, 3, r"y.shape=\(4, 4\), num_classes=3"),
        ([[2.0, 0.0]], CATEGORICAL, 2, "labels from 0.0 to 2.0"),
        ([-1, 1], BINARY, 1, "labels from -1 to 1"),
        ([0, 1], BINARY, 2, r"y.shape=\(2,\), num_classes=2"),
        ([[1.0, np.nan]], "mse", 2, "finite"),
        (["cat", "dog"], SPARSE, 2, "y.dtype=<U3"),
    ],
)
def test_labels_that_are_not_those_of_the_loss_are_refused(
    labels, loss, classes, message
):
    with pytest.raises(ValueError, match=message):
        image_labels.ImageLabels(labels, loss, classes)


def test_a_class_that_the_loss_ignores_may_be_a_label():
    loss = losses.SparseCategoricalCrossentropy(
        from_logits=True, ignore_class=255
    )
    labels = image_labels.ImageLabels([0, 255, 2], loss, 3)
    assert labels.values.tolist() == [0, 255, 2]


def test_labels_of_a_loss_of_ones_own_are_left_as_they_are():
    def loss(y_true, y_pred):
        return keras.ops.mean(y_pred - keras.ops.cast(y_true, "float32"))

    values = np.array([[3, 9], [4, 7]])
    assert image_labels.ImageLabels(values, loss, 5).values is values


@pytest.mark.parametrize(
    ("labels", "loss", "classes"),
    [
        ([[1, 1], [0, 1]], BINARY, 2),
        ([0.5, 0.25], "mse", 1),
    ],
)
def test_class_weights_need_classes(labels, loss, classes):
    labels = image_labels.ImageLabels(labels, loss, classes)
    with pytest.raises(ValueError, match="`class_weight` needs one class"):
        labels.classes()


@pytest.mark.parametrize(
    ("shape", "loss", "classes"),
    [
        ((None, 3), SPARSE, 3),
        ((None,), CATEGORICAL, 3),
        ((None, 4), CATEGORICAL, 3),
        ((None, 2, 2), BINARY, 2),
    ],
)
def test_data_sets_of_labels_of_another_loss_are_refused(shape, loss, classes):
    with pytest.raises(ValueError, match="The labels of this loss"):
        image_labels.check_spec(tf.TensorSpec(shape), loss, classes)


@pytest.mark.parametrize(
    ("shape", "loss", "classes"),
    [
        ((None,), SPARSE, 3),
        ((8, 1), SPARSE, 3),
        ((None, None), SPARSE, 3),
        (None, SPARSE, 3),
        ((None, 3), CATEGORICAL, 3),
        ((None,), BINARY, 1),
        ((None, 7), None, 3),
    ],
)
def test_data_sets_of_labels_that_may_fit_pass(shape, loss, classes):
    image_labels.check_spec(tf.TensorSpec(shape), loss, classes)
