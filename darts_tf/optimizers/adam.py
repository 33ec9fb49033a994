"""Adam with coupled weight decay."""

import keras

from darts_tf import checks
from darts_tf.optimizers import coupled_decay


@keras.saving.register_keras_serializable(package="darts_tf")
class Adam(coupled_decay.CoupledDecayOptimizer):
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

    >>> from darts_tf import optimizers
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
        checks.fraction(beta_1, "beta_1")
        checks.fraction(beta_2, "beta_2")
        checks.positive(epsilon, "epsilon")
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
            keras.ops.square(gradient) - square
        )
        self.assign(mean, new_mean)
        self.assign(square, new_square)
        # In float32 the first corrections would be off by 1e-5.
        step = keras.ops.cast(self.iterations + 1, "float64")
        mean_hat = new_mean / keras.ops.cast(1 - self.beta_1**step, dtype)
        square_hat = new_square / keras.ops.cast(1 - self.beta_2**step, dtype)
        rate = keras.ops.cast(learning_rate, dtype)
        self.assign_sub(
            variable,
            rate * mean_hat / (keras.ops.sqrt(square_hat) + self.epsilon),
        )

    def get_config(self):
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
        }
