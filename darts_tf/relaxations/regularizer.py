"""Terms on the loss of the alphas."""

import keras

from darts_tf import checks


class AlphaRegularizer:
    """A term that is added to the loss by which the alphas are trained.

    A subclass has `penalty`, and `get_config` for its arguments; register it
    with `keras.saving.register_keras_serializable`.

    Example:

    >>> class Small(darts_tf.relaxations.AlphaRegularizer):
    ...     def penalty(self, logits, progress):
    ...         return sum(keras.ops.sum(a * a) for a in logits.values())
    >>> model = darts_tf.DartsSearchModel(
    ...     filters=2, num_cells=3, alpha_regularizer=Small()
    ... )
    """

    def penalty(self, logits, progress):
        """Returns the term, a scalar tensor.

        Args:
            logits: Dictionary by cell type of tensors of shape
                `(num_edges, num_primitives)`, -infinity for primitives that
                an edge does not have.
            progress: Scalar tensor, the part of the epochs that is over.
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
class BetaDecay(AlphaRegularizer):
    r"""Holds the largest op weight of each edge back.

    With a factor that rises evenly from 0 to `strength` over the epochs, the
    term is, summed over the cell types,

        factor * mean over the edges of log sum over o of exp(alpha_o)

    whose gradient for alpha_o is factor * op_weight_o / num_edges: it pulls
    the alpha of an operation down the more, the larger its op weight, so that
    none runs away early.

    Args:
        strength: Float, not negative, which the factor approaches at the end.
            Defaults to `25.0`, that of the paper's space and 50 epochs; 50 is
            that of NAS-Bench-201 and 100.

    Raises:
        ValueError: If it is negative.

    Example:

    >>> decay = darts_tf.relaxations.BetaDecay(2.0)
    >>> logits = {"normal": np.zeros((3, 4))}
    >>> round(float(decay.penalty(logits, progress=0.5)), 6)  # log 4
    1.386294

    Reference:
        Eq. 9 of Ye et al., arXiv:2203.01665 (beta-DARTS).
    """

    def __init__(self, strength=25.0):
        checks.not_negative(strength, "strength")
        self.strength = strength

    def penalty(self, logits, progress):
        values = [keras.ops.convert_to_tensor(a) for a in logits.values()]
        factor = self.strength * keras.ops.cast(progress, values[0].dtype)
        return factor * sum(
            keras.ops.mean(keras.ops.logsumexp(a, axis=-1)) for a in values
        )

    def get_config(self):
        return {"strength": self.strength}
