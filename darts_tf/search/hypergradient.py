"""The gradient of the validation loss with respect to the alphas: Eq. 5 to 8.

The bilevel problem (Eq. 3 and 4) is approximated by one virtual step,

    w' = w - xi * grad_w L_train(w, alpha)                            (Eq. 6)

which stands in for the best weights in grad_alpha L_val(w', alpha) (Eq. 5) and
so gives the hypergradient

    grad_alpha L_val(w', alpha)
        - xi * grad^2_{alpha,w} L_train(w, alpha) grad_w' L_val(w', alpha)
                                                                      (Eq. 7)

The functions with a tape are the derivatives of a loss L(w, alpha), which is
any callable `loss(weights, alphas)` that returns the loss and what came with
it. The formulas take losses that have one method, `evaluate`, which applies a
derivative to the loss: `loss.evaluate(gradients, weights, alphas)`. How that is
executed, in a compiled graph, in micro-batches or on several devices, is the
engine's affair (`darts_tf.search.engine`).

Everything here is a function of values: no variable is read or changed.
"""

import typing

import tensorflow as tf

from darts_tf import checks

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
    checks.positive(epsilon, "epsilon")
    if xi is not None:
        checks.not_negative(xi, "xi")


class Evaluation(typing.NamedTuple):
    """A loss, its gradients where asked for, and what came with it."""

    loss: typing.Any
    weight_gradients: typing.Any
    alpha_gradients: typing.Any
    auxiliary: typing.Any


class Points(typing.NamedTuple):
    """Several weights: `evaluate` returns the alpha gradients at each."""

    weights: typing.Any


class MissingGradientError(ValueError):
    """A loss does not depend on what it is differentiated by.

    Args:
        weights: List of integers, which network weights have no gradient.
        alphas: List of integers, which alphas have none.
    """

    def __init__(self, weights, alphas):
        super().__init__(
            "Expected the loss to depend on every network weight and every "
            "alpha. Received a loss without gradient for: "
            f"weights {weights}, alphas {alphas}"
        )
        self.weights = weights
        self.alphas = alphas


def weight_gradients(loss, weights, alphas):
    """Differentiates a loss by w.

    Args:
        loss: Callable `loss(weights, alphas)` that returns a scalar and an
            auxiliary structure of tensors.
        weights: List of tensors, w.
        alphas: List of tensors, alpha.

    Returns:
        An `Evaluation` without gradients for alpha.
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(weights)
        value, auxiliary = loss(weights, alphas)
    by_weights = tape.gradient(value, weights)
    _check(by_weights, [])
    return Evaluation(value, by_weights, [], auxiliary)


def alpha_gradients(loss, weights, alphas):
    """Differentiates a loss by alpha; as `weight_gradients`."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(alphas)
        value, auxiliary = loss(weights, alphas)
    by_alphas = tape.gradient(value, alphas)
    _check([], by_alphas)
    return Evaluation(value, [], by_alphas, auxiliary)


def gradients(loss, weights, alphas):
    """Differentiates a loss by w and by alpha; as `weight_gradients`."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch([weights, alphas])
        value, auxiliary = loss(weights, alphas)
    by_weights, by_alphas = tape.gradient(value, [weights, alphas])
    _check(by_weights, by_alphas)
    return Evaluation(value, by_weights, by_alphas, auxiliary)


def mixed_product(loss, weights, alphas, vector):
    """Multiplies the mixed second derivative by a vector, exactly.

        grad_alpha (vector . grad_w L(w, alpha))

    which is the product in the second term of Eq. 7.

    Args:
        loss: Callable, as for `weight_gradients`.
        weights: List of tensors, w.
        alphas: List of tensors, alpha.
        vector: List of tensors of the shapes of `weights`.

    Returns:
        List of tensors of the shapes of `alphas`.
    """
    with tf.GradientTape(watch_accessed_variables=False) as outer:
        outer.watch(alphas)
        with tf.GradientTape(watch_accessed_variables=False) as inner:
            inner.watch(weights)
            value, _ = loss(weights, alphas)
        by_weights = inner.gradient(value, weights)
        _check(by_weights, [])
        product = dot(by_weights, vector)
    products = outer.gradient(product, alphas)
    _check([], products)
    return products


def alpha_hessian_product(loss, weights, alphas, vector):
    """Multiplies the second derivative in alpha by a vector, exactly.

    Args:
        loss: Callable, as for `weight_gradients`.
        weights: List of tensors, w.
        alphas: List of tensors, alpha.
        vector: List of tensors of the shapes of `alphas`.

    Returns:
        List of tensors of the shapes of `alphas`.
    """
    with tf.GradientTape(watch_accessed_variables=False) as outer:
        outer.watch(alphas)
        with tf.GradientTape(watch_accessed_variables=False) as inner:
            inner.watch(alphas)
            value, _ = loss(weights, alphas)
        by_alphas = inner.gradient(value, alphas)
        _check([], by_alphas)
        product = dot(by_alphas, vector)
    products = outer.gradient(product, alphas)
    _check([], products)
    return products


class Hypergradient(typing.NamedTuple):
    """The gradient for the alphas, and the validation loss it belongs to."""

    loss: typing.Any
    gradients: typing.Any
    auxiliary: typing.Any


def first_order_hypergradient(validation, weights, alphas):
    """Takes w as it is for the best response: Eq. 7 with xi = 0.

    Args:
        validation: The validation loss.
        weights: List of tensors, w.
        alphas: List of tensors, alpha.

    Returns:
        A `Hypergradient`, with the loss at w.
    """
    evaluation = validation.evaluate(alpha_gradients, weights, alphas)
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
    epsilon=None,
    clip=None,
):
    """Differentiates through one virtual step of the weights: Eq. 7.

    With `clip`, the step is w' = w - xi * c * grad_w L_train, c being the
    coefficient that brings the gradient down to the largest norm, and so the
    second term of Eq. 7 is multiplied by c. That c depends on alpha, too, is
    left out: its derivative would take the part along grad_w L_train out of
    the vector grad_w' L_val. The vector is clipped itself, which bounds the
    second term and has no place in Eq. 7. Both are as published for recurrent
    cells, and hold for either product.

    Args:
        train: The training loss.
        validation: The validation loss.
        weights: List of tensors, w.
        alphas: List of tensors, alpha.
        xi: Scalar, the length of the virtual step.
        virtual_step: Callable `virtual_step(gradients, weights, xi)` that
            returns w' (Eq. 6).
        epsilon: Optional float, the displacement of the finite difference for
            the second term (Eq. 8). Defaults to `None`, the exact product.
        clip: Optional callable `clip(gradients)` that returns the clipped
            gradients and the coefficient. Defaults to `None`, no clipping.

    Returns:
        A `Hypergradient`, with the loss at w'.

    Reference:
        Section 2.3 of the DARTS paper, arXiv:1806.09055.
    """
    slopes = train.evaluate(weight_gradients, weights, alphas).weight_gradients
    factor = xi
    if clip is not None:
        slopes, coefficient = clip(slopes)
        factor = _like(xi, coefficient) * coefficient
    virtual_weights = virtual_step(slopes, weights, xi)
    evaluation = validation.evaluate(gradients, virtual_weights, alphas)
    vector = evaluation.weight_gradients
    if clip is not None:
        vector, _ = clip(vector)
    if epsilon is None:
        products = train.evaluate(mixed_product, weights, alphas, vector)
    else:
        products = finite_difference(train, weights, alphas, vector, epsilon)
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


def finite_difference(train, weights, alphas, vector, epsilon=0.01):
    """Approximates the mixed second derivative by two gradients (Eq. 8).

        (grad_alpha L(w+, alpha) - grad_alpha L(w-, alpha)) / (2 * epsilon')
        where w+- = w +- epsilon' * v  and  epsilon' = epsilon / ||v||

    Args:
        train: The training loss.
        weights: List of tensors, w.
        alphas: List of tensors, alpha.
        vector: List of tensors of the shapes of `weights`, v.
        epsilon: Float, the length of the whole displacement of w. Defaults to
            `0.01`, the paper's.

    Returns:
        List of tensors of the shapes of `alphas`, as `mixed_product`.

    Reference:
        Eq. 8 and footnote 2 of the DARTS paper, arXiv:1806.09055.
    """
    norm = tf.sqrt(dot(vector, vector))
    # Where the vector is zero so is the product; avoid 0 / 0.
    scaled = tf.where(norm > 0, epsilon / norm, tf.zeros_like(norm))
    half_inverse = tf.where(norm > 0, norm / (2 * epsilon), tf.zeros_like(norm))

    def displaced(sign):
        return [
            w + sign * _like(scaled, w) * v
            for w, v in zip(weights, vector, strict=True)
        ]

    plus, minus = train.evaluate(
        alpha_gradients, Points([displaced(1), displaced(-1)]), alphas
    )
    return [
        (a - b) * _like(half_inverse, a)
        for a, b in zip(plus, minus, strict=True)
    ]


def dot(left, right):
    """Returns the scalar product of two lists of tensors of equal shapes."""
    return tf.add_n(
        [tf.reduce_sum(a * b) for a, b in zip(left, right, strict=True)]
    )


def _check(by_weights, by_alphas):
    """A missing gradient is a mistake in the model, never a zero."""
    missing = [
        [k for k, gradient in enumerate(gradients) if gradient is None]
        for gradients in (by_weights, by_alphas)
    ]
    if any(missing):
        raise MissingGradientError(*missing)


def _like(value, tensor):
    """Returns a number with a tensor's type, not rounded on the way."""
    if isinstance(value, float | int):
        return tf.constant(value, tensor.dtype)
    return tf.cast(value, tensor.dtype)
