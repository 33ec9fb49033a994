import functools

import keras
import numpy as np
import pytest

from darts_tf.models import logits_loss

losses = keras.losses


@keras.saving.register_keras_serializable(package="logits_loss_test")
class OwnLoss(losses.Loss):
    def __init__(self, from_logits=False, **kwargs):
        super().__init__(**kwargs)
        self.from_logits = from_logits

    def call(self, y_true, y_pred):
        return keras.ops.mean(y_pred, -1)


def own_function(y_true, y_pred, from_logits=False):
    return keras.ops.mean(y_pred, -1)


@pytest.mark.parametrize(
    ("loss", "remedy"),
    [
        (
            "sparse_categorical_crossentropy",
            "keras.losses.SparseCategoricalCrossentropy",
        ),
        ("SparseCategoricalCrossentropy", "SparseCategoricalCrossentropy"),
        ("crossentropy", "SparseCategoricalCrossentropy"),
        ("categorical_focal_crossentropy", "CategoricalFocalCrossentropy"),
        (losses.BinaryCrossentropy(), "keras.losses.BinaryCrossentropy"),
        (losses.BinaryFocalCrossentropy(), "BinaryFocalCrossentropy"),
        (losses.CategoricalFocalCrossentropy(), "CategoricalFocal"),
        (losses.categorical_crossentropy, "keras.losses.Categorical"),
        (losses.KLDivergence(), "keras.losses.CategoricalCrossentropy"),
        ("kl_divergence", "keras.losses.CategoricalCrossentropy"),
        (losses.Dice(), "CategoricalCrossentropy"),
        (losses.Tversky(), "CategoricalCrossentropy"),
        (losses.CategoricalGeneralizedCrossEntropy(), "from_logits=True"),
        (OwnLoss(), "from_logits=True"),
        (own_function, "from_logits=True"),
        (
            losses.serialize(losses.SparseCategoricalCrossentropy()),
            "keras.losses.SparseCategoricalCrossentropy",
        ),
        ({"logits": "sparse_categorical_crossentropy"}, "from_logits=True"),
        (["mse", "binary_crossentropy"], "BinaryCrossentropy"),
    ],
)
def test_a_loss_of_probabilities_is_refused_with_what_to_use(loss, remedy):
    with pytest.raises(ValueError, match=r"logits.*Received: loss=") as error:
        logits_loss.check_loss(loss, 3)
    assert remedy in str(error.value)


@pytest.mark.parametrize(
    "loss",
    [
        None,
        losses.SparseCategoricalCrossentropy(from_logits=True),
        losses.BinaryFocalCrossentropy(from_logits=True),
        functools.partial(losses.binary_crossentropy, from_logits=True),
        "mse",
        losses.Huber(),
        losses.CategoricalHinge(),
        OwnLoss(from_logits=True),
        lambda y_true, y_pred: y_pred,
        {"logits": losses.SparseCategoricalCrossentropy(from_logits=True)},
    ],
)
def test_other_losses_pass(loss):
    logits_loss.check_loss(loss, 3)


def test_the_softmax_of_a_single_logit_is_refused():
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    with pytest.raises(ValueError, match="num_classes=1 use"):
        logits_loss.check_loss(loss, 1)
    logits_loss.check_loss(logits_loss.default_loss(1), 1)
    logits_loss.check_loss(logits_loss.default_loss(2), 2)


@pytest.mark.parametrize(
    "metric",
    [
        "sparse_categorical_crossentropy",
        keras.metrics.BinaryCrossentropy(),
        keras.metrics.AUC(),
    ],
)
def test_a_metric_of_probabilities_is_refused(metric):
    with pytest.raises(ValueError, match="Received: metric="):
        logits_loss.fitting_metrics(["accuracy", metric], 3)


def test_metrics_of_logits_pass():
    metrics = [
        "accuracy",
        "sparse_top_k_categorical_accuracy",
        keras.metrics.AUC(from_logits=True),
        keras.metrics.SparseCategoricalCrossentropy(from_logits=True),
    ]
    assert logits_loss.fitting_metrics(metrics, 3) is metrics


def test_the_accuracy_of_one_logit_has_the_threshold_of_logits():
    (metric,) = logits_loss.fitting_metrics(["accuracy"], 1)
    # Logits of 0.3 and -0.3 are probabilities of 0.57 and 0.43.
    metric.update_state(np.array([[1.0], [0.0]]), np.array([[0.3], [-0.3]]))
    assert metric.name == "accuracy"
    assert float(metric.result()) == 1.0


@pytest.mark.parametrize(
    ("loss", "kind", "metrics"),
    [
        (
            losses.SparseCategoricalCrossentropy(from_logits=True),
            "sparse",
            ["accuracy"],
        ),
        (losses.CategoricalHinge(), None, ["accuracy"]),
        ("mse", "regression", []),
        (losses.Huber(), "regression", []),
    ],
)
def test_the_default_metric_fits_the_loss(loss, kind, metrics):
    assert logits_loss.kind(loss) == kind
    assert logits_loss.default_metrics(loss) == metrics


def test_the_default_metric_of_several_labels_counts_each_logit():
    loss = losses.BinaryCrossentropy(from_logits=True)
    (metric,) = logits_loss.default_metrics(loss)
    metric.update_state(np.array([[1.0, 1.0]]), np.array([[0.3, -0.3]]))
    assert float(metric.result()) == 0.5
