"""A batch that is divided: among replicas, and into parts that fit."""

import typing

import keras
import tensorflow as tf

from darts_tf.search import objective
from darts_tf.search import replicas


class DividedBatch(typing.NamedTuple):
    """An objective on a batch: the mean over its parts, of all replicas.

    In the place of a `objective.Bound`. The parts are taken one after the
    other, so that only one of them is in memory at a time. All results are the
    same in all replicas, but for what comes with the loss, `auxiliary`: a list
    with what each part of this replica gave.

    Args:
        parts: List of `objective.Bound`, of equal parts of the batch.
    """

    parts: list

    def gradients(self, weights, alphas, wrt="both"):
        """Returns the `Evaluation` of the whole batch."""
        (loss,), *gradients, auxiliaries = self._mean(
            lambda part: part.gradients(weights, alphas, wrt),
            lambda evaluation: (
                [evaluation.loss],
                evaluation.weight_gradients,
                evaluation.alpha_gradients,
            ),
        )
        return objective.Evaluation(loss, *gradients, auxiliaries)

    def alpha_gradients_at(self, points, alphas):
        """Returns the gradients of `Objective.alpha_gradients_at`."""
        return self._mean_product(
            lambda part: part.alpha_gradients_at(points, alphas)
        )

    def mixed_product(self, weights, alphas, vector):
        """Returns the product of `Objective.mixed_product`."""
        return self._mean_product(
            lambda part: part.mixed_product(weights, alphas, vector)
        )

    def alpha_hessian_product(self, weights, alphas, vector):
        """Returns the product of `Objective.alpha_hessian_product`."""
        return self._mean_product(
            lambda part: part.alpha_hessian_product(weights, alphas, vector)
        )

    def _mean_product(self, evaluate):
        products, _ = self._mean(evaluate, lambda products: (products,))
        return products

    def _mean(self, evaluate, additive):
        """Returns the means of what is additive, and what each part gave."""
        sums, auxiliaries = [], []
        for part in self.parts:
            with tf.control_dependencies(sums):
                result = evaluate(part)
            auxiliaries.append(getattr(result, "auxiliary", None))
            values = keras.tree.flatten(additive(result))
            sums = (
                [a + b for a, b in zip(sums, values, strict=True)]
                if sums
                else values
            )
        if len(self.parts) > 1:
            sums = [value / len(self.parts) for value in sums]
        means = keras.tree.pack_sequence_as(
            additive(result), replicas.total(sums)
        )
        return *means, auxiliaries


def rows_of_parts(structure, num_parts):
    """Divides the rows of all tensors but scalars, which go to each part.

    Args:
        structure: Structure of tensors with equal, known numbers of rows, and
            of scalars and `None`.
        num_parts: Integer.

    Returns:
        List of structures.
    """
    if num_parts == 1:
        return [structure]

    def rows(tensor, part):
        if tensor is None or tensor.shape.rank == 0:
            return tensor
        size = tensor.shape[0] // num_parts
        return tensor[part * size : (part + 1) * size]

    return [
        keras.tree.map_structure(
            lambda tensor, part=part: rows(tensor, part), structure
        )
        for part in range(num_parts)
    ]


def spec_of_part(structure, num_parts):
    """Returns the shapes and types of what `rows_of_parts` returns.

    Args:
        structure: Structure of what has a shape and a type, and of `None`.
        num_parts: Integer.

    Returns:
        Structure of `tf.TensorSpec` and `None`.
    """

    def spec(tensor):
        if tensor is None:
            return None
        shape = list(tensor.shape)
        if shape and shape[0] is not None:
            shape[0] //= num_parts
        return tf.TensorSpec(shape, tensor.dtype)

    return keras.tree.map_structure(spec, structure)


def joined_rows(structures):
    """Joins the rows of parts: the reverse of `rows_of_parts`.

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
