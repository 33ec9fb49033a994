"""What turns pixels into named classes: it belongs to a network of images."""

import dataclasses
import math
import typing

import numpy as np


@dataclasses.dataclass(frozen=True)
class Classification:
    """How the images of a network were normalised, and what its classes mean.

    A network that has one classifies the pixels of an image as they are, and
    so does an exported file; without it, their users must know both.

    Args:
        mean: Sequence of floats, the mean of each channel by which the
            training images were normalised, for pixels in [0, 1].
        std: Sequence of positive floats, their deviation.
        class_names: Sequence of strings, in the order of the labels.

    Raises:
        ValueError: If mean and deviation do not have a finite number for each
            channel, a deviation is not positive, or the names are not
            different strings of one line.

    Example:

    >>> darts_tf.Classification([0.5], [0.25], ["cat", "dog"])
    Classification(mean=(0.5,), std=(0.25,), class_names=('cat', 'dog'))
    """

    mean: tuple
    std: tuple
    class_names: tuple

    @classmethod
    def of(cls, dataset):
        """Returns the classification of a data set of this library.

        Args:
            dataset: What has `mean`, `std` and `class_names`, such as
                `darts_tf.data.image_classification.load` returns.

        Returns:
            A `Classification`.
        """
        return cls(dataset.mean, dataset.std, dataset.class_names)

    def get_config(self):
        """Returns the arguments of the constructor, as JSON has them."""
        return {name: list(value) for name, value in vars(self).items()}

    def __post_init__(self):
        """Checks the values, and freezes the sequences."""
        for name in ("mean", "std"):
            values = tuple(float(value) for value in getattr(self, name))
            object.__setattr__(self, name, values)
        object.__setattr__(self, "class_names", tuple(self.class_names))
        if (
            not 0 < len(self.mean) == len(self.std)
            or not all(map(math.isfinite, self.mean + self.std))
            or min(self.std) <= 0
        ):
            raise ValueError(
                "`mean` and `std` must have a finite number for each channel, "
                "that of `std` positive. "
                f"Received: mean={self.mean}, std={self.std}"
            )
        names = self.class_names
        if (
            not names
            or not all(isinstance(name, str) and name for name in names)
            or any(len(name.splitlines()) != 1 for name in names)
            or len(set(names)) < len(names)
        ):
            raise ValueError(
                "`class_names` must be different strings of one line each. "
                f"Received: class_names={names}"
            )

    def check_fits(self, num_channels, num_classes):
        """Raises an error unless a network has these channels and classes.

        Args:
            num_channels: Integer, the channels of the network's images.
            num_classes: Integer, the classes of the network.

        Raises:
            ValueError: If either is another number.
        """
        own = (len(self.mean), len(self.class_names))
        if own != (num_channels, num_classes):
            raise ValueError(
                f"The network has {num_channels} channels and {num_classes} "
                f"classes. Received: a classification of {own[0]} channels "
                f"and {own[1]} classes"
            )

    def check_pixels(self, images):
        """Raises an error unless an array holds the pixels of images.

        Args:
            images: Array.

        Raises:
            ValueError: If it is not of shape `(batch, height, width,
                channels)`, of numbers in [0, 255]; or if its floating-point
                numbers are all in [0, 1], as those that were divided by 255.
        """
        channels = len(self.mean)
        if images.ndim != 4 or images.shape[-1] != channels or not images.size:
            raise ValueError(
                "Images of the shape (batch, height, width, "
                f"{channels}) are expected. Received: shape={images.shape}"
            )
        low, high = float(images.min()), float(images.max())
        is_scaled = images.dtype.kind == "f" and 0 < high <= 1
        if images.dtype.kind not in "iuf" or not 0 <= low <= high <= 255:
            raise ValueError(
                "Pixels from 0 to 255 are expected, which are normalised "
                f"here. Received: {images.dtype} from {low:.4g} to {high:.4g}"
            )
        if is_scaled:
            raise ValueError(
                "Pixels from 0 to 255 are expected; multiply these by 255. "
                f"Received: {images.dtype} from {low:.4g} to {high:.4g}"
            )

    def normalize(self, pixels):
        """Returns pixels as the network was trained on them.

        Args:
            pixels: float32 tensor or array `(batch, height, width, channels)`
                of values in [0, 255].

        Returns:
            `(pixels / 255 - mean) / std`, as a multiplication and an addition,
            which is what an exported graph should hold.
        """
        factor = [1 / (255 * std) for std in self.std]
        offset = [
            -mean / std for mean, std in zip(self.mean, self.std, strict=True)
        ]
        return pixels * factor + offset


class Classes(typing.NamedTuple):
    """What a network says of some images.

    Args:
        names: Tuple of strings, the most likely class of each image.
        probabilities: float32 array of shape `(images, num_classes)`, whose
            rows sum to 1; the columns are in the order of
            `Classification.class_names`.

    Example:

    >>> probabilities = np.array([[0.25, 0.75]], "float32")
    >>> names, rows = darts_tf.models.Classes(("dog",), probabilities)
    >>> names, rows.sum().item()
    (('dog',), 1.0)
    """

    names: tuple
    probabilities: np.ndarray


def of_network(value, num_classes, default):
    """Returns the classification of a new network, and its classes.

    Args:
        value: A `Classification`, its config, or `None`.
        num_classes: Integer or `None`.
        default: Integer, the number of classes if nothing says it.

    Returns:
        Tuple of a `Classification` or `None`, and an integer.

    Raises:
        ValueError: If the classification is for another number of classes.
    """
    if value is None:
        return None, default if num_classes is None else num_classes
    if isinstance(value, dict):
        value = Classification(**value)
    if num_classes is None:
        num_classes = len(value.class_names)
    value.check_fits(len(value.mean), num_classes)
    return value, num_classes


def classify(network, images, batch_size=32):
    """Returns what a network says of the pixels of images.

    Args:
        network: A `darts_tf.ConvNetwork` with a `classification`.
        images: As for `ConvNetwork.classify`.
        batch_size: Integer. Defaults to `32`.

    Returns:
        A `Classes`.

    Raises:
        ValueError: If the network has no classification, or the images are
            not pixels.
    """
    classification = network.classification
    if classification is None:
        raise ValueError(
            "The network must know how its images were normalised and what "
            "its classes are called: set its `classification` to a "
            "`darts_tf.Classification`. Received: classification=None"
        )
    images = np.asarray(images)
    classification.check_pixels(images)
    logits = [
        network.predict_on_batch(
            classification.normalize(
                images[start : start + batch_size].astype("float32")
            ).astype("float32")
        )
        for start in range(0, len(images), batch_size)
    ]
    probabilities = softmax(np.concatenate(logits).astype("float64"))
    return Classes(
        tuple(
            classification.class_names[best]
            for best in probabilities.argmax(-1)
        ),
        probabilities.astype("float32"),
    )


def softmax(logits):
    """Returns the probabilities of logits, over the last axis, in NumPy.

    Args:
        logits: Array of floats.

    Returns:
        Array of the same shape and type.
    """
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)
