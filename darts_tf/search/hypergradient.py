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

from darts_tf.search import objective

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


class Hypergradient(typing.NamedTuple):
    """The gradient for the alphas, and the validation loss it belongs to."""

    loss: typing.Any
    gradients: typing.Any
    auxiliary: typing.Any


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
        norm = tf.sqrt(objective.dot(vector, vector))
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

        plus, minus = train.alpha_gradients_at(
            [displaced(1), displaced(-1)], alphas
        )
        return [
            (a - b) * _like(half_inverse, a)
            for a, b in zip(plus, minus, strict=True)
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
