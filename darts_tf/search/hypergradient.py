"""The gradient of the validation loss with respect to the alphas.

The bilevel problem (Eq. 3 and 4) is approximated by one virtual step,

    w' = w - xi * grad_w L_train(w, alpha)                            (Eq. 6)

which gives the hypergradient

    grad_alpha L_val(w', alpha)
        - xi * grad^2_{alpha,w} L_train(w, alpha) grad_w' L_val(w', alpha)
                                                                      (Eq. 7)

Everything here is a function of values: no variable is read or changed.
"""

import typing

import tensorflow as tf

from darts_tf.search import packing

METHODS = ("first_order", "finite_difference", "exact")


def check_method(hypergradient, xi, epsilon):
    """Raises an error for options of the hypergradient that do not do.

    Args:
        hypergradient: String, the method.
        xi: Float or `None`, the length of the virtual step.
        epsilon: Float, of the finite difference.

    Raises:
        ValueError: If the method is unknown, or another does not apply to it
            or is out of range.
    """
    if hypergradient not in METHODS:
        raise ValueError(
            f"`hypergradient` must be one of {METHODS}. "
            f"Received: hypergradient={hypergradient!r}"
        )
    if hypergradient == "first_order" and xi is not None:
        raise ValueError(
            "`xi` has no effect on the first-order hypergradient, where it "
            f"is 0. Received: hypergradient={hypergradient!r}, xi={xi}"
        )
    if hypergradient != "finite_difference" and epsilon != 0.01:
        raise ValueError(
            "`epsilon` belongs to hypergradient='finite_difference'. "
            f"Received: hypergradient={hypergradient!r}, epsilon={epsilon}"
        )
    if not epsilon > 0 or (xi is not None and not xi >= 0):
        raise ValueError(
            "`epsilon` must be positive and `xi` not negative. "
            f"Received: epsilon={epsilon}, xi={xi}"
        )


class Evaluation(typing.NamedTuple):
    """A loss, its gradients where asked for, and what came with it."""

    loss: typing.Any
    weight_gradients: typing.Any
    alpha_gradients: typing.Any
    auxiliary: typing.Any


class Hypergradient(typing.NamedTuple):
    """The gradient for the alphas, and the validation loss it belongs to."""

    loss: typing.Any
    gradients: typing.Any
    auxiliary: typing.Any


class Objective:
    """A loss L(w, alpha) with the derivatives that the hypergradient needs.

    Each derivative is traced once and called wherever it is needed, so that
    the graph of a second-order step is not five times that of one pass.

    Args:
        loss: Callable `loss(weights, alphas, *arguments)` that returns a
            scalar and an auxiliary structure of tensors, from two lists of
            tensors.
        variables: Optional callable that returns a pair of lists of Keras
            variables, whose values the weights and the alphas are. Then
            weights, their gradients and the vectors in their space go from
            function to function as `packing.pack` returns them, and error
            messages have names. Defaults to `None`, lists of tensors.
        traced: Boolean, whether to compile the derivatives into graphs.
            Defaults to `True`.
        joint: Boolean, whether the gradient for the weights comes with that
            for the alphas: a graph less to build, for sums that take about a
            hundredth of a pass. Defaults to `False`.

    Example:

    >>> objective = darts_tf.search.Objective(
    ...     lambda w, alphas: (w[0] * alphas[0] ** 2, None)
    ... )
    >>> w, alphas = [keras.ops.array(3.0)], [keras.ops.array(5.0)]
    >>> objective.gradients(w, alphas, wrt="alphas").alpha_gradients[0].numpy()
    np.float32(30.0)
    """

    def __init__(self, loss, variables=None, traced=True, joint=False):
        self._loss = loss
        self._variables = variables
        self._derivatives = {
            "weights": self._weight_gradients,
            "alphas": self._alpha_gradients,
            "both": self._both_gradients,
            "mixed": self._mixed_product,
            "alpha_hessian": self._alpha_hessian_product,
        }
        if joint:
            self._derivatives["weights"] = self._both_gradients
        if traced:
            graphs = {
                function: tf.function(function, autograph=False)
                for function in self._derivatives.values()
            }
            self._derivatives = {
                name: graphs[function]
                for name, function in self._derivatives.items()
            }

    def build_graph(self, derivative, *arguments):
        """Traces a derivative before its first call.

        Args:
            derivative: String, a `wrt` of `gradients`, or `"mixed"`.
            *arguments: Those of the call; in the place of tensors there may be
                `tf.TensorSpec`, of shapes that are not wholly known.
        """
        self._derivatives[derivative].get_concrete_function(*arguments)

    def gradients(self, weights, alphas, *arguments, wrt="both"):
        """Evaluates the loss and its gradients.

        Args:
            weights: List of tensors, the network weights.
            alphas: List of tensors, the architecture logits.
            *arguments: What else the loss takes.
            wrt: String, `"weights"`, `"alphas"` or `"both"`; only what is
                asked for is computed, unless the objective is `joint`.
                Defaults to `"both"`.

        Returns:
            An `Evaluation`; gradients that were not computed are empty.
        """
        return self._derivatives[wrt](weights, alphas, *arguments)

    def mixed_product(self, weights, alphas, vector, *arguments):
        """Multiplies the mixed second derivative by a vector, exactly.

        Args:
            weights: List of tensors, the network weights.
            alphas: List of tensors, the architecture logits.
            vector: List of tensors of the shapes of `weights`.
            *arguments: What else the loss takes.

        Returns:
            List of tensors of the shapes of `alphas`: the gradient with
            respect to alpha of the product of `vector` and the gradient with
            respect to w.
        """
        return self._derivatives["mixed"](weights, alphas, vector, *arguments)

    def alpha_hessian_product(self, weights, alphas, vector, *arguments):
        """Multiplies the second derivative in alpha by a vector, exactly.

        Args:
            weights: List of tensors, the network weights.
            alphas: List of tensors, the architecture logits.
            vector: List of tensors of the shapes of `alphas`.
            *arguments: What else the loss takes.

        Returns:
            List of tensors of the shapes of `alphas`.
        """
        return self._derivatives["alpha_hessian"](
            weights, alphas, vector, *arguments
        )

    def _weight_gradients(self, weights, alphas, *arguments):
        return self._evaluate(weights, alphas, arguments, "weights")

    def _alpha_gradients(self, weights, alphas, *arguments):
        return self._evaluate(weights, alphas, arguments, "alphas")

    def _both_gradients(self, weights, alphas, *arguments):
        return self._evaluate(weights, alphas, arguments, "both")

    def _evaluate(self, weights, alphas, arguments, wrt):
        weights = self._unpack(weights)
        watched = [
            [] if wrt == "alphas" else weights,
            [] if wrt == "weights" else alphas,
        ]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(watched)
            loss, auxiliary = self._loss(weights, alphas, *arguments)
        weight_gradients, alpha_gradients = tape.gradient(loss, watched)
        self._check(weight_gradients, alpha_gradients)
        return Evaluation(
            loss, self._pack(weight_gradients), alpha_gradients, auxiliary
        )

    def _unpack(self, weights):
        if self._variables is None:
            return weights
        return packing.unpack(weights, self._variables()[0])

    def _pack(self, gradients):
        return gradients if self._variables is None else packing.pack(gradients)

    def _mixed_product(self, weights, alphas, vector, *arguments):
        weights, vector = self._unpack(weights), self._unpack(vector)
        with tf.GradientTape(watch_accessed_variables=False) as outer:
            outer.watch(alphas)
            with tf.GradientTape(watch_accessed_variables=False) as inner:
                inner.watch(weights)
                loss, _ = self._loss(weights, alphas, *arguments)
            gradients = inner.gradient(loss, weights)
            self._check(gradients, [])
            product = _dot(gradients, vector)
        products = outer.gradient(product, alphas)
        self._check([], products)
        return products

    def _alpha_hessian_product(self, weights, alphas, vector, *arguments):
        with tf.GradientTape(watch_accessed_variables=False) as outer:
            outer.watch(alphas)
            gradients = self._evaluate(
                weights, alphas, arguments, "alphas"
            ).alpha_gradients
            product = _dot(gradients, vector)
        products = outer.gradient(product, alphas)
        self._check([], products)
        return products

    def _check(self, weight_gradients, alpha_gradients):
        """A missing gradient is a mistake in the model, never a zero."""
        groups = (weight_gradients, alpha_gradients)
        missing = [
            self._variables()[group][k].path
            if self._variables
            else f"number {k}"
            for group, gradients in enumerate(groups)
            for k, gradient in enumerate(gradients)
            if gradient is None
        ]
        if missing:
            raise ValueError(
                "Expected the loss to depend on every network weight and every "
                f"alpha. Received a loss without gradient for: {missing}"
            )


class Bound(typing.NamedTuple):
    """An objective with the arguments of one batch."""

    objective: Objective
    arguments: tuple = ()

    def gradients(self, weights, alphas, wrt="both"):
        """Calls `Objective.gradients` on the batch."""
        return self.objective.gradients(
            weights, alphas, *self.arguments, wrt=wrt
        )

    def mixed_product(self, weights, alphas, vector):
        """Calls `Objective.mixed_product` on the batch."""
        return self.objective.mixed_product(
            weights, alphas, vector, *self.arguments
        )

    def alpha_hessian_product(self, weights, alphas, vector):
        """Calls `Objective.alpha_hessian_product` on the batch."""
        return self.objective.alpha_hessian_product(
            weights, alphas, vector, *self.arguments
        )


def first_order_hypergradient(validation, weights, alphas):
    """Takes w as it is for the best response: Eq. 7 with xi = 0.

    Args:
        validation: A `Bound`, the validation loss.
        weights: List of tensors, w.
        alphas: List of tensors, alpha.

    Returns:
        A `Hypergradient`, with the loss at w.
    """
    evaluation = validation.gradients(weights, alphas, wrt="alphas")
    return Hypergradient(
        evaluation.loss, evaluation.alpha_gradients, evaluation.auxiliary
    )


def unrolled_hypergradient(
    train,
    validation,
    weights,
    alphas,
    xi,
    virtual_step,
    mixed_product,
    clip=None,
):
    """Differentiates through one virtual step of the weights: Eq. 7.

    With `clip`, the step is w' = w - xi * c * grad_w L_train, c being the
    coefficient that brings the gradient down to the largest norm, and so the
    second term of Eq. 7 is multiplied by c. That c depends on alpha, too, is
    left out: its derivative would take the part along grad_w L_train out of
    the vector grad_w' L_val. The vector is clipped itself, which bounds the
    second term and has no place in Eq. 7. Both are as published for recurrent
    cells, and hold for either `mixed_product`.

    Args:
        train: A `Bound`, the training loss.
        validation: A `Bound`, the validation loss.
        weights: List of tensors, w.
        alphas: List of tensors, alpha.
        xi: Scalar, the length of the virtual step.
        virtual_step: Callable `virtual_step(gradients, weights, xi)` that
            returns w' (Eq. 6).
        mixed_product: Callable `mixed_product(train, weights, alphas,
            vector)`, the product of the mixed second derivative and a vector:
            `finite_difference` or `exact`.
        clip: Optional callable `clip(gradients)` that returns the clipped
            gradients and the coefficient. Defaults to `None`, no clipping.

    Returns:
        A `Hypergradient`, with the loss at w'.

    Reference:
        Section 2.3 of the DARTS paper, arXiv:1806.09055.
    """
    gradients = train.gradients(weights, alphas, wrt="weights").weight_gradients
    factor = xi
    if clip is not None:
        gradients, coefficient = clip(gradients)
        factor = _like(xi, coefficient) * coefficient
    virtual_weights = virtual_step(gradients, weights, xi)
    evaluation = validation.gradients(virtual_weights, alphas)
    vector = evaluation.weight_gradients
    if clip is not None:
        vector, _ = clip(vector)
    products = mixed_product(train, weights, alphas, vector)
    hypergradient = [
        gradient - _like(factor, gradient) * product
        for gradient, product in zip(
            evaluation.alpha_gradients, products, strict=True
        )
    ]
    return Hypergradient(evaluation.loss, hypergradient, evaluation.auxiliary)


def sgd_step(gradients, weights, xi):
    """Takes one step of plain gradient descent, the virtual step of Eq. 6.

    Args:
        gradients: List of tensors.
        weights: List of tensors.
        xi: Scalar, the length of the step.

    Returns:
        List of tensors.
    """
    return [
        w - _like(xi, w) * gradient
        for w, gradient in zip(weights, gradients, strict=True)
    ]


def finite_difference(epsilon=0.01):
    """Approximates the mixed second derivative by two gradients (Eq. 8).

        (grad_alpha L(w+, alpha) - grad_alpha L(w-, alpha)) / (2 * epsilon')
        where w+- = w +- epsilon' * v  and  epsilon' = epsilon / ||v||

    Args:
        epsilon: Float, the length of the whole displacement of w. Defaults to
            `0.01`, the paper's.

    Returns:
        Callable for the `mixed_product` of `unrolled_hypergradient`.

    Reference:
        Eq. 8 and footnote 2 of the DARTS paper, arXiv:1806.09055.
    """

    def mixed_product(train, weights, alphas, vector):
        norm = tf.sqrt(_dot(vector, vector))
        # Where the vector is zero so is the product; avoid 0 / 0.
        scaled = tf.where(norm > 0, epsilon / norm, tf.zeros_like(norm))
        half_inverse = tf.where(
            norm > 0, norm / (2 * epsilon), tf.zeros_like(norm)
        )

        def displaced(sign):
            return [
                w + sign * _like(scaled, w) * v
                for w, v in zip(weights, vector, strict=True)
            ]

        plus = train.gradients(displaced(1), alphas, wrt="alphas")
        # One after the other: side by side they would need twice the memory.
        with tf.control_dependencies([plus.loss]):
            displaced_back = [tf.identity(w) for w in displaced(-1)]
        minus = train.gradients(displaced_back, alphas, wrt="alphas")
        return [
            (a - b) * _like(half_inverse, a)
            for a, b in zip(
                plus.alpha_gradients, minus.alpha_gradients, strict=True
            )
        ]

    return mixed_product


def exact(train, weights, alphas, vector):
    """Differentiates twice: the `mixed_product` without approximation.

    Args:
        train: A `Bound`, the training loss.
        weights: List of tensors, w.
        alphas: List of tensors, alpha.
        vector: List of tensors of the shapes of `weights`.

    Returns:
        List of tensors of the shapes of `alphas`.
    """
    return train.mixed_product(weights, alphas, vector)


def _like(value, tensor):
    """Returns a number with a tensor's type, not rounded on the way."""
    if isinstance(value, float | int):
        return tf.constant(value, tensor.dtype)
    return tf.cast(value, tensor.dtype)


def _dot(left, right):
    return tf.add_n(
        [tf.reduce_sum(a * b) for a, b in zip(left, right, strict=True)]
    )
