"""Data sets as the data of a search: one for the weights, one for the alphas.

Arrays are turned into streams in `image_arrays` and `token_arrays`.
"""

import inspect

import tensorflow as tf


class DatasetPairs:
    """Two data sets of batches, or one of pairs of batches.

    Args:
        dataset: A `tf.data.Dataset` of batches for the weights, or of pairs;
            or a callable from the number of a step to an endless one of pairs
            that begins there.
        alpha_data: A `tf.data.Dataset` of batches for the alphas, or `None`
            with a data set of pairs.

    Raises:
        ValueError: If the two are not as described.
    """

    def __init__(self, dataset, alpha_data):
        self._from_step = dataset if callable(dataset) else None
        if callable(dataset):
            check_takes_step(dataset)
            dataset = dataset(0)
            _check_dataset(dataset)
        self._pairs = _paired(dataset, alpha_data)
        for name, data in (("x", dataset), ("alpha_data", alpha_data)):
            if data is not None and int(data.cardinality()) == 0:
                raise ValueError(
                    "A data set must have at least one batch; with "
                    "drop_remainder=True it has none if it is shorter than "
                    f"one. Received: {name} of cardinality 0"
                )
        self._num_steps = int(dataset.cardinality())

    @property
    def element_spec(self):
        """The pair of batches, as specs of tensors."""
        return self._pairs.element_spec

    @property
    def input_shape(self):
        """The shape of a batch of inputs."""
        return tuple(self.element_spec[0][0].shape)

    def check_for(self, supernet, loss):
        """Has nothing to check: the first step sees the batches."""

    def steps_per_epoch(self, requested):
        """Returns the number of steps in one pass over the weights' data.

        Args:
            requested: Optional integer, the user's choice.

        Returns:
            Integer.

        Raises:
            ValueError: If it is not known.
        """
        if requested is not None:
            return requested
        if self._num_steps < 1:
            raise ValueError(
                "The data set does not tell its length (or is endless or "
                "empty), so `steps_per_epoch` is needed. "
                f"Received: cardinality={self._num_steps}"
            )
        return self._num_steps

    def dataset(self, seed, start_step):
        """Returns the endless data set of pairs; their order is its own.

        Args:
            seed: Not used.
            start_step: Integer, the step at which to go on. A data set is read
                up to there, so that it must deliver the same each time.

        Returns:
            A `tf.data.Dataset` of pairs.
        """
        if self._from_step is not None:
            return self._from_step(start_step)
        return self._pairs.repeat().skip(start_step)


def is_dataset(x):
    """Tells whether an argument of `fit` is one that `DatasetPairs` takes.

    Args:
        x: What the user gave.

    Returns:
        Boolean.
    """
    return isinstance(x, tf.data.Dataset) or callable(x)


def refuse(kind, **arguments):
    """Raises an error for an argument that does not apply.

    Args:
        kind: String, what it does not apply to.
        **arguments: The arguments by name, `None` if they were not given.

    Raises:
        ValueError: If one of them is not `None`.
    """
    for name, value in arguments.items():
        if value is not None:
            raise ValueError(
                f"`{name}` does not apply to {kind}. "
                f"Received: {name} of {type(value)}"
            )


def check_takes_step(function):
    """Raises an error for a callable that cannot be an `x` of `fit`.

    Args:
        function: Callable.

    Raises:
        ValueError: If it does not take one argument, the number of a step.
    """
    try:
        inspect.signature(function).bind(0)
    except TypeError:
        raise ValueError(
            "A callable `x` must take the number of a step and return an "
            "endless tf.data.Dataset of pairs that begins there; for a "
            "generator use tf.data.Dataset.from_generator with an "
            f"`output_signature`. Received: x={function!r}"
        ) from None


def _check_dataset(dataset):
    if not isinstance(dataset, tf.data.Dataset):
        raise ValueError(
            "A callable `x` must return a tf.data.Dataset of pairs, from the "
            f"number of a step. Received: {type(dataset)} for step 0"
        )


def _paired(dataset, alpha_data):
    spec = dataset.element_spec
    is_paired = (
        isinstance(spec, tuple)
        and len(spec) == 2
        and all(
            isinstance(part, tuple) and len(part) in (2, 3) for part in spec
        )
    )
    if is_paired == (alpha_data is not None):
        raise ValueError(
            "Expected a data set of batches (x, y) with `alpha_data`, or one "
            "of pairs ((x, y), (x, y)) without; with images, dictionaries "
            'with "image" and "label" do, too. Received: elements of '
            f"{spec}, alpha_data={alpha_data}"
        )
    if is_paired:
        return dataset
    if not isinstance(alpha_data, tf.data.Dataset):
        raise ValueError(
            "`alpha_data` must be a tf.data.Dataset of batches. "
            f"Received: alpha_data of {type(alpha_data)}"
        )
    # Both are repeated before they are joined: neither starts again because
    # the other one ends.
    return tf.data.Dataset.zip((dataset.repeat(), alpha_data.repeat()))
