"""Pictures as arrays of pixels of 8 bits, and as a network takes them."""

import time

import keras
import numpy as np

from darts_tf.data import image_stack
from darts_tf.data import picture_file

_SAMPLE = 16
# What the eye makes of red, green and blue (ITU-R BT.601).
_GREY = (0.299, 0.587, 0.114)


def images_of(dataset):
    """Returns the images of a data set, without the labels if it has some.

    Args:
        dataset: A finite `tf.data.Dataset` of batches, or a
            `keras.utils.PyDataset`.

    Returns:
        Array.
    """
    if isinstance(dataset, keras.utils.PyDataset):
        batches = (dataset[i] for i in range(dataset.num_batches))
    else:
        batches = dataset
    return np.concatenate(
        [
            np.asarray(batch[0] if isinstance(batch, tuple) else batch)
            for batch in batches
        ]
    )


def grey(images):
    """Returns pictures in colour as levels of grey, of one channel.

    Args:
        images: uint8 array of shape `(samples, height, width, 3)`.

    Returns:
        uint8 array of shape `(samples, height, width, 1)`.
    """
    levels = np.rint(images @ np.array(_GREY))
    return levels.astype("uint8")[..., np.newaxis]


def pixels(x):
    """Returns images as pixels of 8 bits.

    Args:
        x: Array of images, of numbers from 0 to 255, or floats from 0 to 1.

    Returns:
        uint8 array.

    Raises:
        ValueError: If they are other numbers.
    """
    x = np.asarray(x)
    if x.dtype == np.uint8:
        return x
    low, high = float(x.min()), float(x.max())
    if not 0 <= low <= high <= 255:
        raise ValueError(
            "Pixels must be numbers from 0 to 255, or floats from 0 to 1. "
            f"Received: {x.dtype} from {low:.4g} to {high:.4g}"
        )
    if x.dtype.kind == "f" and high <= 1:
        x = x * 255
    return np.rint(x).astype("uint8")


def resized(x, size):
    """Returns uint8 images of another size.

    Args:
        x: uint8 array of images.
        size: Integer, or a pair of them, height and width.

    Returns:
        uint8 array.
    """
    shape = (size, size) if isinstance(size, int) else tuple(size)
    if x.shape[1:3] == shape:
        return x
    names = [f"image {index}" for index in range(len(x))]
    return image_stack.stack(x, names, shape)


def sizes_of(paths):
    """Returns height and width of each picture, by the head of its file.

    Args:
        paths: List of strings.

    Returns:
        List of pairs of integers.

    Raises:
        ValueError: If one is no picture; it names the file.
    """
    from PIL import Image  # Not needed for arrays.

    found = []
    for path in paths:
        try:
            with Image.open(path) as image:
                found.append((image.height, image.width))
        except Exception:  # whatever it is, `read` says it with the name
            found.append(picture_file.read(path, path).shape[:2])
    return found


def sample(paths):
    """Reads some pictures, spread over all, and times that.

    Args:
        paths: List of strings.

    Returns:
        List of uint8 arrays, and the seconds for each.
    """
    chosen = np.linspace(0, len(paths) - 1, min(_SAMPLE, len(paths)))
    began = time.perf_counter()
    images = [picture_file.read(paths[int(i)], paths[int(i)]) for i in chosen]
    seconds = (time.perf_counter() - began) / len(images)
    return images, seconds


def are_grey(images):
    """Returns whether some of the images, the first, have no colours.

    Args:
        images: Sequence of arrays of shape `(height, width, channels)`.
    """
    return all((image == image[..., :1]).all() for image in images[:_SAMPLE])
