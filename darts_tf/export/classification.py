"""What turns raw images into named classes, to be shipped with a network."""

import dataclasses
import math


@dataclasses.dataclass(frozen=True)
class Classification:
    """How the images of a network were normalised, and what its classes mean.

    With it an exported file takes the pixels of an image as they are, and says
    what is in it; without it, whoever uses the file must know both.

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

    >>> darts_tf.export.Classification([0.5], [0.25], ["cat", "dog"])
    Classification(mean=(0.5,), std=(0.25,), class_names=('cat', 'dog'))
    """

    mean: tuple
    std: tuple
    class_names: tuple

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
