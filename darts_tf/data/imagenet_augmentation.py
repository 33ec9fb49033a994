"""The augmentation of ImageNet: from encoded images of any size to a batch.

The order is that of the paper's code: crop at random and resize, flip, jitter
the colours, standardise; for evaluation resize and crop the middle. Images
have pixels in [0, 1] and three channels while they are worked on.
"""

import io
import math

import numpy as np
import tensorflow as tf

from darts_tf.data import picture_file

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
JITTER = (0.4, 0.4, 0.4, 0.2)
_ATTEMPTS = 10
_GREY = (0.299, 0.587, 0.114)  # of red, green and blue, as in ITU-R 601


def decode(image):
    """Returns the pixels of an image, upright if its file says how it lies.

    Args:
        image: Scalar string tensor, the bytes of a picture's file; or uint8
            tensor of shape `(height, width, channels)` with 1 or 3 channels.

    Returns:
        float32 tensor of shape `(height, width, 3)`, in [0, 1].

    Example:

    >>> decode(tf.zeros((4, 5, 1), "uint8")).shape
    TensorShape([4, 5, 3])
    """
    if image.dtype == tf.string:
        image = _decode_file(image)
    elif image.shape[-1] == 1:
        image = tf.image.grayscale_to_rgb(image)
    return tf.cast(image, tf.float32) / 255.0


def _decode_file(content):
    orientation = tf.numpy_function(
        _orientation, [content], tf.int32, stateful=False
    )
    orientation.set_shape(())
    image = tf.cond(
        orientation > 0,
        lambda: tf.io.decode_image(
            content, channels=3, expand_animations=False
        ),
        lambda: tf.numpy_function(
            _decode_otherwise, [content], tf.uint8, stateful=False
        ),
    )
    image = tf.ensure_shape(image, (None, None, 3))
    return tf.cond(
        orientation > picture_file.UPRIGHT,
        lambda: _turn(image, orientation),
        lambda: image,
    )


def _orientation(content):
    # Outside of a graph TensorFlow gives an array of one object.
    return picture_file.orientation(np.asarray(content, object).item())


def _decode_otherwise(content):
    content = np.asarray(content, object).item()
    return picture_file.read(io.BytesIO(content), "a picture")


def _turn(image, orientation):
    """Turns an image upright, by the number that EXIF has for how it lies."""
    swapped = orientation >= 5
    from_right = tf.reduce_any(tf.equal(orientation, [2, 3, 6, 7]))
    from_below = tf.reduce_any(tf.equal(orientation, [3, 4, 7, 8]))
    image = tf.cond(
        swapped, lambda: tf.transpose(image, (1, 0, 2)), lambda: image
    )
    image = tf.cond(from_right, lambda: image[:, ::-1], lambda: image)
    return tf.cond(from_below, lambda: image[::-1], lambda: image)


def random_window(height, width, seed, area=(0.08, 1.0), aspect=(3 / 4, 4 / 3)):
    """Draws a part of an image.

    Its share of the area is uniform, and so is the logarithm of width over
    height. If it does not fit ten times in a row, it is the largest window
    in the middle whose aspect is allowed.

    Args:
        height: Scalar integer tensor, of the image.
        width: Scalar integer tensor, of the image.
        seed: Integer tensor of shape `(2,)`.
        area: Pair of floats, the least and largest share. Defaults to
            `(0.08, 1.0)`.
        aspect: Pair of floats, the least and largest width over height.
            Defaults to `(3 / 4, 4 / 3)`.

    Returns:
        int32 tensor of shape `(4,)`: top, left, height and width.

    Example:

    >>> from darts_tf.data import imagenet_augmentation
    >>> top, left, height, width = imagenet_augmentation.random_window(
    ...     300, 400, seed=(0, 1)
    ... ).numpy()
    >>> bool(0 <= top <= 300 - height and 0 <= left <= 400 - width)
    True
    """
    shares, aspects, corners = tf.unstack(tf.random.split(seed, 3))
    size = tf.cast(tf.stack([height, width]), tf.float32)
    share = tf.random.stateless_uniform((_ATTEMPTS,), shares, *area)
    bounds = map(math.log, aspect)
    ratio = tf.exp(tf.random.stateless_uniform((_ATTEMPTS,), aspects, *bounds))
    pixels = share * size[0] * size[1]
    drawn = tf.stack([tf.sqrt(pixels / ratio), tf.sqrt(pixels * ratio)], 1)
    drawn = tf.round(drawn)
    fits = tf.reduce_all((drawn >= 1) & (drawn <= size), axis=1)
    corner = tf.random.stateless_uniform((2,), corners)
    if_none = tf.round(
        tf.stack(
            [
                tf.minimum(size[0], size[1] / aspect[0]),
                tf.minimum(size[1], size[0] * aspect[1]),
            ]
        )
    )
    found = tf.reduce_any(fits)
    window = tf.where(found, drawn[tf.argmax(fits)], if_none)
    # The largest corner is `size - window`, so there is one more to draw.
    corner = tf.where(
        found,
        tf.floor(corner * (size - window + 1)),
        tf.floor((size - window) / 2),
    )
    return tf.cast(tf.concat([corner, window], 0), tf.int32)


def resize(image, height, width):
    """Resizes an image by linear interpolation over all pixels.

    Args:
        image: float32 tensor of shape `(height, width, channels)`.
        height: Integer, the new one.
        width: Integer, the new one.

    Returns:
        float32 tensor of shape `(height, width, channels)`.

    Example:

    >>> resize(tf.zeros((4, 5, 3)), 8, 8).shape
    TensorShape([8, 8, 3])
    """
    return tf.image.resize(image, (height, width), antialias=True)


def jitter(image, amounts, seed):
    """Changes brightness, contrast, saturation and hue, in a random order.

    The first three are multiplied by a factor in `[1 - amount, 1 + amount]`;
    the hue is turned by up to `amount` of the circle.

    Args:
        image: float32 tensor of shape `(height, width, 3)`, in [0, 1].
        amounts: Four floats, in the order above; 0 leaves one as it is.
        seed: Integer tensor of shape `(2,)`.

    Returns:
        float32 tensor of the shape of `image`, in [0, 1].

    Example:

    >>> from darts_tf.data import imagenet_augmentation
    >>> grey = np.full((2, 2, 3), 0.5, "float32")
    >>> darker = imagenet_augmentation.jitter(grey, (0.4, 0, 0, 0), (0, 1))
    >>> bool(0.3 <= darker[0, 0, 0] <= 0.7)
    True
    """
    order_seed, factor_seed = tf.unstack(tf.random.split(seed))
    spread = tf.constant(amounts, tf.float32)
    centre = tf.constant([1.0, 1.0, 1.0, 0.0])
    draws = tf.random.stateless_uniform((4,), factor_seed, -1.0, 1.0)
    factors = centre + spread * draws
    order = tf.random.experimental.stateless_shuffle(tf.range(4), order_seed)
    steps = [_brightness, _contrast, _saturation, _hue]
    for place in range(4):
        image = tf.switch_case(
            order[place],
            [
                lambda k=k, step=step, image=image: step(image, factors[k])
                for k, step in enumerate(steps)
            ],
        )
    return image


def _brightness(image, factor):
    return _blend(image, tf.zeros_like(image), factor)


def _contrast(image, factor):
    return _blend(image, tf.reduce_mean(_grey(image)), factor)


def _saturation(image, factor):
    return _blend(image, _grey(image), factor)


def _hue(image, turn):
    return tf.clip_by_value(tf.image.adjust_hue(image, turn), 0.0, 1.0)


def _grey(image):
    return tf.reduce_sum(image * tf.constant(_GREY), -1, keepdims=True)


def _blend(image, other, factor):
    return tf.clip_by_value(other + factor * (image - other), 0.0, 1.0)


def training_transform(
    image_size=224,
    mean=MEAN,
    std=STD,
    amounts=JITTER,
    smallest_area=0.08,
    flip=True,
):
    """Makes the augmentation of a training stream.

    Args:
        image_size: Integer, height and width of the result, in pixels.
            Defaults to `224`.
        mean: Three floats, for pixels in [0, 1]. Defaults to ImageNet's.
        std: Three positive floats. Defaults to ImageNet's.
        amounts: Four floats, of `jitter`. Defaults to `(0.4, 0.4, 0.4, 0.2)`.
        smallest_area: Float in (0, 1], the least share of an image that a
            crop has. Defaults to `0.08`.
        flip: Boolean, whether images are mirrored at random. Defaults to
            `True`.

    Returns:
        Callable `transform(batch, seed)` for the streams, where `batch` is
        `(images, labels)` and `images` a batch of what `decode` takes.

    Raises:
        ValueError: If a number is out of range.

    Example:

    >>> transform = training_transform(image_size=16)
    >>> images = tf.zeros((2, 20, 24, 3), "uint8")
    >>> transform((images, [0, 1]), (0, 0))[0].shape
    TensorShape([2, 16, 16, 3])

    Reference:
        Appendix A.2.2 of the DARTS paper, arXiv:1806.09055, and its code.
    """
    _check(image_size, amounts, smallest_area)

    def augment(image, seed):
        window_seed, flip_seed, jitter_seed = tf.unstack(
            tf.random.split(seed, 3)
        )
        image = decode(image)
        height, width = tf.unstack(tf.shape(image)[:2])
        top, left, rows, columns = tf.unstack(
            random_window(height, width, window_seed, (smallest_area, 1.0))
        )
        image = image[top : top + rows, left : left + columns]
        image = resize(image, image_size, image_size)
        if flip:
            flipped = tf.random.stateless_uniform((), flip_seed) < 0.5
            image = tf.where(flipped, image[:, ::-1], image)
        return jitter(image, amounts, jitter_seed) if any(amounts) else image

    return _on_batches(augment, image_size, mean, std)


def evaluation_transform(image_size=224, mean=MEAN, std=STD):
    """Makes the transform of an evaluation stream.

    The shorter side is resized to 8/7 of `image_size`, 256 for 224, and the
    middle is cropped.

    Args:
        image_size: Integer, height and width of the result, in pixels.
            Defaults to `224`.
        mean: Three floats, for pixels in [0, 1]. Defaults to ImageNet's.
        std: Three positive floats. Defaults to ImageNet's.

    Returns:
        Callable `transform(batch, seed=None)`, where `batch` is
        `(images, labels)`. It draws nothing.

    Raises:
        ValueError: If the size is not positive.

    Example:

    >>> transform = evaluation_transform(image_size=16)
    >>> transform((tf.zeros((2, 20, 24, 3), "uint8"), [0, 1]))[0].shape
    TensorShape([2, 16, 16, 3])
    """
    _check(image_size)
    shorter = round(image_size * 8 / 7)

    def crop(image, _):
        image = decode(image)
        size = tf.shape(image)[:2]
        scale = shorter / tf.reduce_min(size)
        size = tf.cast(tf.round(tf.cast(size, scale.dtype) * scale), tf.int32)
        image = tf.image.resize(image, size, antialias=True)
        top, left = tf.unstack((size - image_size) // 2)
        return image[top : top + image_size, left : left + image_size]

    transform = _on_batches(crop, image_size, mean, std)
    return lambda batch, seed=None: transform(batch, (0, 0))


def _on_batches(function, image_size, mean, std):
    """Applies `function(image, seed)` to each image, and standardises."""
    shape = (image_size, image_size, 3)

    def transform(batch, seed):
        images, labels = batch
        images = tf.convert_to_tensor(images)
        images = tf.map_fn(
            lambda pair: function(pair[0], tf.random.fold_in(seed, pair[1])),
            (images, tf.range(tf.shape(images)[0])),
            fn_output_signature=tf.TensorSpec(shape, tf.float32),
        )
        mean_and_std = tf.constant([mean, std], tf.float32)
        return (images - mean_and_std[0]) / mean_and_std[1], labels

    return transform


def _check(image_size, amounts=(), smallest_area=1.0):
    if image_size < 1:
        raise ValueError(
            f"`image_size` must be positive. Received: {image_size=}"
        )
    if not 0 < smallest_area <= 1:
        raise ValueError(
            "`smallest_area` must be a share above 0. "
            f"Received: {smallest_area=}"
        )
    if any(not 0 <= amount <= 1 for amount in amounts) or any(
        amount > 0.5 for amount in amounts[3:]
    ):
        raise ValueError(
            "`amounts` must be in [0, 1], and the last, of the hue, in "
            f"[0, 0.5]. Received: {amounts=}"
        )
