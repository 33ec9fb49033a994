"""Turns what a user gives to `fit` into one stream of pairs of batches."""

import numpy as np
import tensorflow as tf

from darts_tf.data import image_classification
from darts_tf.data import splitting
from darts_tf.data import streams

_DEFAULT_BATCH_SIZE = 64  # the paper's


class BilevelData:
    """The data of a search: one part for the weights, one for the alphas.

    Args:
        x: Array of inputs, or a `tf.data.Dataset`.
        y: Array of integer labels, with arrays only.
        alpha_data: Optional data set of batches for the alphas.
        batch_size: Optional integer, with arrays only.
        sample_weight: Optional array, with arrays only.
        class_weight: Optional dictionary, with arrays only.

    Raises:
        ValueError: If an argument does not apply to the kind of data.
    """

    def __init__(
        self, x, y, alpha_data, batch_size, sample_weight, class_weight
    ):
        self._is_dataset = isinstance(x, tf.data.Dataset)
        if self._is_dataset:
            _refuse(
                "a tf.data.Dataset",
                y=y,
                batch_size=batch_size,
                sample_weight=sample_weight,
                class_weight=class_weight,
            )
            self._pairs = _paired(x, alpha_data)
            self._num_steps = _length(x)
            return
        _refuse("arrays, which `fit` splits", alpha_data=alpha_data)
        if y is None:
            raise ValueError(
                "Expected labels `y` with an array `x`, or a tf.data.Dataset. "
                f"Received: x of {type(x)}, y=None"
            )
        self._x, self._y = np.asarray(x), np.asarray(y)
        self._weights = _sample_weights(self._y, sample_weight, class_weight)
        self._batch_size = batch_size or _DEFAULT_BATCH_SIZE

    @property
    def input_shape(self):
        """The shape of a batch of inputs, with an open batch size."""
        if self._is_dataset:
            return (None, *self._pairs.element_spec[0][0].shape[1:])
        return (None, *self._x.shape[1:])

    def check_for(self, model):
        """Raises an error if the arrays cannot be a model's images."""
        if not self._is_dataset:
            num_classes = model.supernet.num_classes
            image_classification.check_images(self._x, self._y, num_classes)

    def steps_per_epoch(self, requested):
        """Returns the number of steps in one pass over the weights' part.

        Args:
            requested: Optional integer, the user's choice.

        Returns:
            Integer.
        """
        if requested is not None:
            return requested
        if not self._is_dataset:
            size = len(self._y) - len(self._y) // 2
            return streams.steps_per_epoch(size, self._batch_size)
        if self._num_steps < 1:
            raise ValueError(
                "The data set does not tell its length (or is endless or "
                "empty), so `steps_per_epoch` is needed. "
                f"Received: cardinality={self._num_steps}"
            )
        return self._num_steps

    def dataset(self, seed, start_step):
        """Returns the endless data set of pairs of batches.

        Args:
            seed: Integer, of the split and the order of arrays.
            start_step: Integer, the step at which arrays go on.

        Returns:
            A `tf.data.Dataset` of pairs.
        """
        if self._is_dataset:
            return self._pairs.repeat()
        halves = splitting.split_indices(self._y, seed=seed)
        arrays = [self._x.astype("float32"), self._y]
        if self._weights is not None:
            arrays.append(self._weights)
        train, alpha = (tuple(a[half] for a in arrays) for half in halves)
        return streams.paired(
            train,
            alpha,
            self._batch_size,
            seed=seed,
            start_step=start_step,
        )


def _refuse(kind, **arguments):
    for name, value in arguments.items():
        if value is not None:
            raise ValueError(
                f"`{name}` does not apply to {kind}. "
                f"Received: {name} of {type(value)}"
            )


def _paired(dataset, alpha_data):
    spec = dataset.element_spec
    is_paired = (
        isinstance(spec, tuple)
        and len(spec) == 2
        and all(
            isinstance(part, tuple) and len(part) in (2, 3) for part in spec
        )
    )
    if is_paired == (alpha_data is not None):
        raise ValueError(
            "Expected a data set of batches (x, y) with `alpha_data`, or one "
            "of pairs ((x, y), (x, y)) without. Received: elements of "
            f"{spec}, alpha_data={alpha_data}"
        )
    if is_paired:
        return dataset
    if not isinstance(alpha_data, tf.data.Dataset):
        raise ValueError(
            "`alpha_data` must be a tf.data.Dataset of batches. "
            f"Received: alpha_data of {type(alpha_data)}"
        )
    # Both are repeated before they are joined: neither starts again because
    # the other one ends.
    return tf.data.Dataset.zip((dataset.repeat(), alpha_data.repeat()))


def _length(dataset):
    return int(dataset.cardinality())


def _sample_weights(labels, sample_weight, class_weight):
    if sample_weight is None and class_weight is None:
        return None
    weights = np.ones(len(labels), "float32")
    if sample_weight is not None:
        sample_weight = np.asarray(sample_weight, "float32")
        if sample_weight.shape != weights.shape:
            raise ValueError(
                f"`sample_weight` must have the shape {weights.shape}. "
                f"Received: shape={sample_weight.shape}"
            )
        weights = weights * sample_weight
    if class_weight is not None:
        missing = sorted(set(np.unique(labels).tolist()) - set(class_weight))
        if missing:
            raise ValueError(
                "`class_weight` must have a weight for each class. "
                f"Received none for: {missing}"
            )
        weights = weights * np.array(
            [class_weight[label] for label in labels.tolist()], "float32"
        )
    return weights
