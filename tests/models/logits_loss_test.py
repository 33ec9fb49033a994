import functools

import keras
import numpy as np
import pytest

import darts_tf
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


@pytest.mark.parametrize(
    ("metric", "remedy"),
    [
        (keras.metrics.BinaryAccuracy(), "BinaryAccuracy(threshold=0.0)"),
        (keras.metrics.BinaryIoU([0, 1]), "BinaryIoU(threshold=0.0)"),
        (keras.metrics.Precision(), "Precision(thresholds=0.0)"),
        (keras.metrics.Recall(), "Recall(thresholds=0.0)"),
        (keras.metrics.Recall(thresholds=[0.0, 0.5]), "thresholds=0.0"),
        (keras.metrics.TruePositives(), "TruePositives(thresholds=0.0)"),
        (keras.metrics.FalseNegatives(), "FalseNegatives(thresholds=0.0)"),
        ("binary_accuracy", "BinaryAccuracy(threshold=0.0)"),
        ("BinaryAccuracy", "BinaryAccuracy(threshold=0.0)"),
        ("Precision", "Precision(thresholds=0.0)"),
        (keras.metrics.binary_accuracy, "(threshold=0.0)"),
        (keras.metrics.PrecisionAtRecall(0.5), "AUC(from_logits=True)"),
        (
            keras.metrics.serialize(keras.metrics.Recall()),
            "Recall(thresholds=0.0)",
        ),
    ],
)
def test_a_threshold_of_probabilities_is_refused(metric, remedy):
    for given in ([metric], {"logits": [metric]}, ["accuracy", [metric]]):
        with pytest.raises(ValueError, match="Received: metric=") as error:
            logits_loss.fitting_metrics(given, 1)
        assert remedy in str(error.value)
    # A regression has no logits.
    logits_loss.fitting_metrics([metric], 1, "mse")


@pytest.mark.parametrize(
    "metric",
    [
        keras.metrics.BinaryAccuracy(threshold=0.0),
        keras.metrics.Precision(thresholds=0.0),
        keras.metrics.Recall(top_k=2),
        keras.metrics.F1Score(),
        "mse",
        "no such metric",
    ],
)
def test_other_thresholds_pass(metric):
    logits_loss.fitting_metrics([metric], 2)


@pytest.mark.parametrize(
    "model",
    [
        lambda: darts_tf.ConvNetwork(darts_tf.zoo.DARTS_V2, 1, 2, 1),
        lambda: darts_tf.DartsSearchModel(
            num_classes=1, filters=2, num_cells=3
        ),
    ],
    ids=["network", "search"],
)
@pytest.mark.parametrize("argument", ["metrics", "weighted_metrics"])
def test_compile_refuses_a_threshold_of_probabilities(model, argument):
    loss = losses.BinaryCrossentropy(from_logits=True)
    metrics = [keras.metrics.Precision()]
    with pytest.raises(ValueError, match=r"Precision\(thresholds=0\.0\)"):
        model().compile("sgd", loss=loss, **{argument: metrics})


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
