"""Which task, and so which supernet, belongs to which kind of search space."""

import contextlib

import keras

from darts_tf.search.tasks import image_task
from darts_tf.search.tasks import language_task
from darts_tf.search.tasks import own_supernet
from darts_tf.spaces import search_space

_SPACES = {
    "conv": search_space.SearchSpace.conv,
    "recurrent": search_space.SearchSpace.recurrent,
    "nas_bench_201": search_space.SearchSpace.nas_bench_201,
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
    if not isinstance(space, search_space.SearchSpace):
        raise ValueError(
            f"`space` must be one of {sorted(_SPACES)} or a SearchSpace. "
            f"Received: space={space!r}"
        )
    return space


def resolve_space_of(supernet, space):
    """Returns the search space of a search model.

    Args:
        supernet: The supernet that the user passed, or `None`.
        space: What the user passed as the space, or `None`.

    Returns:
        A `darts_tf.SearchSpace`.

    Raises:
        ValueError: If the kind is unknown, the supernet not as described in
            `own_supernet.check`, or its space another one.
    """
    if supernet is None:
        return resolve_space("conv" if space is None else space)
    own_supernet.check(supernet)
    searched = supernet.alphas.space
    if space is not None and resolve_space(space) != searched:
        raise ValueError(
            "`space` must be the space of the alphas of `supernet`, or left "
            f"out. Received: space={resolve_space(space)}, and a supernet "
            f"with alphas of {searched}"
        )
    return searched


def make(space, seed, dtype, supernet, options):
    """Makes the task of a space, and its supernet unless there is one.

    Args:
        space: A `darts_tf.SearchSpace`.
        seed: Integer, of the initial alphas.
        dtype: The dtype policy.
        supernet: The supernet that the user passed, or `None`.
        options: Dictionary of the arguments of the task and of the supernet
            that the user gave.

    Returns:
        A `Task` and a Keras model.

    Raises:
        ValueError: If an option does not apply to the space, or belongs to a
            supernet where one is given; or if the supernet does not fit the
            task.
    """
    kind = _TASKS[space.kind]
    of_task = _those_of(kind.arguments, options)
    of_supernet = _those_of(kind.supernet_arguments, options)
    for name, value in options.items():
        if name not in of_task and name not in of_supernet:
            (other,) = {"conv", "recurrent"} - {space.kind}
            raise ValueError(
                f"`{name}` applies to a space of the kind {other!r}; to this "
                f"one apply {kind.supernet_arguments + kind.arguments}. "
                f"Received: {name}={value!r} with a space of the kind "
                f"{space.kind!r}"
            )
        if supernet is not None and name in of_supernet:
            raise ValueError(
                f"`{name}` is an argument of the supernet that is made if "
                "there is none; a `supernet` of your own has its sizes "
                f"already. Received: {name}={value!r}, supernet={supernet!r}"
            )
    # Names of their own, so that the graph of a model loaded from a file is
    # that of the saved one to the last bit.
    task = kind(name="task", **of_task)
    if supernet is not None:
        task.check_supernet(supernet)
        return task, supernet
    with _dtype_policy(dtype):
        supernet = kind.supernet_class(
            space, seed=seed, name="supernet", **of_supernet
        )
    return task, supernet


def _those_of(names, options):
    return {name: options[name] for name in names if name in options}


@contextlib.contextmanager
def _dtype_policy(policy):
    """Lets all layers that are made in the `with` block have the policy."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
