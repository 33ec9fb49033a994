"""The two updates of a step, of which each is one graph."""

import tensorflow as tf

from darts_tf.distribution import replicas
from darts_tf.optimizers import packing
from darts_tf.search.engine import micro_batches
from darts_tf.search.engine import random_state

NOT_FINITE = "Expected a finite loss"


class Updates:
    """Applies gradients to the variables of a search model.

    Args:
        model: A compiled `DartsSearchModel`.
    """

    def __init__(self, model):
        self._model = model

    def alphas(self, loss, gradients, carried):
        """Takes the step of the alphas and returns the loss."""
        model = self._model
        loss = _check_finite(loss, gradients)
        with tf.control_dependencies([loss]):
            # An optimizer adds up over the replicas.
            model.alpha_optimizer.apply(
                [replicas.share(g) for g in gradients], model.alphas
            )
            _assign(model.task.carried("alphas"), _joined_rows(carried))
        return loss

    def weights(self, loss, gradients, states, carried, learning_rate_scale):
        """Takes the step of the weights and returns the loss."""
        model = self._model
        loss = _check_finite(loss, gradients)
        with tf.control_dependencies([loss]):
            self._apply(gradients, learning_rate_scale)
            for variable, value in zip(
                model.supernet.non_trainable_variables,
                self._joined_state(states),
                strict=True,
            ):
                if not random_state.is_moment(variable):
                    variable.assign(value)
            _assign(model.task.carried("weights"), _joined_rows(carried))
        return loss

    def _joined_state(self, states):
        """Returns the state after the whole batch, from those of its parts.

        The moving statistics, which each part moved from where they were, are
        averaged; so they move once, at their usual pace.
        """
        variables = self._model.supernet.non_trainable_variables
        states = [packing.unpack(state, variables) for state in states]
        state = [
            values[0]
            if random_state.is_random_state(variable)
            else micro_batches.mean(values)
            for variable, *values in zip(variables, *states, strict=True)
        ]
        return random_state.advanced(
            variables, state, -random_state.of_replica()
        )

    def _apply(self, gradients, learning_rate_scale):
        """Applies the gradients, at the learning rate of the batch."""
        optimizer, weights = self._model.optimizer, self._model.network_weights
        gradients = packing.unpack(
            [replicas.share(gradient) for gradient in gradients], weights
        )
        if learning_rate_scale is None:
            optimizer.apply(gradients, weights)
            return
        # Through the variable, so that it serves every optimizer; what is
        # written back is what was read, to the last bit.
        rate = tf.identity(tf.convert_to_tensor(optimizer.learning_rate))
        optimizer.learning_rate = rate * tf.cast(
            learning_rate_scale, rate.dtype
        )
        optimizer.apply(gradients, weights)
        optimizer.learning_rate = rate


def _joined_rows(carried):
    """Returns what is carried on, of all parts and replicas."""
    return [replicas.all_rows(value) for value in micro_batches.joined(carried)]


def _check_finite(loss, gradients):
    """Returns the loss, or fails if it or a gradient is not finite."""
    norm = tf.add_n([tf.reduce_sum(tf.abs(g)) for g in gradients])
    with tf.control_dependencies(
        [tf.debugging.check_numerics(norm, NOT_FINITE)]
    ):
        return tf.debugging.check_numerics(loss, NOT_FINITE)


def _assign(variables, values):
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
