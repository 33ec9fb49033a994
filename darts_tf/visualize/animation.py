"""The most likely cell over the epochs, as an animation."""

import io
import itertools

from PIL import Image

from darts_tf.visualize import cells
from darts_tf.visualize import figure as figure_lib
from darts_tf.visualize import png

_FIRST, _FURTHER, _LONGEST = 0.7, 0.15, 3.0  # seconds


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


def film(trace):
    """Draws the stages of a search, each as long to be shown as it lasted.

    Args:
        trace: A `SearchTrace`.

    Returns:
        A list of tuples `(figure, label, seconds)`; the figures have one size.

    Example:

    >>> import darts_tf
    >>> from darts_tf import visualize
    >>> from darts_tf.visualize import animation
    >>> space = darts_tf.SearchSpace.recurrent(["none", "tanh"], 1)
    >>> trace = visualize.SearchTrace(space, (0,), ({"recurrent": [[0, 1]]},))
    >>> [(label, seconds) for _, label, seconds in animation.film(trace)]
    [('epoch 0', 0.7)]
    """
    frames = []
    for first, last, genotype in stages(trace):
        label = f"epoch {first}" if first == last else f"epochs {first}-{last}"
        frames.append(
            (
                figure_lib.titled(cells.draw_genotype(genotype), label),
                label,
                min(_FIRST + _FURTHER * (last - first), _LONGEST),
            )
        )
    width = max(figure.width for figure, _, _ in frames)
    height = max(figure.height for figure, _, _ in frames)
    return [
        (figure._replace(width=width, height=height), label, seconds)
        for figure, label, seconds in frames
    ]


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
    frames = film(trace)
    images = [png.to_image(figure, scale) for figure, _, _ in frames]
    # The other methods make the white ground grey.
    method = Image.Quantize.MAXCOVERAGE
    palette = images[0].quantize(64, method, dither=Image.Dither.NONE)
    first, *others = [
        image.quantize(palette=palette, dither=Image.Dither.NONE)
        for image in images
    ]
    file = io.BytesIO()
    first.save(
        file,
        format="GIF",
        save_all=True,
        append_images=others,
        duration=[round(1000 * seconds) for _, _, seconds in frames],
        loop=0,
    )
    return file.getvalue()
