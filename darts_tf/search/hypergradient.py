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

METHODS = ("first_order", "finite_difference", "exact")


class Evaluation(typing.NamedTuple):
    """A loss, its gradients where asked for, and what came with it.

    Args:
        loss: Scalar tensor.
        weight_gradients: List of tensors, empty if they were not asked for.
        alpha_gradients: List of tensors, empty if they were not asked for.
        auxiliary: What the loss returned beside its value.

    Example:

    >>> from darts_tf.search import hypergradient
    >>> loss = lambda w, alphas: (w[0] * alphas[0] ** 2, None)
    >>> w, alphas = [keras.ops.array(3.0)], [keras.ops.array(5.0)]
    >>> hypergradient.weight_gradients(loss, w, alphas)._fields
    ('loss', 'weight_gradients', 'alpha_gradients', 'auxiliary')
    """

    loss: typing.Any
    weight_gradients: typing.Any
    alpha_gradients: typing.Any
    auxiliary: typing.Any


class Points(typing.NamedTuple):
    """Several weights: `evaluate` returns the alpha gradients at each.

    Args:
        weights: List of lists of tensors.

    Example:

    >>> from darts_tf.search import hypergradient
    >>> loss = lambda w, alphas: (w[0] * alphas[0] ** 2, None)
    >>> w, alphas = [keras.ops.array(3.0)], [keras.ops.array(5.0)]
    >>> points = hypergradient.Points([w, [2 * w[0]]])
    >>> by_alphas = darts_tf.search.Loss(loss).evaluate(
    ...     hypergradient.alpha_gradients, points, alphas
    ... )
    >>> [float(gradients[0]) for gradients in by_alphas]
    [30.0, 60.0]
    """

    weights: typing.Any


class Loss:
    """A loss L(w, alpha), as the formulas of this module take it.

    Args:
        function: Callable `function(weights, alphas)` that returns a scalar
            and an auxiliary structure of tensors, from two lists of tensors.

    Example:

    >>> from darts_tf.search import hypergradient
    >>> loss = darts_tf.search.Loss(
    ...     lambda w, alphas: (w[0] * alphas[0] ** 2, None)
    ... )
    >>> w, alphas = [keras.ops.array(3.0)], [keras.ops.array(5.0)]
    >>> result = loss.evaluate(hypergradient.alpha_gradients, w, alphas)
    >>> float(result.alpha_gradients[0])
    30.0
    """

    def __init__(self, function):
        self.function = function

    def evaluate(self, derivative, weights, alphas, vector=None):
        """Applies a derivative to the loss.

        Args:
            derivative: One of the functions with a tape of this module, such
                as `weight_gradients`.
            weights: List of tensors, w; or the `Points` of several such lists.
            alphas: List of tensors, alpha.
            vector: List of tensors, if the derivative takes one. Defaults to
                `None`.

        Returns:
            What the derivative returns; at `Points` the list of the gradients
            for the alphas at each of them.
        """
        if isinstance(weights, Points):
            return [
                derivative(self.function, point, alphas).alpha_gradients
                for point in weights.weights
            ]
        vectors = () if vector is None else (vector,)
        return derivative(self.function, weights, alphas, *vectors)


class MissingGradientError(ValueError):
    """A loss does not depend on what it is differentiated by.

    Args:
        weights: List of integers, which network weights have no gradient.
        alphas: List of integers, which alphas have none.

    Example:

    >>> from darts_tf.search import hypergradient
    >>> w, alphas = [keras.ops.array(3.0)], [keras.ops.array(5.0)]
    >>> hypergradient.gradients(lambda w, alphas: (w[0], None), w, alphas)
    Traceback (most recent call last):
    ...
    darts_tf.search.hypergradient.MissingGradientError: Expected ... alphas [0]
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

    Example:

    >>> from darts_tf.search import hypergradient
    >>> loss = lambda w, alphas: (w[0] * alphas[0] ** 2, None)
    >>> w, alphas = [keras.ops.array(3.0)], [keras.ops.array(5.0)]
    >>> result = hypergradient.weight_gradients(loss, w, alphas)
    >>> float(result.weight_gradients[0])
    25.0
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(weights)
        value, auxiliary = loss(weights, alphas)
    by_weights = tape.gradient(value, weights)
    _check(by_weights, [])
    return Evaluation(value, by_weights, [], auxiliary)


def alpha_gradients(loss, weights, alphas):
    """Differentiates a loss by alpha.

    Args:
        loss: Callable, as for `weight_gradients`.
        weights: List of tensors, w.
        alphas: List of tensors, alpha.

    Returns:
        An `Evaluation` without gradients for w.

    Example:

    >>> from darts_tf.search import hypergradient
    >>> loss = lambda w, alphas: (w[0] * alphas[0] ** 2, None)
    >>> w, alphas = [keras.ops.array(3.0)], [keras.ops.array(5.0)]
    >>> float(hypergradient.alpha_gradients(loss, w, alphas).alpha_gradients[0])
    30.0
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(alphas)
        value, auxiliary = loss(weights, alphas)
    by_alphas = tape.gradient(value, alphas)
    _check([], by_alphas)
    return Evaluation(value, [], by_alphas, auxiliary)


def gradients(loss, weights, alphas):
    """Differentiates a loss by w and by alpha.

    Args:
        loss: Callable, as for `weight_gradients`.
        weights: List of tensors, w.
        alphas: List of tensors, alpha.

    Returns:
        An `Evaluation`.

    Example:

    >>> from darts_tf.search import hypergradient
    >>> loss = lambda w, alphas: (w[0] * alphas[0] ** 2, None)
    >>> w, alphas = [keras.ops.array(3.0)], [keras.ops.array(5.0)]
    >>> result = hypergradient.gradients(loss, w, alphas)
    >>> float(result.weight_gradients[0]), float(result.alpha_gradients[0])
    (25.0, 30.0)
    """
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

    Example:

    >>> from darts_tf.search import hypergradient
    >>> loss = lambda w, alphas: (w[0] * alphas[0] ** 2, None)
    >>> w, alphas = [keras.ops.array(3.0)], [keras.ops.array(5.0)]
    >>> vector = [keras.ops.array(2.0)]  # times 2 * alpha
    >>> float(hypergradient.mixed_product(loss, w, alphas, vector)[0])
    20.0
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

    Example:

    >>> from darts_tf.search import hypergradient
    >>> loss = lambda w, alphas: (w[0] * alphas[0] ** 2, None)
    >>> w, alphas = [keras.ops.array(3.0)], [keras.ops.array(5.0)]
    >>> vector = [keras.ops.array(2.0)]  # times 2 * w
    >>> float(hypergradient.alpha_hessian_product(loss, w, alphas, vector)[0])
    12.0
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
    """The gradient for the alphas, and the validation loss it belongs to.

    Args:
        loss: Scalar tensor.
        gradients: List of tensors, one for each of the alphas.
        auxiliary: What the loss returned beside its value.

    Example:

    >>> from darts_tf.search import hypergradient
    >>> hypergradient.Hypergradient(0.5, [], None).loss
    0.5
    """

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

    Example:

    >>> from darts_tf.search import hypergradient
    >>> loss = lambda w, alphas: (w[0] * alphas[0] ** 2, None)
    >>> w, alphas = [keras.ops.array(3.0)], [keras.ops.array(5.0)]
    >>> validation = darts_tf.search.Loss(loss)
    >>> result = hypergradient.first_order_hypergradient(validation, w, alphas)
    >>> float(result.gradients[0])
    30.0
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

    Example:

    >>> from darts_tf.search import hypergradient
    >>> train = darts_tf.search.Loss(
    ...     lambda w, alphas: ((w[0] - alphas[0]) ** 2 / 2, None)
    ... )
    >>> validation = darts_tf.search.Loss(
    ...     lambda w, alphas: (w[0] * alphas[0], None)
    ... )
    >>> w, alphas = [keras.ops.array(3.0)], [keras.ops.array(1.0)]
    >>> result = hypergradient.unrolled_hypergradient(
    ...     train, validation, w, alphas, 0.5, hypergradient.sgd_step
    ... )
    >>> float(result.gradients[0])  # w' + xi * alpha, at w' = 2
    2.5

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

    Example:

    >>> from darts_tf.search import hypergradient
    >>> w, gradients = [keras.ops.array(3.0)], [keras.ops.array(2.0)]
    >>> float(hypergradient.sgd_step(gradients, w, 0.5)[0])
    2.0
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

    Example:

    >>> from darts_tf.search import hypergradient
    >>> train = darts_tf.search.Loss(
    ...     lambda w, alphas: ((w[0] - alphas[0]) ** 2 / 2, None)
    ... )
    >>> w, alphas = [keras.ops.array(3.0)], [keras.ops.array(1.0)]
    >>> vector = [keras.ops.array(2.0)]  # times -1
    >>> product = hypergradient.finite_difference(train, w, alphas, vector)
    >>> round(float(product[0]), 3)
    -2.0

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
    """Returns the scalar product of two lists of tensors of equal shapes.

    Args:
        left: List of tensors.
        right: List of tensors of the same shapes.

    Returns:
        Scalar tensor.

    Example:

    >>> from darts_tf.search import hypergradient
    >>> x = [keras.ops.array([1.0, 2.0]), keras.ops.array(3.0)]
    >>> float(hypergradient.dot(x, x))
    14.0
    """
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
