"""Image augmentation on whole batches, each function pure and stateless.

The order is that of the paper's code: crop, flip, standardise, cut out. So
the border that the crop adds is black in raw pixels, and the square that
cutout removes is zero after standardisation, the mean colour.
"""

import tensorflow as tf


def normalize(images, mean, std):
    """Scales pixels to [0, 1] and standardises each channel.

    Args:
        images: Tensor of shape `(batch, height, width, channels)`, uint8 or
            float, with values in [0, 255].
        mean: Sequence of floats, one for each channel, for pixels in [0, 1].
        std: Sequence of positive floats, one for each channel.

    Returns:
        float32 tensor of the shape of `images`: `(images / 255 - mean) / std`.

    Example:

    >>> from darts_tf.data import augmentation
    >>> white = np.full((1, 1, 1, 1), 255, "uint8")
    >>> float(augmentation.normalize(white, mean=[0.5], std=[0.25])[0, 0, 0, 0])
    2.0
    """
    scaled = tf.cast(images, tf.float32) / 255.0
    return (scaled - tf.constant(mean, tf.float32)) / tf.constant(
        std, tf.float32
    )


def random_crop(images, padding, seed):
    """Pads each image with zeros and crops it to its size at a random place.

    Args:
        images: Tensor of shape `(batch, height, width, channels)`.
        padding: Non-negative integer, pixels added on each of the four sides;
            the shift is uniform over `-padding` to `padding` on both axes.
        seed: Integer tensor or tuple of shape `(2,)`.

    Returns:
        Tensor of the shape and type of `images`.

    Raises:
        ValueError: If `padding` is negative.

    Example:

    >>> from darts_tf.data import augmentation
    >>> ones = np.ones((1, 4, 4, 1), "uint8")
    >>> cropped = augmentation.random_crop(ones, padding=1, seed=(0, 1))
    >>> cropped.shape, int(tf.reduce_sum(cropped)) in (9, 12, 16)
    (TensorShape([1, 4, 4, 1]), True)
    """
    if padding < 0:
        raise ValueError(
            f"`padding` must not be negative. Received: {padding=}"
        )
    images = tf.convert_to_tensor(images)
    batch, height, width = tf.unstack(tf.shape(images)[:3])
    margin = [padding, padding]
    padded = tf.pad(images, [[0, 0], margin, margin, [0, 0]])
    corner = tf.random.stateless_uniform(
        (2, batch, 1), seed, maxval=2 * padding + 1, dtype=tf.int32
    )
    rows = corner[0] + tf.range(height)
    columns = corner[1] + tf.range(width)
    cropped = tf.gather(padded, rows, axis=1, batch_dims=1)
    cropped = tf.gather(cropped, columns, axis=2, batch_dims=1)
    return tf.ensure_shape(cropped, images.shape)


def random_flip(images, seed):
    """Mirrors each image left to right with probability 1/2.

    Args:
        images: Tensor of shape `(batch, height, width, channels)`.
        seed: Integer tensor or tuple of shape `(2,)`.

    Returns:
        Tensor of the shape and type of `images`.

    Example:

    >>> from darts_tf.data import augmentation
    >>> images = np.tile([[[[0], [1]]]], (1000, 1, 1, 1))
    >>> flipped = augmentation.random_flip(images, seed=(0, 1))
    >>> 450 < int(tf.reduce_sum(flipped[:, 0, 0])) < 550
    True
    """
    images = tf.convert_to_tensor(images)
    shape = (tf.shape(images)[0], 1, 1, 1)
    flipped = tf.random.stateless_uniform(shape, seed) < 0.5
    return tf.where(flipped, images[:, :, ::-1], images)


def cutout(images, size, seed):
    """Sets one square of each image to zero.

    The centre is uniform over the pixels, so the square may reach over the
    border and then removes less.

    Args:
        images: Tensor of shape `(batch, height, width, channels)`, usually
            standardised, so that zero is the mean colour.
        size: Non-negative integer, side of the square in pixels; `0` removes
            nothing.
        seed: Integer tensor or tuple of shape `(2,)`.

    Returns:
        Tensor of the shape and type of `images`.

    Raises:
        ValueError: If `size` is negative.

    Example:

    >>> from darts_tf.data import augmentation
    >>> ones = np.ones((1, 32, 32, 1), "float32")
    >>> removed = 32 * 32 - tf.reduce_sum(augmentation.cutout(ones, 16, (0, 1)))
    >>> 8 * 8 <= int(removed) <= 16 * 16
    True

    Reference:
        DeVries and Taylor, arXiv:1708.04552; Section 3.2 of the DARTS paper,
        with size 16.
    """
    if size < 0:
        raise ValueError(f"`size` must not be negative. Received: {size=}")
    images = tf.convert_to_tensor(images)
    batch, height, width = tf.unstack(tf.shape(images)[:3])
    row_seed, column_seed = tf.unstack(tf.random.split(seed))
    inside_rows = _inside_interval(batch, height, size, row_seed)
    inside_columns = _inside_interval(batch, width, size, column_seed)
    removed = inside_rows[:, :, None] & inside_columns[:, None, :]
    return tf.where(removed[..., None], tf.zeros((), images.dtype), images)


def _inside_interval(batch, length, size, seed):
    """Marks, for each image, `size` positions around a uniform centre.

    Differs from the reference: there an odd size removes one pixel less,
    `2 * (size // 2)`; even sizes are the same.
    """
    centre = tf.random.stateless_uniform(
        (batch, 1), seed, maxval=length, dtype=tf.int32
    )
    distance = tf.range(length) - (centre - size // 2)
    return (distance >= 0) & (distance < size)


def training_transform(mean, std, padding=4, flip=True, cutout=0):
    """Makes the augmentation of a training stream.

    Args:
        mean: Sequence of floats, mean of each channel for pixels in [0, 1].
        std: Sequence of positive floats, deviation of each channel.
        padding: Non-negative integer, pixels of zero padding before the
            random crop; `0` does not crop. Defaults to `4`.
        flip: Boolean, whether images are mirrored at random. Defaults to
            `True`.
        cutout: Non-negative integer, side in pixels of the removed square;
            `0` removes nothing. Defaults to `0`, as in the search; the
            derived network is trained with `16`.

    Returns:
        Callable `transform(batch, seed)` for `streams.batches` and
        `streams.paired`, where `batch` is `(images, labels)`.

    Raises:
        ValueError: If `padding` or `cutout` is negative.

    Example:

    >>> from darts_tf.data import augmentation
    >>> transform = augmentation.training_transform([0.5], [0.5], cutout=2)
    >>> images, labels = np.full((2, 8, 8, 1), 255, "uint8"), np.array([3, 1])
    >>> x, y = transform((images, labels), seed=(0, 1))
    >>> x.dtype.name, np.unique(x).tolist(), y.tolist()
    ('float32', [-1.0, 0.0, 1.0], [3, 1])

    Reference:
        Section 3.1 and Appendix A.1.1 of the DARTS paper.
    """
    for name, value in (("padding", padding), ("cutout", cutout)):
        if value < 0:
            raise ValueError(
                f"`{name}` must not be negative. Received: {name}={value}"
            )
    cutout_size = cutout

    def transform(batch, seed):
        images, labels = batch
        return _augmented(
            images, seed, mean, std, padding, flip, cutout_size
        ), labels

    return transform


def _augmented(images, seed, mean, std, padding, flip, cutout_size):
    crop_seed, flip_seed, cutout_seed = tf.unstack(tf.random.split(seed, 3))
    if padding:
        images = random_crop(images, padding, crop_seed)
    if flip:
        images = random_flip(images, flip_seed)
    images = normalize(images, mean, std)
    if cutout_size:
        images = cutout(images, cutout_size, cutout_seed)
    return images


def evaluation_transform(mean, std):
    """Makes the standardisation of an evaluation stream.

    Args:
        mean: Sequence of floats, mean of each channel for pixels in [0, 1].
        std: Sequence of positive floats, deviation of each channel.

    Returns:
        Callable `transform(batch, seed=None)`, where `batch` is
        `(images, labels)`. It draws nothing: the seed is only there so that
        it also fits where a training transform does.

    Example:

    >>> from darts_tf.data import augmentation
    >>> transform = augmentation.evaluation_transform([0.5], [0.5])
    >>> images, labels = np.full((1, 1, 1, 1), 255, "uint8"), np.array([3])
    >>> x, y = transform((images, labels))
    >>> float(x[0, 0, 0, 0]), y.tolist()
    (1.0, [3])
    """

    def transform(batch, seed=None):
        images, labels = batch
        return normalize(images, mean, std), labels

    return transform
