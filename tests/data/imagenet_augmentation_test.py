"""The augmentation of ImageNet against NumPy and against its distribution."""

import colorsys
import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from darts_tf.data import imagenet_augmentation

SEED = (3, 4)


def _windows(height, width, draws, **options):
    draw = tf.function(
        lambda k: imagenet_augmentation.random_window(
            height, width, tf.random.fold_in(SEED, k), **options
        )
    )
    return np.array(tf.map_fn(draw, tf.range(draws)))


def test_windows_have_the_published_distribution():
    windows = _windows(300, 400, 2000)
    top, left, height, width = windows.T
    assert (top >= 0).all()
    assert (left >= 0).all()
    assert (top + height <= 300).all()
    assert (left + width <= 400).all()
    assert (left + width == 400).any()
    share = height * width / (300 * 400)
    assert 0.075 < share.min() < 0.10  # rounding to pixels
    # Large windows that do not fit are drawn anew, so their shares are rarer
    # than uniform on [0.08, 1]; below 0.5 all fit.
    small = share[share < 0.5]
    quarters = np.histogram(small, np.linspace(0.08, 0.5, 5))[0] / len(small)
    np.testing.assert_allclose(quarters, 0.25, atol=0.05)  # 4 errors of 0.012
    logs = np.log(width / height)[share < 0.5]
    assert abs(logs).max() < np.log(4 / 3) + 0.02
    assert abs(logs.mean()) < 0.02
    # The deviation of a uniform variable is its range / sqrt(12).
    np.testing.assert_allclose(
        logs.std(), 2 * np.log(4 / 3) / np.sqrt(12), rtol=0.05
    )


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((10, 100), (0, 43, 10, 13)),
        ((100, 10), (43, 0, 13, 10)),
    ],
)
def test_a_window_that_never_fits_is_the_middle(size, expected):
    windows = _windows(*size, 3, area=(1.0, 1.0))
    assert windows.tolist() == [list(expected)] * 3


def _jitter(image, place, amount, seed=SEED):
    amounts = [0.0] * 4
    amounts[place] = amount
    return np.array(imagenet_augmentation.jitter(image, amounts, seed))


def test_jitter_equals_numpy():
    image = np.random.default_rng(0).random((4, 5, 3)).astype("float32")
    factors = tf.random.stateless_uniform(
        (4,), tf.random.split(SEED)[1], -1.0, 1.0
    ).numpy()
    grey = image @ np.array([0.299, 0.587, 0.114], "float32")
    others = [0.0, grey.mean(), grey[..., None]]
    for place, other in enumerate(others):
        factor = 1 + 0.4 * factors[place]
        expected = np.clip(factor * image + (1 - factor) * other, 0, 1)
        np.testing.assert_allclose(
            _jitter(image, place, 0.4), expected, atol=1e-6
        )
    expected = [
        colorsys.hsv_to_rgb((h + 0.2 * factors[3]) % 1, s, v)
        for h, s, v in (colorsys.rgb_to_hsv(*p) for p in image.reshape(-1, 3))
    ]
    np.testing.assert_allclose(  # float32 through another colour space
        _jitter(image, 3, 0.2).reshape(-1, 3), expected, atol=1e-4
    )


def test_the_order_of_the_jitter_is_random():
    image = np.random.default_rng(0).random((4, 5, 3)).astype("float32")
    amounts = (0.4, 0.4, 0.4, 0.2)
    _, factor_seed = tf.unstack(tf.random.split(SEED))
    results = {
        np.array(imagenet_augmentation.jitter(image, amounts, seed)).tobytes()
        for seed in [(1, k) for k in range(6)]
    }
    assert len(results) == 6
    assert factor_seed.shape == (2,)


def _encoded(pixels, kind="PNG"):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def test_evaluation_resizes_the_shorter_side_and_crops_the_middle():
    # 8/7 of 28 is 32: the image is halved, and 2 rows and 18 columns are cut.
    pixels = np.zeros((64, 128, 3), "uint8")
    pixels[:, 36:92, 0] = 255
    transform = imagenet_augmentation.evaluation_transform(
        28, mean=(0, 0, 0), std=(1, 0.5, 0.5)
    )
    images, labels = transform(([_encoded(pixels)], np.array([7])))
    assert images.shape == (1, 28, 28, 3)
    assert labels.tolist() == [7]
    np.testing.assert_allclose(images[0, :, 1:-1, 0], 1.0, atol=1e-5)
    np.testing.assert_allclose(images[0, ..., 1:], 0.0, atol=1e-5)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_encoded_images_and_pixels_give_the_same(mode):
    rng = np.random.default_rng(0)
    shape = (2, 20, 30) if mode == "L" else (2, 20, 30, 3)
    pixels = rng.integers(0, 256, shape).astype("uint8")
    transform = imagenet_augmentation.training_transform(8)
    files = [_encoded(image) for image in pixels]
    x, _ = transform((files, np.zeros(2)), SEED)
    raw = pixels[..., None] if mode == "L" else pixels
    y, _ = transform((raw, np.zeros(2)), SEED)
    np.testing.assert_allclose(x, y, atol=1e-5)
    z, _ = transform((raw, np.zeros(2)), (0, 0))
    assert np.any(np.array(z) != np.array(y))


@pytest.mark.parametrize(
    "change",
    [{"amounts": (0.0,) * 4}, {"smallest_area": 1.0}, {"flip": False}],
    ids=str,
)
def test_each_option_changes_the_images(change):
    pixels = np.random.default_rng(0).integers(0, 256, (8, 20, 20, 3))
    batch = pixels.astype("uint8"), np.zeros(8)
    x, _ = imagenet_augmentation.training_transform(8)(batch, SEED)
    y, _ = imagenet_augmentation.training_transform(8, **change)(batch, SEED)
    assert np.any(np.array(x) != np.array(y))
