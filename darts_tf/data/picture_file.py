"""Reads one picture, as cameras, phones and scanners write them.

A camera stores the pixels as its sensor lies, and a number, the orientation,
that says how they have to be turned (EXIF, tag 0x0112).
"""

import io
import struct
import warnings
import zlib

import numpy as np

_TAG = 0x0112
UPRIGHT = 1
# How the formats begin that TensorFlow decodes by itself.
_BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8")
# Where EXIF begins in JPEG, PNG and WebP; what stands between is skipped.
_MARKS = ((b"Exif\0\0", 0), (b"eXIf", 4), (b"EXIF", 8))
_EXIF_LENGTH = 2**16
# What Pillow raises for damaged files.
_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    EOFError,
    AttributeError,
    struct.error,
    zlib.error,
)


def read(file, name):
    """Returns the pixels of a picture, upright and in RGB.

    Of an animation that is the first frame. Transparency is left out.

    Args:
        file: Path of a file, or a binary file that is open.
        name: String, what to call it in an error.

    Returns:
        uint8 array of shape `(height, width, 3)`.

    Raises:
        ValueError: If it is damaged, no picture of 8 bits a channel, or larger
            than `PIL.Image.MAX_IMAGE_PIXELS` allows.

    Example:

    >>> import io
    >>> from PIL import Image
    >>> from darts_tf.data import picture_file
    >>> content = io.BytesIO()
    >>> Image.new("L", (8, 6), 3).save(content, "PNG")
    >>> picture_file.read(content, "grey.png").shape
    (6, 8, 3)
    """
    from PIL import Image  # Not needed for the data sets with names.

    try:
        with Image.open(file) as image:
            limit = Image.MAX_IMAGE_PIXELS
            if limit is not None and image.width * image.height > limit:
                warnings.warn(
                    f"{name} has {image.width * image.height:,} pixels, which "
                    "takes long to read",
                    stacklevel=2,
                )
            return _pixels(image)
    # The second where warnings are errors.
    except (
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
    ) as error:
        raise ValueError(
            "An image of not too many pixels is expected; make it smaller, or "
            "set `PIL.Image.MAX_IMAGE_PIXELS` to a larger limit. "
            f"Received: {name!r} ({error})"
        ) from error
    except _ERRORS as error:
        raise ValueError(
            "An image file of 8 bits a channel is expected. "
            f"Received: {name!r} ({error})"
        ) from error


def _pixels(image):
    from PIL import ImageOps

    # Pillow would clip values of 16 or 32 bits to 255.
    if image.mode[0] in "IF":
        raise ValueError(f"mode {image.mode}, not 8 bits a channel")
    image.load()
    try:
        image = ImageOps.exif_transpose(image)
    except _ERRORS:
        pass  # damaged EXIF beside sound pixels
    # Pillow warns if transparent palette colours go to RGB at once.
    if "transparency" in image.info:
        image = image.convert("RGBA")
    return np.asarray(image.convert("RGB"))


def orientation(content):
    """Returns how the pixels that TensorFlow decodes have to be turned.

    Args:
        content: Bytes of a picture.

    Returns:
        int32 number of EXIF from 1, upright, to 8; 0 if TensorFlow cannot
        decode the picture, and `read` has to.

    Example:

    >>> from darts_tf.data import picture_file
    >>> int(picture_file.orientation(b"GIF89a and so on"))
    1
    """
    known = (
        content.startswith(_BEGINNINGS)
        or content[8:12] == b"WEBP"
        # It would take the numbers of a palette for levels of grey.
        or (content.startswith(b"BM") and content[28:30] == b"\x18\0")
    )
    found = UPRIGHT if known else 0
    for mark, skipped in _MARKS:
        place = content.find(mark) if found else -1
        if place >= 0:
            start = place + skipped
            found = _of_exif(content[start : start + _EXIF_LENGTH])
            break
    return np.int32(found)


def turned(image, orientation):
    """Returns the pixels of a picture upright.

    Args:
        image: Array of shape `(height, width, channels)`.
        orientation: Integer, from `orientation`; 0 leaves it as it is.

    Returns:
        Array of the same numbers.

    Example:

    >>> from darts_tf.data import picture_file
    >>> lying = np.array([[[1], [2], [3]]])  # its left side is up
    >>> picture_file.turned(lying, 6)[..., 0].tolist()
    [[1], [2], [3]]
    """
    if orientation >= 5:
        image = image.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    return image


def _of_exif(data):
    from PIL import Image

    exif = Image.Exif()
    try:
        exif.load(data)
        value = exif.get(_TAG)
    except _ERRORS:
        return UPRIGHT
    return value if value in range(1, 9) else UPRIGHT


def check_whole(content, name):
    """Raises an error that names a picture which is torn or none at all.

    TensorFlow's own does not say which of a million files it is. Only how a
    file begins and ends is looked at, which costs nothing; where that is odd,
    the picture is decoded.

    Args:
        content: Bytes of a picture.
        name: String, what to call it in the error.

    Raises:
        ValueError: If it cannot be decoded.

    Example:

    >>> from darts_tf.data import picture_file
    >>> picture_file.check_whole(b"<html>", "0.jpg")
    Traceback (most recent call last):
    ...
    ValueError: An image file ... Received: '0.jpg' (cannot identify ...
    """
    sound = (
        (content.startswith(b"\xff\xd8\xff") and content.endswith(b"\xff\xd9"))
        or (content.startswith(b"\x89PNG") and content[-8:-4] == b"IEND")
        or (content.startswith(b"GIF8") and content.endswith(b";"))
    )
    if not sound:
        read(io.BytesIO(content), name)
