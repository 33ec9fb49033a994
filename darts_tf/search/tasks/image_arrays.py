"""Arrays of images as the data of a search: halves for weights and alphas."""

import numpy as np

from darts_tf import checks
from darts_tf.data import image_classification
from darts_tf.data import splitting
from darts_tf.data import streams
from darts_tf.models import logits_loss
from darts_tf.search.tasks import image_elements
from darts_tf.search.tasks import image_labels

_DEFAULT_BATCH_SIZE = 64  # the paper's
_LARGEST = 2**31 - 1


class ImageArrays:
    """Images and labels, of which one half is for the alphas.

    Args:
        x: Array of images.
        y: Array of labels, in a form that the loss takes.
        batch_size: Optional integer, the size of either batch.
        sample_weight: Optional array of floats.
        class_weight: Optional dictionary of floats by class.

    Raises:
        ValueError: If the arrays do not fit together.
    """

    def __init__(self, x, y, batch_size, sample_weight, class_weight):
        image_elements.check_array(x)
        if y is None:
            raise ValueError(
                "Expected labels `y` with an array `x`, or a tf.data.Dataset. "
                f"Received: x of {type(x)}, y=None"
            )
        self._x, self._y = np.asarray(x), np.asarray(y)
        self._given_weights = sample_weight, class_weight
        self._given_batch_size = batch_size
        self._batch_size = (
            _DEFAULT_BATCH_SIZE
            if batch_size is None
            else checks.integer(batch_size, "batch_size", 1, _LARGEST)
        )

    @property
    def input_shape(self):
        """The shape of a batch of images, with an open batch size."""
        return (None, *self._x.shape[1:])

    def check_for(self, supernet, loss):
        """Raises an error if the arrays cannot be a supernet's images.

        Args:
            supernet: A `darts_tf.ConvSupernet`.
            loss: The Keras loss of the search; `None` for the default.

        Raises:
            ValueError: If they cannot, or do not fill a batch.
        """
        if loss is None:
            loss = logits_loss.default_loss(supernet.num_classes)
        image_classification.check_pixels(self._x)
        if not len(self._x) or len(self._x) != len(np.atleast_1d(self._y)):
            raise ValueError(
                "There must be images, and one label for each. Received: "
                f"{len(self._x)} images, {len(np.atleast_1d(self._y))} labels"
            )
        labels = image_labels.ImageLabels(self._y, loss, supernet.num_classes)
        self._y, self._groups = labels.values, labels.groups()
        self._weights = _sample_weights(labels, *self._given_weights)
        half = len(self._x) // 2
        if half < self._batch_size:
            default = " (the default)" * (self._given_batch_size is None)
            raise ValueError(
                "Each half of the images, one for the weights and one for the "
                "alphas, must fill a batch; give a smaller `batch_size`. "
                f"Received: {len(self._x)} images, which is {half} in a half, "
                f"and batch_size={self._batch_size}{default}"
            )

    def steps_per_epoch(self, requested):
        """Returns the number of steps in one pass over the weights' half.

        Args:
            requested: Optional integer, the user's choice.

        Returns:
            Integer.
        """
        if requested is not None:
            return requested
        size = len(self._y) - len(self._y) // 2
        return streams.steps_per_epoch(size, self._batch_size)

    def dataset(self, seed, start_step):
        """Returns the endless data set of pairs of batches.

        Args:
            seed: Integer, of the split and the order.
            start_step: Integer, the step at which to go on.

        Returns:
            A `tf.data.Dataset` of pairs.
        """
        halves = splitting.split_indices(self._groups, seed=seed)
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


def _sample_weights(labels, sample_weight, class_weight):
    if sample_weight is None and class_weight is None:
        return None
    weights = np.ones(len(labels.values), "float32")
    if sample_weight is not None:
        sample_weight = np.asarray(sample_weight, "float32")
        if sample_weight.shape != weights.shape:
            raise ValueError(
                f"`sample_weight` must have the shape {weights.shape}. "
                f"Received: shape={sample_weight.shape}"
            )
        weights = weights * sample_weight
    if class_weight is not None:
        classes = labels.classes().tolist()
        missing = sorted(set(classes) - set(class_weight))
        if missing:
            raise ValueError(
                "`class_weight` must have a weight for each class. "
                f"Received none for: {missing}"
            )
        weights = weights * np.array(
            [class_weight[label] for label in classes], "float32"
        )
    return weights
