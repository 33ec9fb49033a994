"""The most likely cell over the epochs, as an animation."""

import io
import itertools

from PIL import Image

from darts_tf.visualize import cells
from darts_tf.visualize import figure as figure_lib
from darts_tf.visualize import png

_FIRST_MS, _FURTHER_MS, _MAX_MS = 700, 150, 3000


def stages(trace):
    """Returns the most likely genotypes, each with its first and last epoch.

    Args:
        trace: A `SearchTrace`.

    Returns:
        A list of tuples `(first epoch, last epoch, genotype)`, one for each
        run of epochs with the same genotype.

    Example:

    >>> import darts_tf
    >>> from darts_tf import visualize
    >>> space = darts_tf.SearchSpace.recurrent(["none", "tanh", "relu"], 1)
    >>> tanh, relu = ({"recurrent": [row]} for row in ([0, 1, 0], [0, 0, 1]))
    >>> trace = visualize.SearchTrace(space, (0, 1, 2), (tanh, relu, relu))
    >>> [(first, last) for first, last, _ in visualize.stages(trace)]
    [(0, 0), (1, 2)]
    """
    found = zip(trace.epochs, trace.genotypes(), strict=True)
    result = []
    for genotype, group in itertools.groupby(found, key=lambda pair: pair[1]):
        epochs = [epoch for epoch, _ in group]
        result.append((epochs[0], epochs[-1], genotype))
    return result


def to_gif(trace, scale=1.0):
    """Draws a search as an animated GIF: the most likely cells over time.

    Successive epochs with the same cell are one picture, which is shown longer
    the more epochs there are.

    Args:
        trace: A `SearchTrace`.
        scale: Float, pixels of the image for each unit of a figure. Defaults
            to `1.0`.

    Returns:
        Bytes, a GIF file.

    Example:

    >>> import darts_tf
    >>> from darts_tf import visualize
    >>> space = darts_tf.SearchSpace.recurrent(["none", "tanh"], 1)
    >>> trace = visualize.SearchTrace(space, (0,), ({"recurrent": [[0, 1]]},))
    >>> visualize.to_gif(trace)[:6]
    b'GIF89a'
    """
    found = stages(trace)
    figures = [
        figure_lib.titled(
            cells.draw_genotype(genotype),
            f"epoch {first}" if first == last else f"epochs {first} to {last}",
        )
        for first, last, genotype in found
    ]
    # All pictures of an animation have one size.
    width = max(figure.width for figure in figures)
    height = max(figure.height for figure in figures)
    images = [
        png.to_image(figure._replace(width=width, height=height), scale)
        for figure in figures
    ]
    # The other methods make the white ground grey.
    method = Image.Quantize.MAXCOVERAGE
    palette = images[0].quantize(64, method, dither=Image.Dither.NONE)
    frames = [
        image.quantize(palette=palette, dither=Image.Dither.NONE)
        for image in images
    ]
    file = io.BytesIO()
    frames[0].save(
        file,
        format="GIF",
        save_all=True,
        append_images=frames[1:],
        duration=[
            min(_FIRST_MS + _FURTHER_MS * (last - first), _MAX_MS)
            for first, last, _ in found
        ],
        loop=0,
    )
    return file.getvalue()
