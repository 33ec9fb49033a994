"""Finds the search space that a trainer's flag names."""

import dataclasses
import pathlib

from trainers import late
from trainers import options

with late.imports():
    from darts_tf.files import json_file
    from darts_tf.spaces import search_space

HELP = (
    "conv, the paper's; nas_bench_201; or a file space.json, of a search or "
    "your own."
)
_NAMES = ("conv", "nas_bench_201")


@dataclasses.dataclass(frozen=True, kw_only=True)
class SpaceOption:
    """The option of a run on images that is its search space."""

    space: str = options.option(HELP, "conv")


def check(source: str) -> None:
    """Raises an error for a space that is not there, before TensorFlow loads.

    Args:
        source: String, as `read` takes it.

    Raises:
        ValueError: If it is neither a name nor a file.
    """
    if source not in _NAMES and not pathlib.Path(source).is_file():
        raise ValueError(
            f"`space` must be {HELP} Received: space={source!r}, which does "
            "not exist"
        )


def read(source: str) -> "search_space.SearchSpace":
    """Returns the convolutional search space that a flag names.

    Args:
        source: String, a name or the path of a file in JSON.

    Returns:
        A `darts_tf.SearchSpace`.

    Raises:
        ValueError: If the file does not hold a space, or a recurrent one.

    Example:

    >>> from trainers import spaces
    >>> spaces.read("nas_bench_201").count_cells()
    15625
    """
    if source in _NAMES:
        return getattr(search_space.SearchSpace, source)()
    try:
        space = search_space.SearchSpace.from_config(json_file.read(source))
    except ValueError as error:
        raise ValueError(
            f"`space` must be the file of a search space ({error}). "
            f"Received: space={source!r}"
        ) from error
    if space.kind != "conv":
        raise ValueError(
            "`space` must be one of convolutional cells. "
            f"Received: space={source!r}, which is of recurrent ones"
        )
    return space
