"""Gradient descent with momentum and coupled weight decay."""

import keras
import tensorflow as tf

from darts_tf import checks
from darts_tf.optimizers import coupled_decay
from darts_tf.optimizers import packing


@keras.saving.register_keras_serializable(package="darts_tf")
class SGD(coupled_decay.CoupledDecayOptimizer):
    """Gradient descent with momentum and coupled decay, for network weights.

    With g the gradient, after clipping, and b the momentum buffer, from 0,

        b <- momentum * b + g + coupled_weight_decay * w
        w <- w - learning_rate * b

    `keras.optimizers.SGD` keeps `learning_rate * b` instead of b, so a lower
    learning rate reaches its momentum only gradually, and its decay bypasses
    the momentum.

    Args:
        learning_rate: Float, `LearningRateSchedule` or callable. Defaults to
            `0.025`.
        momentum: Float, the part of the buffer that each step keeps, in
            [0, 1). Defaults to `0.9`.
        coupled_weight_decay: Float, factor of the weights that is added to
            their gradient, not negative. Defaults to `3e-4`.
        global_clipnorm: Float, the largest norm of all gradients together,
            before decay; see `clip_coefficient`. Under a distribution
            strategy it is the norm of the sum over the replicas. Defaults to
            `None`, no clipping; the paper uses 5.
        **kwargs: Other arguments of `keras.optimizers.Optimizer`, except
            `weight_decay`.

    Raises:
        ValueError: If an argument is out of its range, or `weight_decay`,
            which Keras decouples, is given.

    Example:

    >>> from darts_tf import optimizers
    >>> weight = keras.Variable([1.0])
    >>> optimizer = optimizers.SGD(0.5, 0.5, 0.0)
    >>> for _ in range(2):
    ...     optimizer.apply([np.array([1.0], "float32")], [weight])
    >>> weight.numpy()
    array([-0.25], dtype=float32)
    >>> optimizer.momentum_buffers([weight])[0].numpy()
    array([1.5], dtype=float32)

    Reference:
        Appendix A.1.1 of the DARTS paper, arXiv:1806.09055.
    """

    def __init__(
        self,
        learning_rate=0.025,
        momentum=0.9,
        coupled_weight_decay=3e-4,
        global_clipnorm=None,
        **kwargs,
    ):
        checks.fraction(momentum, "momentum")
        super().__init__(
            learning_rate,
            coupled_weight_decay,
            global_clipnorm=global_clipnorm,
            **kwargs,
        )
        self.momentum = momentum

    def build(self, variables):
        """Creates one buffer of zeros for each variable."""
        if self.built:
            return
        super().build(variables)
        self._buffers = (
            self.add_optimizer_variables(variables, "momentum")
            if self.momentum
            else []
        )

    def momentum_buffers(self, variables):
        """Returns the buffer b of each variable.

        Args:
            variables: List of variables that the optimizer was built with.

        Returns:
            List of variables of the same shapes.

        Raises:
            ValueError: If there are no buffers: before `build`, or without
                momentum.
        """
        if not self.built or not self.momentum:
            raise ValueError(
                "Buffers exist once the optimizer is built, with a positive "
                f"`momentum`. Received: built={self.built}, "
                f"momentum={self.momentum}"
            )
        return [self._buffers[self._get_variable_index(v)] for v in variables]

    def directions(self, gradients, values, variables):
        """Returns what a step would subtract, without taking it.

            g + coupled_weight_decay * w + momentum * b

        It is the direction of the virtual step w' = w - xi * direction
        (Eq. 6). Nothing is clipped and no buffer moves.

        Args:
            gradients: g of all variables, as `packing.pack` returns it.
            values: w, in the same form: where the gradients were taken.
            variables: List of the variables that the values belong to.

        Returns:
            List of tensors of the shapes of `gradients`.
        """
        decays = self._decays(values, variables)
        directions = [
            gradient + decay
            for gradient, decay in zip(gradients, decays, strict=True)
        ]
        if not self.momentum:
            return directions
        buffers = packing.pack(self.momentum_buffers(variables))
        return [
            direction + self.momentum * buffer
            for direction, buffer in zip(directions, buffers, strict=True)
        ]

    def update_step(self, gradient, variable, learning_rate):
        """Updates one variable and its buffer, by g as in the class's text."""
        rate = keras.ops.cast(learning_rate, variable.dtype)
        if not self.momentum:
            self.assign_sub(variable, rate * gradient)
            return
        buffer = self._buffers[self._get_variable_index(variable)]
        # One operation for the two lines of the class: with hundreds of
        # variables, single steps took two thirds of the time to build a graph.
        tf.raw_ops.ResourceApplyMomentum(
            var=_handle(variable),
            accum=_handle(buffer),
            lr=rate,
            grad=gradient,
            momentum=tf.constant(self.momentum, gradient.dtype),
        )

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "momentum": self.momentum}


def _handle(variable):
    """Returns the resource of a Keras variable or of TensorFlow's."""
    if isinstance(variable, keras.Variable):
        variable = variable.value
    return variable.handle
