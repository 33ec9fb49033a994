"""What a data set for a search on images delivers: `(images, labels)`."""

import keras
import tensorflow as tf

from darts_tf.models import logits_loss
from darts_tf.search.tasks import bilevel_data
from darts_tf.search.tasks import image_labels

_EXPECTED = (
    "Expected batches (images, labels) or (images, labels, sample_weight), or "
    'dictionaries with "image" and "label", with images of shape (batch, '
    "height, width, channels), of which the rank and the channels are known"
)


def as_tuples(data):
    """Lets a data set of dictionaries deliver tuples.

    TensorFlow Datasets has dictionaries with `"image"` and `"label"`, unless
    it is asked for `as_supervised`.

    Args:
        data: A `tf.data.Dataset`, or anything else.

    Returns:
        The same; a data set with its dictionaries, also in pairs, turned into
        `(image, label)`.
    """
    if not isinstance(data, tf.data.Dataset):
        return data
    spec = data.element_spec
    if _is_sample(spec):
        return data.map(_as_tuple)
    if (
        isinstance(spec, tuple)
        and len(spec) == 2
        and any(map(_is_sample, spec))
    ):
        return data.map(lambda *pair: tuple(map(_as_tuple, pair)))
    return data


def from_step(function):
    """Returns a callable `x` of `fit`, whose data sets deliver tuples.

    Args:
        function: Callable from the number of a step to a data set.

    Returns:
        Callable.

    Raises:
        ValueError: If it does not take one argument.
    """
    bilevel_data.check_takes_step(function)
    return lambda step: as_tuples(function(step))


def check(element_spec, loss, num_classes):
    """Raises an error if pairs are not pairs of batches of images.

    Args:
        element_spec: What the data set of pairs delivers.
        loss: The Keras loss of the search.
        num_classes: Integer, the number of logits.

    Raises:
        ValueError: If an element is not as the search needs it.
    """
    for part in element_spec:
        if not isinstance(part, tuple) or not all(
            isinstance(one, tf.TensorSpec) for one in part
        ):
            raise _error(element_spec)
        images, labels = part[:2]
        if images.shape.rank != 4 or images.shape[-1] is None:
            raise _error(element_spec)
        if not (images.dtype.is_floating or images.dtype.is_integer):
            raise _error(element_spec)
        image_labels.check_spec(labels, loss, num_classes)


def check_array(x):
    """Raises an error for what can be neither an array nor a data set.

    Args:
        x: What the user gave to `fit`.

    Raises:
        ValueError: If it is a generator, a `keras.utils.PyDataset` or another
            source of batches.
    """
    is_source = isinstance(x, keras.utils.PyDataset) or hasattr(x, "__next__")
    if (
        x is None
        or is_source
        or not (hasattr(x, "__array__") or isinstance(x, list | tuple))
    ):
        raise ValueError(
            "Expected an array of images `x` with labels `y`, a "
            "tf.data.Dataset, or a callable from the number of a step to one; "
            "a generator or PyDataset becomes a data set by "
            "tf.data.Dataset.from_generator with an `output_signature`. "
            f"Received: x of {type(x)}"
        )


def paired(x, alpha_data):
    """Returns the data of a search, from data sets that a user gave.

    Args:
        x: A `tf.data.Dataset`, or a callable from the number of a step.
        alpha_data: A `tf.data.Dataset`, or `None`.

    Returns:
        An `ImagePairs`.
    """
    x = as_tuples(x) if isinstance(x, tf.data.Dataset) else from_step(x)
    return ImagePairs(x, as_tuples(alpha_data))


class ImagePairs(bilevel_data.DatasetPairs):
    """Data sets of batches of images; see `bilevel_data.DatasetPairs`."""

    def check_for(self, supernet, loss):
        """Raises an error if the batches are not images with labels."""
        if loss is None:
            loss = logits_loss.default_loss(supernet.num_classes)
        check(self.element_spec, loss, supernet.num_classes)


def _is_sample(spec):
    return isinstance(spec, dict) and {"image", "label"} <= set(spec)


def _as_tuple(sample):
    if isinstance(sample, dict):
        return sample["image"], sample["label"]
    return sample


def _error(element_spec):
    return ValueError(
        f"{_EXPECTED} (tf.data.Dataset.from_generator has `output_signature` "
        f"for that). Received: elements of {element_spec}"
    )
