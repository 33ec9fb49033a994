"""Coupled weight decay, which both optimizers of the paper have.

The optimizers of Keras are the same in name but not in numbers. Theirs shrink
the weights apart from the gradient (decoupled decay), keep the learning rate
inside SGD's momentum, and add Adam's epsilon before the bias correction. With
a learning rate that changes, or with decay, the results drift apart.
"""

import keras
import tensorflow as tf

from darts_tf import checks
from darts_tf.distribution import replicas
from darts_tf.optimizers import packing

_ops = keras.ops


def clip_coefficient(gradients, max_norm):
    """Returns the factor that brings gradients down to a global norm.

        min(1, max_norm / (||g|| + 1e-6))

    Args:
        gradients: List of tensors of any shapes; `||g||` is the Euclidean
            norm over all of them together.
        max_norm: Float, the largest norm to be let through.

    Returns:
        Scalar tensor, at most 1.

    Example:

    >>> from darts_tf import optimizers
    >>> gradients = [np.array([3.0, 0.0]), np.array([4.0])]
    >>> round(float(optimizers.clip_coefficient(gradients, 2.5)), 6)
    0.5
    """
    squares = [_ops.sum(_ops.square(gradient)) for gradient in gradients]
    # In this order: the graph optimiser would shuffle a chain of sums.
    norm = _ops.sqrt(tf.add_n(squares))
    # The 1e-6 is the official code's. Keras divides by the norm alone, which
    # is more by 1e-6 / ||g||: 2e-7 at the norm 5 of the convolutional search,
    # but 4e-6, thirty float32 roundings, at the norm 0.25 of the recurrent.
    return _ops.minimum(1.0, max_norm / (norm + 1e-6))


class CoupledDecayOptimizer(keras.optimizers.Optimizer):
    """Clips the raw gradient, then adds the decay to it."""

    def __init__(self, learning_rate, coupled_weight_decay, **kwargs):
        _refuse_decoupled_decay(kwargs.pop("weight_decay", None))
        checks.not_negative(coupled_weight_decay, "coupled_weight_decay")
        global_clipnorm = kwargs.get("global_clipnorm")
        if global_clipnorm is not None:
            checks.positive(global_clipnorm, "global_clipnorm")
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.coupled_weight_decay = coupled_weight_decay

    def apply(self, grads, trainable_variables=None):
        """Updates the variables.

        Args:
            grads: List of tensors. Sparse gradients are made dense, because
                decay and momentum reach every row anyway.
            trainable_variables: List of variables, one for each gradient.
                Defaults to `None`, those of `build`.
        """
        grads = [g if g is None else tf.convert_to_tensor(g) for g in grads]
        super().apply(replicas.total(grads), trainable_variables)

    def _all_reduce_sum_gradients(self, grads_and_vars):
        # Keras would add the replicas' gradients up here, after each replica
        # has clipped its own. `apply` has done so before.
        return grads_and_vars

    def get_config(self):
        """Returns the constructor's arguments."""
        config = super().get_config()
        del config["weight_decay"]  # refused by the constructor
        config["coupled_weight_decay"] = self.coupled_weight_decay
        return config

    def _clip_gradients(self, grads):
        # Keras calls this after unscaling and accumulating the gradients, and
        # `_backend_update_step`, which clips, right after it.
        if self.global_clipnorm is None:
            return super()._clip_gradients(grads)
        return grads

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        # As one vector: a formula on each of hundreds of gradients would be
        # most of the graph.
        grads = packing.pack(
            [
                _ops.cast(g, v.dtype)
                for g, v in zip(grads, trainable_variables, strict=True)
            ]
        )
        if self.global_clipnorm is not None:
            coefficient = clip_coefficient(grads, self.global_clipnorm)
            grads = [_ops.cast(coefficient, g.dtype) * g for g in grads]
        if self.coupled_weight_decay:
            values = packing.pack(trainable_variables)
            decays = self._decays(values, trainable_variables)
            grads = [g + decay for g, decay in zip(grads, decays, strict=True)]
        super()._backend_update_step(
            packing.unpack(grads, trainable_variables),
            trainable_variables,
            learning_rate,
        )

    def _decay_factor(self, variable):
        # `exclude_from_weight_decay` is Keras' and holds here too.
        decays = self._use_weight_decay(variable)
        return self.coupled_weight_decay if decays else 0.0

    def _decays(self, values, variables):
        """Returns the decay terms of packed values, packed."""
        factors = [self._decay_factor(variable) for variable in variables]
        if len(set(factors)) == 1:
            return [factors[0] * value for value in values]
        parts = packing.unpack(values, variables)
        return packing.pack(
            [f * part for f, part in zip(factors, parts, strict=True)]
        )


def _refuse_decoupled_decay(weight_decay):
    if weight_decay is not None:
        raise ValueError(
            "Keras decouples `weight_decay` from the gradient; use "
            "`coupled_weight_decay` instead. "
            f"Received: weight_decay={weight_decay}"
        )
