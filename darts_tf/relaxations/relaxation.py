"""How op weights come from alphas: Eq. 2, and with a temperature."""

import keras

from darts_tf import checks


class Relaxation:
    """How op weights come from the alphas of a cell type.

    A subclass has `op_weights`, and `get_config` for its arguments; register
    it with `keras.saving.register_keras_serializable`.

    Example:

    >>> class Sigmoid(darts_tf.relaxations.Relaxation):
    ...     def op_weights(self, logits, moment):
    ...         return keras.ops.sigmoid(logits)
    >>> supernet = darts_tf.ConvSupernet(
    ...     filters=2, num_cells=3, relaxation=Sigmoid()
    ... )
    """

    def op_weights(self, logits, moment):
        """Returns op weights.

        Args:
            logits: Tensor of shape `(num_edges, num_primitives)`, -infinity
                for primitives that an edge does not have.
            moment: A `darts_tf.relaxations.moment.Moment`.

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
class Softmax(Relaxation):
    """A softmax with a temperature, which may fall during the search.

    op_weights = softmax(alpha / T); a temperature T below 1 makes choices
    sharper, and one that falls from epoch to epoch lets the search make up its
    mind slowly. Between the first and the last epoch it changes by equal
    factors.

    Args:
        temperature: Positive float, in the first epoch. Defaults to `1.0`.
        final_temperature: Optional positive float, which it approaches at the
            end. Defaults to `None`, the same.

    Raises:
        ValueError: If a temperature is not positive.

    Example:

    >>> from darts_tf.relaxations import moment
    >>> relaxation = darts_tf.relaxations.Softmax(1.0, 0.25)
    >>> half_way = moment.Moment(0, True, 0.5, 0)
    >>> logits = np.log([[1.0, 3.0]])  # at T = 0.5 they count twice
    >>> relaxation.op_weights(logits, half_way).numpy().round(3).tolist()
    [[0.1, 0.9]]
    """

    def __init__(self, temperature=1.0, final_temperature=None):
        checks.positive(temperature, "temperature")
        if final_temperature is None:
            final_temperature = temperature
        checks.positive(final_temperature, "final_temperature")
        self.temperature = temperature
        self.final_temperature = final_temperature

    def op_weights(self, logits, moment):
        logits = keras.ops.convert_to_tensor(logits)
        ratio = self.final_temperature / self.temperature
        progress = keras.ops.cast(moment.progress, logits.dtype)
        temperature = self.temperature * keras.ops.power(
            keras.ops.cast(ratio, logits.dtype), progress
        )
        return keras.ops.softmax(logits / temperature, axis=-1)

    def get_config(self):
        return {
            "temperature": self.temperature,
            "final_temperature": self.final_temperature,
        }
