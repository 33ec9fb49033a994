"""Pictures of all kinds, in Pillow's hands and in TensorFlow's."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from darts_tf.data import imagenet_augmentation
from darts_tf.data import picture_file

# A picture as it should be seen, with four corners of their own.
_SEEN = np.zeros((24, 40, 3), "uint8")
_SEEN[:12, :20] = (250, 0, 0)
_SEEN[:12, 20:] = (0, 250, 0)
_SEEN[12:, :20] = (0, 0, 250)
_SEEN[12:, 20:] = (250, 250, 250)
# How each orientation of EXIF lies on the disk (the standard, CIPA DC-008:
# which sides of the picture its first row and its first column are).
_LYING = {
    1: _SEEN,
    2: _SEEN[:, ::-1],
    3: _SEEN[::-1, ::-1],
    4: _SEEN[::-1],
    5: _SEEN.transpose(1, 0, 2),
    6: np.rot90(_SEEN, 1),  # to be turned clockwise, so it lies the other way
    7: _SEEN.transpose(1, 0, 2)[::-1, ::-1],
    8: np.rot90(_SEEN, -1),
}


def _encoded(pixels, kind, **options):
    content = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else None
    image = image or Image.fromarray(np.ascontiguousarray(pixels))
    image.save(content, kind, **options)
    return content.getvalue()


def _exif(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def _by_both(content):
    in_graph = tf.function(imagenet_augmentation.decode)
    for decode in (imagenet_augmentation.decode, in_graph):
        pixels = np.array(decode(tf.constant(content)))
        yield np.rint(pixels * 255).astype(int)
    yield picture_file.read(io.BytesIO(content), "a picture").astype(int)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", _LYING)
def test_a_picture_is_turned_upright(kind, orientation):
    content = _encoded(
        _LYING[orientation],
        kind,
        exif=_exif(orientation),
        **({"lossless": True} if kind == "WEBP" else {}),
        **({"quality": 95} if kind == "JPEG" else {}),
    )
    for pixels in _by_both(content):
        assert pixels.shape == _SEEN.shape
        # Away from the edges, where JPEG loses most.
        for row, column in ((4, 4), (4, 36), (20, 4), (20, 36)):
            np.testing.assert_allclose(
                pixels[row, column], _SEEN[row, column].astype(int), atol=12
            )


@pytest.mark.parametrize("value", [0, 9, 77])
def test_an_orientation_that_does_not_exist_is_upright(value):
    content = _encoded(_SEEN, "PNG", exif=_exif(value))
    for pixels in _by_both(content):
        np.testing.assert_array_equal(pixels, _SEEN)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_exif_leaves_sound_pixels():
    content = _encoded(_SEEN, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    expected = _encoded(_SEEN, "JPEG")
    for pixels, sound in zip(
        _by_both(content), _by_both(expected), strict=True
    ):
        np.testing.assert_array_equal(pixels, sound)


def _palette():
    image = Image.new("P", (8, 6), 1)
    image.putpalette([0, 0, 0, 50, 60, 70])
    return image


def _animation():
    content = io.BytesIO()
    first, second = (
        Image.new("RGB", (8, 6), color) for color in ((200, 0, 0), (0, 200, 0))
    )
    first.save(content, "GIF", save_all=True, append_images=[second])
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (_animation(), (200, 0, 0)),
        (_encoded(Image.new("CMYK", (8, 6), (255, 0, 0, 0)), "JPEG"), (0, 255)),
        (_encoded(Image.new("CMYK", (8, 6), (255, 0, 0, 0)), "TIFF"), (0, 255)),
        (_encoded(_palette(), "PNG", transparency=b"\0\x80"), (50, 60, 70)),
        (_encoded(_palette(), "GIF"), (50, 60, 70)),
        (_encoded(_palette(), "BMP"), (50, 60, 70)),
        (_encoded(Image.new("RGBA", (8, 6), (1, 2, 3, 9)), "PNG"), (1, 2, 3)),
        (_encoded(Image.new("LA", (8, 6), (7, 9)), "PNG"), (7, 7, 7)),
        (_encoded(Image.new("1", (8, 6), 1), "PNG"), (255, 255, 255)),
        (_encoded(Image.new("1", (8, 6), 1), "TIFF"), (255, 255, 255)),
    ],
    ids=["animation", "cmyk", "cmyk_tiff", "palette", "palette_gif"]
    + ["palette_bmp", "alpha", "grey_alpha", "one_bit", "one_bit_tiff"],
)
def test_pictures_of_every_kind_are_right(content, expected):
    for pixels in _by_both(content):
        assert pixels.shape == (6, 8, 3)
        found = pixels[3, 4][: len(expected)]
        np.testing.assert_allclose(found, expected, atol=2)


def test_numbers_of_16_bits_are_refused_by_name():
    for kind in ("PNG", "TIFF"):
        content = _encoded(np.full((4, 4), 40_000, np.uint16), kind)
        with pytest.raises(ValueError, match=r"I;16.*8 bits|8 bits.*I;16"):
            picture_file.read(io.BytesIO(content), "x-ray")


def test_sound_files_pass_and_torn_ones_are_named():
    for kind in ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF"):
        content = _encoded(_SEEN, kind)
        picture_file.check_whole(content, kind)
        # What some programs write behind it does no harm.
        picture_file.check_whole(content + b"\0\0\0", kind)
        with pytest.raises(ValueError, match=f"Received: '{kind}'"):
            picture_file.check_whole(content[: len(content) // 2], kind)
    with pytest.raises(ValueError, match="Received: 'nothing'"):
        picture_file.check_whole(b"", "nothing")
