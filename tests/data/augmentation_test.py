import numpy as np
import pytest
import tensorflow as tf

from darts_tf.data import augmentation
from darts_tf.data import streams

MEAN = (0.4, 0.5, 0.6)
STD = (0.2, 0.25, 0.3)


def photographs(batch, height=6, width=5, channels=3):
    generator = np.random.default_rng(0)
    shape = (batch, height, width, channels)
    return generator.integers(1, 256, shape, dtype=np.uint8)


def crops(image, padding):
    """Returns all crops of a padded image by their corners, in a loop."""
    height, width, _ = image.shape
    padded = np.pad(image, [(padding, padding), (padding, padding), (0, 0)])
    return {
        (top, left): padded[top : top + height, left : left + width]
        for top in range(2 * padding + 1)
        for left in range(2 * padding + 1)
    }


def masks(height, width, size):
    """Returns what cutout keeps, by the centre of the square, in a loop."""
    kept = {}
    for row in range(height):
        for column in range(width):
            mask = np.ones((height, width, 1), bool)
            top, left = row - size // 2, column - size // 2
            for y in range(max(top, 0), min(top + size, height)):
                for x in range(max(left, 0), min(left + size, width)):
                    mask[y, x] = False
            kept[row, column] = mask
    return kept


def chi_square(places, cells):
    """Compares places with the uniform distribution over so many cells."""
    _, counts = np.unique(places, axis=0, return_counts=True)
    expected = len(places) / cells
    missing = cells - len(counts)
    return (np.sum((counts - expected) ** 2) + missing * expected**2) / expected


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_normalize_is_the_formula_in_double_precision(dtype):
    images = photographs(4).astype(dtype)
    result = augmentation.normalize(images, MEAN, STD)
    expected = (images.astype("float64") / 255 - MEAN) / STD
    assert result.dtype == tf.float32
    # Values up to 3, three roundings of 6e-8 each.
    np.testing.assert_allclose(result, expected, atol=1e-6)


def test_random_crop_takes_every_shift_of_every_image_equally_often():
    images = np.repeat(photographs(1), 2000, axis=0)
    cropped = augmentation.random_crop(images, 2, seed=(1, 2)).numpy()
    assert cropped.dtype == np.uint8
    possible = {
        crop.tobytes(): place for place, crop in crops(images[0], 2).items()
    }
    places = [possible[image.tobytes()] for image in cropped]
    # 24 degrees of freedom: deviation sqrt(48) = 6.9; five of them.
    assert chi_square(places, 25) < 24 + 5 * 6.9


def test_random_crop_gives_each_image_a_crop_of_itself():
    images = photographs(30)
    cropped = augmentation.random_crop(images, 3, seed=(0, 0)).numpy()
    for before, after in zip(images, cropped, strict=True):
        assert any((after == crop).all() for crop in crops(before, 3).values())


def test_random_flip_mirrors_about_half_of_the_images():
    images = photographs(1000)
    flipped = augmentation.random_flip(images, seed=(1, 2)).numpy()
    mirrored = 0
    for before, after in zip(images, flipped, strict=True):
        is_mirrored = (after == before[:, ::-1]).all()
        assert is_mirrored or (after == before).all()
        mirrored += is_mirrored
    # Binomial(1000, 1/2) has deviation 16; five of them.
    assert abs(mirrored - 500) < 80


@pytest.mark.parametrize("size", [1, 2, 3, 4, 20])
def test_cutout_removes_the_square_of_a_loop(size):
    images = photographs(200).astype("float32")
    result = augmentation.cutout(images, size, seed=(3, 4)).numpy()
    possible = masks(6, 5, size).values()
    for before, after in zip(images, result, strict=True):
        assert any((after == before * mask).all() for mask in possible)


def test_cutout_centres_are_uniform_over_the_pixels():
    images = np.ones((3000, 6, 5, 1), "float32")
    result = augmentation.cutout(images, 1, seed=(3, 4)).numpy()
    places = np.argwhere(result == 0)
    np.testing.assert_array_equal(places[:, 0], np.arange(3000))
    # 29 degrees of freedom: deviation sqrt(58) = 7.6; five of them.
    assert chi_square(places[:, 1:], 30) < 29 + 5 * 7.6


def test_cutout_of_size_zero_changes_nothing():
    images = photographs(3)
    result = augmentation.cutout(images, 0, seed=(0, 0))
    np.testing.assert_array_equal(result, images)


@pytest.mark.parametrize(
    "function",
    [
        lambda x, seed: augmentation.random_crop(x, 2, seed),
        augmentation.random_flip,
        lambda x, seed: augmentation.cutout(x, 2, seed),
    ],
    ids=["random_crop", "random_flip", "cutout"],
)
def test_the_seed_alone_decides(function):
    images = photographs(50)
    first = function(images, (1, 2))
    np.testing.assert_array_equal(first, function(images, (1, 2)))
    assert np.any(first != function(images, (1, 3)))
    compiled = tf.function(function)(images, tf.constant([1, 2]))
    np.testing.assert_array_equal(first, compiled)


def test_training_pads_raw_pixels_and_cuts_out_standardised_ones():
    white = np.full((64, 6, 6, 1), 255, "uint8")
    transform = augmentation.training_transform([0.5], [0.25], 2, True, 2)
    x, y = transform((white, np.arange(64)), seed=(0, 0))
    # White, the black border of the crop, and the hole.
    assert np.unique(x).tolist() == [-2.0, 0.0, 2.0]
    np.testing.assert_array_equal(y, np.arange(64))
    assert not np.any(x[:, 2:4, 2:4] == -2.0), "padding reached the middle"
    holes = np.sum(x == 0, axis=(1, 2, 3))
    assert holes.min() >= 1
    assert holes.max() == 4


def test_each_option_of_the_training_transform_acts_alone():
    images, labels = photographs(20), np.arange(20)

    def transformed(**options):
        options = {"padding": 0, "flip": False, "cutout": 0} | options
        transform = augmentation.training_transform(MEAN, STD, **options)
        return transform((images, labels), seed=(1, 1))[0].numpy()

    plain = augmentation.evaluation_transform(MEAN, STD)((images, labels))[0]
    np.testing.assert_array_equal(transformed(), plain)
    assert np.any(transformed(padding=1) != plain)
    assert np.any(transformed(cutout=2) != plain)
    mirrored = transformed(flip=True)
    assert np.any(mirrored != plain)
    # Mirroring keeps the sum of each row, up to the order of addition.
    np.testing.assert_allclose(
        mirrored.sum(axis=2), np.sum(plain, axis=2), atol=1e-5
    )


def test_transforms_fit_the_streams():
    arrays = photographs(7), np.arange(7)
    train = streams.batches(
        arrays, 3, 0, transform=augmentation.training_transform(MEAN, STD)
    )
    assert train.element_spec[0].shape == (3, 6, 5, 3)
    transform = augmentation.evaluation_transform(MEAN, STD)
    read = list(streams.sequential(arrays, 4, transform))
    assert [x.shape[0] for x, _ in read] == [4, 3]
    expected = augmentation.normalize(arrays[0], MEAN, STD)
    np.testing.assert_array_equal(tf.concat([x for x, _ in read], 0), expected)
    images = next(iter(streams.batches(arrays, 7, 0, 0, False, transform)))[0]
    np.testing.assert_array_equal(images, expected)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: augmentation.random_crop(x, -1, (0, 0)), "padding=-1"),
        (lambda x: augmentation.cutout(x, -1, (0, 0)), "size=-1"),
        (
            lambda x: augmentation.training_transform(MEAN, STD, padding=-1),
            "padding=-1",
        ),
        (
            lambda x: augmentation.training_transform(MEAN, STD, cutout=-2),
            "cutout=-2",
        ),
    ],
    ids=["crop", "cutout", "transform padding", "transform cutout"],
)
def test_negative_sizes_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(photographs(1))
