"""Which supernet belongs to which kind of search space."""

import inspect

from darts_tf.models import conv_supernet
from darts_tf.spaces import search_space

_SPACES = {"conv": search_space.SearchSpace.conv}
_SUPERNETS = {"conv": conv_supernet.ConvSupernet}


def resolve_space(space):
    """Returns the search space that an argument stands for.

    Args:
        space: String, a kind; a `darts_tf.SearchSpace`; or its config.

    Returns:
        A `darts_tf.SearchSpace`.

    Raises:
        ValueError: If the kind is unknown.
    """
    if isinstance(space, str):
        if space not in _SPACES:
            raise ValueError(
                f"`space` must be one of {sorted(_SPACES)} or a SearchSpace. "
                f"Received: space={space!r}"
            )
        return _SPACES[space]()
    if isinstance(space, dict):
        return search_space.SearchSpace.from_config(space)
    return space


def make_supernet(space, seed, dtype, options):
    """Makes the supernet of a space.

    Args:
        space: A `darts_tf.SearchSpace`.
        seed: Integer, of the initial alphas.
        dtype: The dtype policy.
        options: Dictionary of the supernet's own arguments.

    Returns:
        A Keras model.

    Raises:
        ValueError: If an option is none of the supernet's.
    """
    kind = _SUPERNETS[space.kind]
    known = [
        name
        for name in inspect.signature(kind).parameters
        if name not in ("space", "seed", "kwargs")
    ]
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise ValueError(
            f"The arguments of {kind.__name__} are {known}. Received: {unknown}"
        )
    # A name of its own, so that the graph of a model loaded from a file is that
    # of the saved one to the last bit.
    return kind(space, seed=seed, name="supernet", dtype=dtype, **options)
