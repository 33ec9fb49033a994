"""Images of a data set, gathered in memory or, if too large, in a file."""

import hashlib
import tempfile

import numpy as np
import tensorflow as tf

# Bytes of images that are held in memory. A search needs several times as
# much: its two halves are copies, and TensorFlow has copies of those.
MOST_IN_MEMORY = 2**30
_CHUNK = 2**26  # bytes that are copied at a time


class ImageCollector:
    """Gathers images one by one or in batches, as an array.

    Those of a large data set go into a file without a name, which ends with
    the process, and the array is a `np.memmap` of it: the system reads what is
    used and drops it again.

    Args:
        name: String, the argument that the images came as.
        folder: Optional string or path, where the file is made. Defaults to
            `None`, the system's folder for temporary files.
        say: Optional callable that is given a line about a file that is
            written. Defaults to `None`.
    """

    def __init__(self, name, folder=None, say=None):
        self._name = name
        self._folder = folder
        self._say = say
        self._parts = []
        self._size = 0
        self._file = None
        self._digests = []

    def add(self, images):
        """Adds a batch of images.

        Args:
            images: Array of shape `(samples, height, width, channels)`, of the
                same size and type each time.
        """
        self._digests += [
            hashlib.blake2b(image.tobytes()).digest() for image in images
        ]
        self._parts.append(images)
        self._size += images.nbytes
        is_large = self._size > MOST_IN_MEMORY and images.dtype.kind in "biuf"
        if self._file is None and is_large:
            self._file = tempfile.TemporaryFile(dir=self._folder)
            if self._say is not None:
                self._say(
                    f"The images of {self._name} take more than "
                    f"{MOST_IN_MEMORY / 1e9:.1f} GB: they are written into a "
                    f"file in {self._folder or tempfile.gettempdir()}, which "
                    "goes with this process, and read from there in batches."
                )
        if self._file is not None:
            for part in self._parts:
                self._file.write(np.ascontiguousarray(part).data)
            self._parts = [images[:0]]  # for the shape and the type

    @property
    def digests(self):
        """List of bytes, which tell each image from others."""
        return self._digests

    def in_order(self, order):
        """Returns the images in another order.

        Args:
            order: Integer array, the places of the images that come one after
                another.

        Returns:
            An array; a `np.memmap` if the images are in a file.
        """
        if self._file is None:
            return np.concatenate(self._parts)[order]
        (last,) = self._parts
        shape = (len(self._digests), *last.shape[1:])
        stored = _mapped(self._file, last.dtype, shape)
        return taken(stored, order, self._folder)

    def close(self):
        """Closes the file, if there is one; what was mapped of it stays."""
        if self._file is not None:
            self._file.close()


def taken(x, order, folder=None):
    """Returns some of the images; those that are in a file in another one.

    Args:
        x: Array of images.
        order: Integer array, their places.
        folder: As for `ImageCollector`. Defaults to `None`.

    Returns:
        An array, of the type of `x`.
    """
    if not isinstance(x, np.memmap):
        return x[order]
    count = max(_CHUNK // max(x[:1].nbytes, 1), 1)
    with tempfile.TemporaryFile(dir=folder) as file:
        for start in range(0, len(order), count):
            chunk = x[np.asarray(order[start : start + count])]
            file.write(np.ascontiguousarray(chunk).data)
        return _mapped(file, x.dtype, (len(order), *x.shape[1:]))


def _mapped(file, dtype, shape):
    file.flush()
    # It has the file in its own right, so that this one can be closed.
    return np.memmap(file, dtype, "r", shape=shape)


def reader(x):
    """Returns a function that reads images out of their file.

    Args:
        x: `np.memmap` of images.

    Returns:
        Callable from an int64 tensor of places to a tensor of images.
    """

    def read(places):
        images = tf.numpy_function(
            lambda indices: np.asarray(x[indices]), [places], x.dtype
        )
        images.set_shape((*places.shape, *x.shape[1:]))
        return images

    return read
