"""A batch that is divided: into micro-batches that fit, and among replicas."""

import typing

import keras
import tensorflow as tf

from darts_tf.distribution import replicas
from darts_tf.search import hypergradient


class MicroBatches(typing.NamedTuple):
    """A loss on a batch: the mean over its micro-batches, of all replicas.

    It wraps the `evaluate` of the loss on each micro-batch. These are taken one
    after the other, so that only one of them is in memory at a time. All
    results are the same in all replicas, but for what comes with the loss,
    `auxiliary`: a list of what came with each micro-batch of this replica.

    Args:
        losses: List of `BatchLoss`, of micro-batches of one size.
    """

    losses: list

    def evaluate(self, derivative, weights, alphas, vector=None):
        """Evaluates a derivative of the loss on the whole batch.

        Args:
            derivative: As for `Objective.evaluate`.
            weights: As for `Objective.evaluate`.
            alphas: As for `Objective.evaluate`.
            vector: As for `Objective.evaluate`. Defaults to `None`.

        Returns:
            As `Objective.evaluate`.
        """
        sums, auxiliary = [], []
        for loss in self.losses:
            with tf.control_dependencies(sums):
                result = loss.evaluate(derivative, weights, alphas, vector)
            if isinstance(result, hypergradient.Evaluation):
                auxiliary += result.auxiliary
                result = result._replace(auxiliary=())
            values = keras.tree.flatten(result)
            sums = (
                [a + b for a, b in zip(sums, values, strict=True)]
                if sums
                else values
            )
        if len(self.losses) > 1:
            sums = [value / len(self.losses) for value in sums]
        mean = keras.tree.pack_sequence_as(result, replicas.total(sums))
        if isinstance(mean, hypergradient.Evaluation):
            return mean._replace(auxiliary=auxiliary)
        return mean


def divided(structure, count):
    """Divides the rows of all tensors but scalars, which go to each.

    Args:
        structure: Structure of tensors with equal, known numbers of rows, and
            of scalars and `None`.
        count: Integer, the number of micro-batches.

    Returns:
        List of structures.
    """
    if count == 1:
        return [structure]

    def rows(tensor, number):
        if tensor is None or tensor.shape.rank == 0:
            return tensor
        size = tensor.shape[0] // count
        return tensor[number * size : (number + 1) * size]

    return [
        keras.tree.map_structure(
            lambda tensor, number=number: rows(tensor, number), structure
        )
        for number in range(count)
    ]


def specification(structure, count):
    """Returns the shapes and types of what `divided` returns.

    Args:
        structure: Structure of what has a shape and a type, and of `None`.
        count: Integer, the number of micro-batches.

    Returns:
        Structure of `tf.TensorSpec` and `None`.
    """

    def spec(tensor):
        if tensor is None:
            return None
        shape = list(tensor.shape)
        if shape and shape[0] is not None:
            shape[0] //= count
        return tf.TensorSpec(shape, tensor.dtype)

    return keras.tree.map_structure(spec, structure)


def joined(structures):
    """Joins the rows of micro-batches: the reverse of `divided`.

    Args:
        structures: Non-empty list of structures of tensors.

    Returns:
        A structure; its scalars are means.
    """
    if len(structures) == 1:
        return structures[0]
    return keras.tree.map_structure(
        lambda *tensors: (
            tf.concat(tensors, 0) if tensors[0].shape.rank else mean(tensors)
        ),
        *structures,
    )


def mean(tensors):
    """Returns the mean of a non-empty list of tensors, itself if of one."""
    if len(tensors) == 1:
        return tensors[0]
    return tf.add_n(tensors) / len(tensors)
