"""Puts single images together in one array."""

import numpy as np


def stack(images, names, image_size=None):
    """Stacks images of one size, or of any size if they are resized.

    The array is allocated once and filled image by image, so that the images
    are never in memory twice.

    Args:
        images: Iterable of uint8 arrays `(height, width, channels)`.
        names: Sequence of strings, what to call each image in an error; its
            length is the number of images.
        image_size: Optional tuple `(height, width)` in pixels. Images of
            another size are resized to it bilinearly, with the filter widened
            when they shrink and without keeping their aspect ratio. Defaults
            to `None`, which accepts images of one size only.

    Returns:
        uint8 array of shape `(len(names), height, width, channels)`.

    Raises:
        ValueError: If there are no images, or if the sizes differ and
            `image_size` is `None`; names two images.

    Example:

    >>> from darts_tf.data import image_stack
    >>> grey = np.full((6, 9, 1), 100, "uint8")
    >>> stacked = image_stack.stack([grey], ["grey.png"], image_size=(2, 2))
    >>> stacked[..., 0].tolist()
    [[[100, 100], [100, 100]]]
    """
    stacked = None
    for index, image in enumerate(images):
        if image_size is not None and image.shape[:2] != image_size:
            image = _resized(image, image_size)
        if stacked is None:
            stacked = np.empty((len(names), *image.shape), np.uint8)
        if image.shape != stacked.shape[1:]:
            raise ValueError(
                "Images of different sizes need `image_size`, to which they "
                f"are resized. Received: {names[0]} of shape "
                f"{stacked.shape[1:]}, {names[index]} of shape {image.shape}"
            )
        stacked[index] = image
    if stacked is None:
        raise ValueError("At least one image is expected. Received: none")
    return stacked


def _resized(image, image_size):
    # Pillow is imported where it is used: most data sets need no resizing.
    from PIL import Image

    height, width = image_size
    channels = [
        Image.fromarray(np.ascontiguousarray(channel)).resize(
            (width, height), Image.Resampling.BILINEAR
        )
        for channel in np.moveaxis(image, -1, 0)
    ]
    return np.stack([np.asarray(channel) for channel in channels], axis=-1)
