"""Noise on op weights while the weights are trained."""

import keras
import numpy as np

from darts_tf.relaxations import noise_kernels


class Perturbation:
    """What is done to op weights in the phase of the weights.

    A subclass has `perturbed`, and `get_config` for its arguments; register it
    with `keras.saving.register_keras_serializable`.

    Example:

    >>> class Equal(darts_tf.relaxations.Perturbation):
    ...     def perturbed(self, op_weights, parametric, moment, number):
    ...         return keras.ops.ones_like(op_weights) / op_weights.shape[1]
    >>> supernet = darts_tf.ConvSupernet(
    ...     filters=2, num_cells=3, perturbation=Equal()
    ... )
    """

    def perturbed(self, op_weights, parametric, moment, number):
        """Returns what the weights are trained with.

        Args:
            op_weights: Tensor of shape `(num_edges, num_primitives)`.
            parametric: Boolean array of that shape, what has weights.
            moment: A `darts_tf.relaxations.moment.Moment`.
            number: Integer, that of the cell type.

        Returns:
            Tensor of the same shape.
        """
        raise NotImplementedError(type(self).__name__)

    def get_config(self):
        """Returns the arguments of the constructor."""
        return {}

    @classmethod
    def from_config(cls, config):
        """Returns the object that `get_config` describes."""
        return cls(**config)


@keras.saving.register_keras_serializable(package="darts_tf")
class RandomSmoothing(Perturbation):
    """Adds uniform noise, so that the loss must be flat around the alphas.

    With eps rising evenly from `start` to `end` over the epochs,

        u ~ Uniform(-eps, eps);   clip(op_weight + u, 0, 1), each row divided
        by its sum

    A row without a positive entry gets 1 at its largest sum.

    Args:
        end: Float in [0, 1], which eps approaches at the end. Defaults to
            `0.3`.
        start: Float in [0, 1], eps in the first epoch. Defaults to `0.03`.

    Raises:
        ValueError: If one is not in [0, 1].

    Example:

    >>> from darts_tf.relaxations import moment
    >>> noise = darts_tf.relaxations.RandomSmoothing()
    >>> rows = np.full((3, 4), 0.25)
    >>> now = moment.Moment(step=7, is_weight_phase=True, progress=0.5, seed=0)
    >>> noisy = noise.perturbed(rows, rows > 0, now, number=0).numpy()
    >>> noisy.sum(1).round(6).tolist(), bool((noisy != rows).all())
    ([1.0, 1.0, 1.0], True)

    Reference:
        Section 3.2 of Chen and Hsieh, arXiv:2002.05283 (SDARTS-RS).
    """

    def __init__(self, end=0.3, start=0.03):
        for name, value in (("end", end), ("start", start)):
            if not 0 <= value <= 1:
                raise ValueError(
                    f"`{name}` must be in [0, 1]. Received: {name}={value}"
                )
        self.end = end
        self.start = start

    def perturbed(self, op_weights, parametric, moment, number):
        op_weights = keras.ops.convert_to_tensor(op_weights)
        dtype = op_weights.dtype
        progress = keras.ops.cast(moment.progress, dtype)
        epsilon = self.start + (self.end - self.start) * progress
        draws = noise_kernels.uniform(moment, number, op_weights.shape, dtype)
        moved = op_weights + epsilon * (2 * draws - 1)
        # What an edge does not hold stays at 0.
        moved = keras.ops.where(op_weights > 0, moved, 0 * moved)
        clipped = keras.ops.clip(moved, 0, 1)
        total = keras.ops.sum(clipped, axis=-1, keepdims=True)
        largest = keras.ops.one_hot(
            keras.ops.argmax(moved, axis=-1), moved.shape[1], dtype=dtype
        )
        safe = keras.ops.where(total > 0, total, keras.ops.ones_like(total))
        return keras.ops.where(total > 0, clipped / safe, largest)

    def get_config(self):
        return {"end": self.end, "start": self.start}


@keras.saving.register_keras_serializable(package="darts_tf")
class EdgeMutation(Perturbation):
    """Gives some edges one operation with weights, drawn at random.

    With a probability that rises evenly from 0 to `probability` over the
    epochs, an edge has one of its operations with weights alone, each with
    equal probability. So these learn to work on their own, however small their
    op weight is. Each step draws once for each edge; cells of a type share the
    draw, as they share their op weights.

    Args:
        probability: Float in [0, 1], which is approached at the end. Defaults
            to `0.2`.

    Raises:
        ValueError: If it is not in [0, 1].

    Example:

    >>> from darts_tf.relaxations import moment
    >>> mutation = darts_tf.relaxations.EdgeMutation(1.0)
    >>> rows = np.full((2, 3), 1 / 3)
    >>> parametric = np.array([[False, False, True]] * 2)
    >>> end = moment.Moment(step=0, is_weight_phase=True, progress=1.0, seed=0)
    >>> mutation.perturbed(rows, parametric, end, number=0).numpy().tolist()
    [[0.0, 0.0, 1.0], [0.0, 0.0, 1.0]]

    Reference:
        EM-DARTS; the probabilities there are from 0.125 to 0.4.
    """

    def __init__(self, probability=0.2):
        if not 0 <= probability <= 1:
            raise ValueError(
                "`probability` must be in [0, 1]. "
                f"Received: probability={probability}"
            )
        self.probability = probability

    def perturbed(self, op_weights, parametric, moment, number):
        op_weights = keras.ops.convert_to_tensor(op_weights)
        dtype = op_weights.dtype
        rows, columns = op_weights.shape
        draws = noise_kernels.uniform(moment, number, (rows, 2), dtype)
        counts = np.sum(parametric, axis=1)
        # The number of the chosen one among those with weights.
        chosen = keras.ops.floor(draws[:, 1] * counts)
        ranks = np.where(parametric, np.cumsum(parametric, axis=1) - 1, -1)
        alone = keras.ops.cast(
            keras.ops.equal(
                keras.ops.cast(ranks, dtype), keras.ops.reshape(chosen, (-1, 1))
            ),
            dtype,
        )
        probability = self.probability * keras.ops.cast(moment.progress, dtype)
        mutates = keras.ops.logical_and(
            draws[:, :1] < probability, np.reshape(counts > 0, (-1, 1))
        )
        return keras.ops.where(mutates, alone, op_weights)

    def get_config(self):
        return {"probability": self.probability}


def parametric(space, cell_type):
    """Returns which operations have weights, edge by edge.

    Args:
        space: `darts_tf.SearchSpace`.
        cell_type: String.

    Returns:
        Boolean array of shape `space.alphas_shape`.

    Example:

    >>> from darts_tf.relaxations import perturbation
    >>> space = darts_tf.SearchSpace.nas_bench_201()
    >>> perturbation.parametric(space, "normal")[0].tolist()
    [False, False, True, True, False]
    """
    without = ("none",)
    if space.kind == "conv":
        without += ("skip_connect", "max_pool_3x3", "avg_pool_3x3")
    has_weights = np.array([name not in without for name in space.primitives])
    return space.mask(cell_type) & has_weights


def check(value, kind, name):
    """Returns an option, made of its config if need be.

    Args:
        value: `None`, an instance of the kind, or its serialized form.
        kind: The class.
        name: String, that of the argument.

    Raises:
        ValueError: If it is something else.
    """
    if isinstance(value, dict):
        value = keras.saving.deserialize_keras_object(value)
    if value is not None and not isinstance(value, kind):
        raise ValueError(
            f"`{name}` must be a darts_tf.relaxations.{kind.__name__}. "
            f"Received: {name}={value!r}"
        )
    return value
