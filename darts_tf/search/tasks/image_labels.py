"""Labels of images, as the loss of a search takes them."""

import numpy as np

from darts_tf.models import logits_loss

_EXPECTED = {
    "sparse": (
        "integers of shape (samples,) or (samples, 1), not one-hot; one-hot "
        "labels need keras.losses.CategoricalCrossentropy(from_logits=True)"
    ),
    "categorical": (
        "of shape (samples, num_classes), a probability for each class; "
        "integers need "
        "keras.losses.SparseCategoricalCrossentropy(from_logits=True)"
    ),
    "binary": "of shape (samples, num_classes), 0 or 1 for each logit",
    "regression": "of shape (samples, num_classes), a number for each logit",
}


class ImageLabels:
    """Labels in the form of a loss, and the classes that they stand for.

    Args:
        labels: Array of labels: of shape `(samples,)` or `(samples, 1)`, or
            with an entry for each logit.
        loss: A Keras loss, as `compile` takes it.
        num_classes: Integer, the number of logits.

    Raises:
        ValueError: If the labels are not those of the loss.
    """

    def __init__(self, labels, loss, num_classes):
        labels = np.asarray(labels)
        kind = logits_loss.kind(loss)
        if not np.issubdtype(labels.dtype, np.number) and labels.dtype != bool:
            raise ValueError(
                "Labels must be numbers; give each class the number of its "
                f"place in a list. Received: y.dtype={labels.dtype}"
            )
        if labels.dtype.kind == "f" and not np.isfinite(labels).all():
            raise ValueError("Labels must be finite. Received: NaN or infinity")
        if kind == "sparse":
            ignored = getattr(loss, "ignore_class", None)
            labels = _classes(labels, num_classes, ignored)
        elif kind is not None:
            labels = _entries(labels, kind, num_classes)
        self.values = labels
        self._kind = kind

    def groups(self):
        """Returns what a split has equal shares of.

        Returns:
            Integer array of shape `(samples,)`: the class of each sample, or
            which combination of labels it has; all the same where labels are
            not whole numbers.
        """
        values, classes = self.values, self._class_of_each()
        if classes is not None:
            return classes
        rows = values.reshape(len(values), -1)
        if (rows != np.round(rows)).any():
            return np.zeros(len(rows), np.int64)
        _, groups = np.unique(rows, axis=0, return_inverse=True)
        return groups.reshape(-1)

    def classes(self):
        """Returns the class of each sample, for `class_weight`.

        Returns:
            Integer array of shape `(samples,)`.

        Raises:
            ValueError: If a sample has not one class.
        """
        classes = self._class_of_each()
        if classes is None:
            raise ValueError(
                "`class_weight` needs one class for each image; use "
                "`sample_weight` instead. Received: labels of shape "
                f"{self.values.shape} that are not"
            )
        return classes

    def _class_of_each(self):
        """Returns the class of each sample, `None` if there are none."""
        values = self.values
        if values.ndim == 1 and values.dtype.kind in "iu":
            return values
        if values.ndim == 2 and self._kind != "regression":
            hot = np.isin(values, (0, 1)).all()
            if hot and values.shape[1] == 1:
                return values[:, 0].astype(np.int64)
            if hot and (values.sum(-1) == 1).all():
                return values.argmax(-1)
        return None


def check_spec(spec, loss, num_classes):
    """Raises an error for labels of a data set that a loss cannot take.

    Args:
        spec: `tf.TensorSpec` of a batch of labels.
        loss: A Keras loss, as `compile` takes it.
        num_classes: Integer, the number of logits.

    Raises:
        ValueError: If the shape is known and wrong.
    """
    kind = logits_loss.kind(loss)
    shape = spec.shape
    if kind is None or shape.rank is None:
        return
    last = shape[-1] if shape.rank > 1 else 1
    entries = 1 if kind == "sparse" else num_classes
    if shape.rank not in (1, 2) or last not in (None, entries):
        raise ValueError(
            f"The labels of this loss must be {_EXPECTED[kind]}. Received: "
            f"batches of labels of shape {tuple(shape)}, "
            f"num_classes={num_classes}"
        )


def _classes(labels, num_classes, ignored):
    """Returns labels of a class each as integers of shape `(samples,)`."""
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    whole = labels.dtype.kind in "iub" or (labels == np.round(labels)).all()
    if labels.ndim != 1 or not whole:
        raise ValueError(
            f"Labels must be {_EXPECTED['sparse']}. "
            f"Received: y.shape={labels.shape}, y.dtype={labels.dtype}"
        )
    if labels.dtype.kind not in "iu":
        labels = labels.astype(np.int64)
    counted = labels if ignored is None else labels[labels != ignored]
    if counted.size and (counted.min() < 0 or counted.max() >= num_classes):
        raise ValueError(
            f"Labels must be in [0, {num_classes}). Received: labels from "
            f"{counted.min()} to {counted.max()}, num_classes={num_classes}"
        )
    return labels


def _entries(labels, kind, num_classes):
    """Returns labels with an entry for each logit as float32."""
    if labels.ndim == 1 and num_classes == 1:
        # With one axis less than the logits, a loss of a user's own would
        # compare each label with each logit.
        labels = labels[:, None]
    if labels.shape[1:] != (num_classes,):
        raise ValueError(
            f"The labels of this loss must be {_EXPECTED[kind]}. "
            f"Received: y.shape={labels.shape}, num_classes={num_classes}"
        )
    if kind != "regression" and labels.size:
        low, high = labels.min(), labels.max()
        if low < 0 or high > 1:
            raise ValueError(
                "The labels of this loss are probabilities, in [0, 1]. "
                f"Received: labels from {low} to {high}, "
                f"num_classes={num_classes}"
            )
    return labels.astype("float32")
