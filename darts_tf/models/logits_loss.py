"""Which losses and metrics fit a model that returns logits.

A loss of Keras takes probabilities unless it is told that it gets logits. On
logits it trains on wrong numbers without an error, so it is refused.
"""

import contextlib
import inspect
import re

import keras

_SOFTMAX = (
    "sparse_categorical_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "smoothed_crossentropy",
)
_SIGMOID = ("binary_crossentropy", "binary_focal_crossentropy")
_CLASS_NAMES = {
    "crossentropy": "SparseCategoricalCrossentropy",
    "ce": "SparseCategoricalCrossentropy",
    "sparse_categorical_crossentropy": "SparseCategoricalCrossentropy",
    "categorical_crossentropy": "CategoricalCrossentropy",
    "categorical_focal_crossentropy": "CategoricalFocalCrossentropy",
    "binary_crossentropy": "BinaryCrossentropy",
    "binary_focal_crossentropy": "BinaryFocalCrossentropy",
    # These have no form for logits. The first has the gradient of the
    # cross-entropy; the others are measures of classes, too.
    "kl_divergence": "CategoricalCrossentropy",
    "categorical_generalized_cross_entropy": "SparseCategoricalCrossentropy",
    "dice": "CategoricalCrossentropy",
    "tversky": "CategoricalCrossentropy",
}
_ONLY_PROBABILITIES = tuple(_CLASS_NAMES)[-4:]
# Without an argument they count a prediction from 0.5 on as true.
_THRESHOLD_OF_PROBABILITIES = 0.5
# They try thresholds from 0 to 1.
_THRESHOLDS_OF_PROBABILITIES = (
    keras.metrics.PrecisionAtRecall,
    keras.metrics.RecallAtPrecision,
    keras.metrics.SensitivityAtSpecificity,
    keras.metrics.SpecificityAtSensitivity,
)
_KINDS = {
    "sparse_categorical_crossentropy": "sparse",
    "smoothed_crossentropy": "sparse",
    "categorical_crossentropy": "categorical",
    "categorical_focal_crossentropy": "categorical",
    "binary_crossentropy": "binary",
    "binary_focal_crossentropy": "binary",
    "mean_squared_error": "regression",
    "mean_absolute_error": "regression",
    "mean_absolute_percentage_error": "regression",
    "mean_squared_logarithmic_error": "regression",
    "log_cosh": "regression",
    "huber": "regression",
    "poisson": "regression",
    "cosine_similarity": "regression",
}


def default_loss(num_classes):
    """Returns the loss of labels that nothing else is said about.

    Args:
        num_classes: Integer, the number of logits.

    Returns:
        A Keras loss: the cross-entropy of integer labels, or of labels 0 and 1
        where there is one logit.
    """
    if num_classes == 1:
        return keras.losses.BinaryCrossentropy(from_logits=True)
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def default_metrics(loss):
    """Returns the metrics that tell most about a loss of logits.

    Args:
        loss: A Keras loss, as for `compile`.

    Returns:
        List: the accuracy; for a binary or multi-label loss that of each
        logit, with 0 as the threshold; none for a regression.
    """
    match kind(loss):
        case "binary":
            return [keras.metrics.BinaryAccuracy("accuracy", threshold=0.0)]
        case "regression":
            return []
    return ["accuracy"]


def kind(loss):
    """Tells what labels a loss takes.

    Args:
        loss: A Keras loss, as for `compile`.

    Returns:
        `"sparse"`, the class of a sample; `"categorical"`, a probability for
        each class; `"binary"`, one for each logit; `"regression"`, a number
        for each; or `None` if it is not one of Keras' losses.
    """
    if isinstance(loss, list | tuple) and len(loss) == 1:
        (loss,) = loss
    return _KINDS.get(_name(_resolved(loss)))


def check_loss(loss, num_classes=None):
    """Raises an error for a loss that expects probabilities.

    Args:
        loss: What `compile` takes: a string, a function, a Keras loss, its
            config, or a list or dictionary of them.
        num_classes: Optional integer, the number of logits. Defaults to
            `None`, unknown.

    Raises:
        ValueError: If a loss takes probabilities, or is a softmax over one
            class.

    Example:

    >>> from darts_tf.models import logits_loss
    >>> logits_loss.check_loss("sparse_categorical_crossentropy")
    Traceback (most recent call last):
    ...
    ValueError: The model returns logits... Received: loss='sparse_...'
    """
    for given in _each(loss):
        resolved = _resolved(given)
        name = _name(resolved)
        if num_classes == 1 and name in (*_SOFTMAX, "crossentropy", "ce"):
            raise ValueError(
                "The softmax of one logit is always 1, and so its loss 0: "
                "with num_classes=1 use "
                "keras.losses.BinaryCrossentropy(from_logits=True). "
                f"Received: loss={given!r}"
            )
        if _expects_probabilities(resolved, name):
            raise ValueError(
                "The model returns logits, but this loss expects "
                f"probabilities; use {_remedy('losses', name)}. "
                f"Received: loss={given!r}"
            )


def fitting_metrics(metrics, num_classes=None, loss=None):
    """Returns metrics of logits, from what a user gave to `compile`.

    Args:
        metrics: As for `compile`, or `None`.
        num_classes: Optional integer, the number of logits. Defaults to
            `None`, unknown.
        loss: Optional loss, as for `compile`. In a regression, outputs are no
            logits and may have any threshold. Defaults to `None`, unknown.

    Returns:
        The same; in it the `"accuracy"` of a single logit, of which Keras
        would take 0.5 as the threshold, has the threshold 0.

    Raises:
        ValueError: If a metric expects probabilities, or has a threshold for
            them.

    Example:

    >>> from darts_tf.models import logits_loss
    >>> logits_loss.fitting_metrics([keras.metrics.Precision()])
    Traceback (most recent call last):
    ...
    ValueError: The model returns logits, ... use threshold 0 for logits: ...
    """
    is_regression = loss is not None and kind(loss) == "regression"
    for metric in _each(metrics):
        name = metric if isinstance(metric, str) else _name(metric)
        config = {}
        if isinstance(metric, keras.metrics.Metric):
            with contextlib.suppress(NotImplementedError):
                config = metric.get_config()
        if config.get("from_logits", name not in _CLASS_NAMES) is False:
            raise ValueError(
                "The model returns logits, but this metric expects "
                f"probabilities; use {_remedy('metrics', name, metric)}. "
                f"Received: metric={metric!r}"
            )
        if not is_regression:
            _check_threshold(metric)
    if num_classes != 1 or not isinstance(metrics, list | tuple):
        return metrics
    return [
        keras.metrics.BinaryAccuracy(metric, threshold=0.0)
        if isinstance(metric, str) and metric.lower() in ("accuracy", "acc")
        else metric
        for metric in metrics
    ]


def _check_threshold(given):
    """Raises an error for a metric that would cut probabilities in two."""
    metric = given
    if isinstance(given, str | dict):
        try:
            metric = keras.metrics.get(given)
        except (ValueError, TypeError):
            return  # Keras chooses, or says what is wrong
    if isinstance(metric, _THRESHOLDS_OF_PROBABILITIES):
        raise ValueError(
            "The model returns logits, but this metric tries thresholds of "
            "probabilities; use keras.metrics.AUC(from_logits=True), or a "
            "metric of yours that applies the sigmoid first. "
            f"Received: metric={given!r}"
        )
    argument = _threshold_argument(metric)
    if argument is not None:
        name = getattr(metric, "__name__", type(metric).__name__)
        raise ValueError(
            "The model returns logits, and this metric would count those "
            "above 0.5 as true, which is a probability of 0.62; use "
            f"threshold 0 for logits: keras.metrics.{name}({argument}=0.0). "
            f"Received: metric={given!r}"
        )


def _threshold_argument(metric):
    """Returns which argument of a metric is Keras' threshold, or `None`."""
    if isinstance(metric, keras.metrics.Metric):
        if _THRESHOLD_OF_PROBABILITIES in (
            getattr(metric, "thresholds", None) or ()
        ):
            return "thresholds"
        config = {}
        with contextlib.suppress(NotImplementedError):
            config = metric.get_config()
        found = config.get("threshold")
    else:
        found = None
        with contextlib.suppress(TypeError, ValueError):  # has no signature
            parameters = inspect.signature(metric).parameters
            found = getattr(parameters.get("threshold"), "default", None)
    is_default = isinstance(found, float) and (
        found == _THRESHOLD_OF_PROBABILITIES
    )
    return "threshold" if is_default else None


def _each(given):
    """Yields what a structure of losses or metrics holds, but for `None`."""
    if isinstance(given, dict) and "class_name" not in given:
        given = list(given.values())
    if isinstance(given, list | tuple):
        for one in given:
            yield from _each(one)
    elif given is not None:
        yield given


def _resolved(loss):
    """Returns the loss or function that a name or a config stands for."""
    if isinstance(loss, str) and loss.lower() in ("crossentropy", "ce"):
        return loss.lower()  # Keras chooses by the labels
    if isinstance(loss, str | dict):
        return keras.losses.get(loss)
    return loss


def _name(loss):
    """Returns the name of the function that a loss is."""
    if isinstance(loss, str):
        return loss
    function = getattr(loss, "fn", loss)
    function = getattr(function, "func", function)  # of functools.partial
    name = getattr(function, "__name__", type(function).__name__)
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _expects_probabilities(loss, name):
    if isinstance(loss, str) or name in _ONLY_PROBABILITIES:
        return True
    from_logits = getattr(loss, "from_logits", None)
    if from_logits is None and not isinstance(loss, keras.losses.Loss):
        with contextlib.suppress(TypeError, ValueError):  # has no signature
            parameters = inspect.signature(loss).parameters
            from_logits = getattr(
                parameters.get("from_logits"), "default", None
            )
    return from_logits is False


def _remedy(module, name, given=None):
    if name in _CLASS_NAMES:
        name = _CLASS_NAMES[name]
    elif isinstance(given, keras.metrics.Metric):
        name = type(given).__name__
    else:
        return "its form with from_logits=True"
    return f"keras.{module}.{name}(from_logits=True)"
