import numpy as np
import pytest

from darts_tf.data import image_stack


def test_images_of_one_size_are_stacked_unchanged():
    images = np.random.default_rng(0).integers(0, 256, (3, 4, 5, 2), np.uint8)
    stacked = image_stack.stack(iter(images), ["a", "b", "c"])
    assert stacked.dtype == np.uint8
    np.testing.assert_array_equal(stacked, images)


def test_images_of_the_right_size_are_not_touched_by_resizing():
    images = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3), np.uint8)
    stacked = image_stack.stack(images, ["a", "b"], image_size=(4, 5))
    np.testing.assert_array_equal(stacked, images)


def test_resizing_keeps_height_width_and_channels_in_place():
    # A ramp down the rows in channel 0 and along the columns in channel 1:
    # linear interpolation keeps a ramp, away from the ends.
    rows, columns = np.meshgrid(np.arange(40), np.arange(60), indexing="ij")
    image = np.stack([rows * 4, columns * 4], axis=-1).astype(np.uint8)
    resized = image_stack.stack([image], ["ramp"], (20, 30))[0].astype(int)
    assert resized.shape == (20, 30, 2)
    centres = np.arange(1, 29) * 2 + 0.5
    expected_rows = np.broadcast_to(centres[:18, None] * 4, (18, 30))
    expected_columns = np.broadcast_to(centres * 4, (20, 28))
    # Rounding to integers, twice.
    np.testing.assert_allclose(resized[1:-1, :, 0], expected_rows, atol=1)
    np.testing.assert_allclose(resized[:, 1:-1, 1], expected_columns, atol=1)


def test_images_of_different_sizes_need_a_size():
    images = [np.zeros((4, 4, 1), np.uint8), np.zeros((5, 4, 1), np.uint8)]
    message = r"`image_size`.*one\.png.*\(4, 4, 1\).*two\.png.*\(5, 4, 1\)"
    with pytest.raises(ValueError, match=message):
        image_stack.stack(images, ["one.png", "two.png"])
    stacked = image_stack.stack(images, ["one.png", "two.png"], (2, 2))
    assert stacked.shape == (2, 2, 2, 1)


def test_nothing_cannot_be_stacked():
    with pytest.raises(ValueError, match="At least one image"):
        image_stack.stack([], [])
