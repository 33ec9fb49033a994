"""Which task, and so which supernet, belongs to which kind of search space."""

import contextlib
import inspect

import keras

from darts_tf.search.tasks import image_task
from darts_tf.search.tasks import language_task
from darts_tf.spaces import search_space

_SPACES = {
    "conv": search_space.SearchSpace.conv,
    "recurrent": search_space.SearchSpace.recurrent,
}
_TASKS = {
    "conv": image_task.ImageTask,
    "recurrent": language_task.LanguageTask,
}


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


def make(space, seed, dtype, options):
    """Makes the task of a space, and its supernet.

    Args:
        space: A `darts_tf.SearchSpace`.
        seed: Integer, of the initial alphas.
        dtype: The dtype policy.
        options: Dictionary of the arguments of both.

    Returns:
        A `Task` and a Keras model.

    Raises:
        ValueError: If an option belongs to neither.
    """
    kind = _TASKS[space.kind]
    of_task = _arguments(kind)
    of_supernet = _arguments(kind.supernet_class)
    unknown = sorted(set(options) - set(of_task + of_supernet))
    if unknown:
        raise ValueError(
            "The arguments of a search in this space are "
            f"{of_task + of_supernet}. Received: {unknown}"
        )
    # Names of their own, so that the graph of a model loaded from a file is
    # that of the saved one to the last bit.
    task = kind(
        name="task", **{k: v for k, v in options.items() if k in of_task}
    )
    with _dtype_policy(dtype):
        supernet = kind.supernet_class(
            space,
            seed=seed,
            name="supernet",
            **{k: v for k, v in options.items() if k not in of_task},
        )
    return task, supernet


@contextlib.contextmanager
def _dtype_policy(policy):
    """Lets all layers that are made in the `with` block have the policy."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _arguments(kind):
    names = inspect.signature(kind).parameters
    return [n for n in names if n not in ("space", "seed", "args", "kwargs")]
