"""The two optimizers of the paper, with coupled weight decay.

The optimizers of Keras are the same in name but not in numbers. Theirs shrink
the weights apart from the gradient (decoupled decay), keep the learning rate
inside SGD's momentum, and add Adam's epsilon before the bias correction. With
a learning rate that changes, or with decay, the results drift apart.
"""

import keras
import tensorflow as tf

from darts_tf.search import replicas
from darts_tf.search.engine import packing

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

    >>> from darts_tf.search import optimizers
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


class _CoupledDecayOptimizer(keras.optimizers.Optimizer):
    """Clips the raw gradient, then adds the decay to it."""

    def __init__(self, learning_rate, coupled_weight_decay, **kwargs):
        _refuse_decoupled_decay(kwargs.pop("weight_decay", None))
        _check_not_negative("coupled_weight_decay", coupled_weight_decay)
        global_clipnorm = kwargs.get("global_clipnorm")
        if global_clipnorm is not None:
            _check_positive("global_clipnorm", global_clipnorm)
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


@keras.saving.register_keras_serializable(package="darts_tf")
class SGD(_CoupledDecayOptimizer):
    """Gradient descent with momentum and coupled decay, for network weights.

    With g the gradient, after clipping, and b the momentum buffer, from 0,

        b <- momentum * b + g + coupled_weight_decay * w
        w <- w - learning_rate * b

    `keras.optimizers.SGD` keeps `learning_rate * b` instead of b, so a lower
    learning rate reaches its momentum only by and by, and its decay bypasses
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

    >>> from darts_tf.search import optimizers
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
        _check_fraction("momentum", momentum)
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
        rate = _ops.cast(learning_rate, variable.dtype)
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


@keras.saving.register_keras_serializable(package="darts_tf")
class Adam(_CoupledDecayOptimizer):
    """Adam with coupled decay, for the alphas.

    With g the gradient plus `coupled_weight_decay * alpha`, at step t,

        m <- beta_1 * m + (1 - beta_1) * g
        v <- beta_2 * v + (1 - beta_2) * g^2
        m_hat = m / (1 - beta_1^t),  v_hat = v / (1 - beta_2^t)
        alpha <- alpha - learning_rate * m_hat / (sqrt(v_hat) + epsilon)

    `keras.optimizers.Adam` decays apart from the gradient and adds its epsilon
    to sqrt(v), which makes it up to 32 times larger in the first steps.

    Args:
        learning_rate: Float, `LearningRateSchedule` or callable. Defaults to
            `3e-4`.
        beta_1: Float, decay of the mean of the gradient, in [0, 1). Defaults
            to `0.5`.
        beta_2: Float, decay of the mean of its square, in [0, 1). Defaults to
            `0.999`.
        epsilon: Float, what keeps the division finite, positive. Defaults to
            `1e-8`.
        coupled_weight_decay: Float, factor of the alphas that is added to
            their gradient, not negative. Defaults to `1e-3`.
        **kwargs: Other arguments of `keras.optimizers.Optimizer`, except
            `weight_decay`.

    Raises:
        ValueError: If an argument is out of its range, or `weight_decay`,
            which Keras decouples, is given.

    Example:

    >>> from darts_tf.search import optimizers
    >>> alpha = keras.Variable([0.0])
    >>> optimizer = optimizers.Adam(learning_rate=0.25)
    >>> optimizer.apply([np.array([3.0], "float32")], [alpha])
    >>> alpha.numpy()
    array([-0.25], dtype=float32)

    Reference:
        Kingma and Ba, arXiv:1412.6980, Algorithm 1; Appendix A.1.1 of the
        DARTS paper, arXiv:1806.09055.
    """

    def __init__(
        self,
        learning_rate=3e-4,
        beta_1=0.5,
        beta_2=0.999,
        epsilon=1e-8,
        coupled_weight_decay=1e-3,
        **kwargs,
    ):
        _check_fraction("beta_1", beta_1)
        _check_fraction("beta_2", beta_2)
        _check_positive("epsilon", epsilon)
        super().__init__(learning_rate, coupled_weight_decay, **kwargs)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def build(self, variables):
        """Creates m and v, zeros, for each variable."""
        if self.built:
            return
        super().build(variables)
        self._means, self._squares = self.add_optimizer_variables(
            variables, ["mean", "square"]
        )

    def update_step(self, gradient, variable, learning_rate):
        """Updates one variable and its two means."""
        dtype = variable.dtype
        index = self._get_variable_index(variable)
        mean, square = self._means[index], self._squares[index]
        # By differences, so that the rounded factors still add up to 1.
        new_mean = mean + (1 - self.beta_1) * (gradient - mean)
        new_square = square + (1 - self.beta_2) * (
            _ops.square(gradient) - square
        )
        self.assign(mean, new_mean)
        self.assign(square, new_square)
        # In float32 the first corrections would be off by 1e-5.
        step = _ops.cast(self.iterations + 1, "float64")
        mean_hat = new_mean / _ops.cast(1 - self.beta_1**step, dtype)
        square_hat = new_square / _ops.cast(1 - self.beta_2**step, dtype)
        rate = _ops.cast(learning_rate, dtype)
        self.assign_sub(
            variable, rate * mean_hat / (_ops.sqrt(square_hat) + self.epsilon)
        )

    def get_config(self):
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
        }


def _handle(variable):
    """Returns the resource of a Keras variable or of TensorFlow's."""
    if isinstance(variable, keras.Variable):
        variable = variable.value
    return variable.handle


def _refuse_decoupled_decay(weight_decay):
    if weight_decay is not None:
        raise ValueError(
            "Keras decouples `weight_decay` from the gradient; use "
            "`coupled_weight_decay` instead. "
            f"Received: weight_decay={weight_decay}"
        )


def _check_not_negative(name, value):
    if not value >= 0:
        raise ValueError(f"`{name}` must be >= 0. Received: {name}={value}")


def _check_positive(name, value):
    if not value > 0:
        raise ValueError(f"`{name}` must be > 0. Received: {name}={value}")


def _check_fraction(name, value):
    if not 0 <= value < 1:
        raise ValueError(
            f"`{name}` must be in [0, 1). Received: {name}={value}"
        )
