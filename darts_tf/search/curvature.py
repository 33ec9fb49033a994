"""How sharply the validation loss bends in the alphas."""

import numpy as np
import tensorflow as tf

from darts_tf.search import hypergradient


def largest_alpha_eigenvalue(
    validation, weights, alphas, iterations=30, tolerance=1e-3, seed=0
):
    """Finds the largest eigenvalue of the Hessian of L_val in the alphas.

    By power iteration on products of the Hessian and a vector, each of which
    costs a few gradients:

        v <- H v / ||H v||,    lambda = v . H v

    That finds the eigenvalue of largest size. If it is negative, a second
    iteration on H - lambda * I finds the largest one.

    Args:
        validation: A `darts_tf.search.Loss`, or what else has its
            `evaluate`.
        weights: List of tensors, the network weights.
        alphas: List of tensors, the architecture logits.
        iterations: Positive integer, most products of either iteration.
            Defaults to `30`.
        tolerance: Float, the relative change of the eigenvalue at which to
            stop. Defaults to `1e-3`.
        seed: Integer, of the first vector. Defaults to `0`.

    Returns:
        Float.

    Example:

    >>> loss = darts_tf.search.Loss(
    ...     lambda w, alphas: (
    ...         w[0] * (alphas[0][0] ** 2 - 3 * alphas[0][1] ** 2), None
    ...     )
    ... )
    >>> w, alphas = [keras.ops.array(1.0)], [keras.ops.array([1.0, 1.0])]
    >>> value = darts_tf.search.largest_alpha_eigenvalue(loss, w, alphas)
    >>> round(value, 3)
    2.0

    Reference:
        Zela et al., arXiv:1909.09656, who watch this number.
    """

    def iterate(shift):
        generator = np.random.default_rng(seed)
        vector = [
            tf.constant(generator.normal(size=a.shape), a.dtype) for a in alphas
        ]
        value = np.inf
        for _ in range(iterations):
            norm = tf.linalg.global_norm(vector)
            if not norm > 0:
                return shift
            vector = [v / norm for v in vector]
            product = validation.evaluate(
                hypergradient.alpha_hessian_product, weights, alphas, vector
            )
            product = [
                p - shift * v for p, v in zip(product, vector, strict=True)
            ]
            before, value = value, float(hypergradient.dot(vector, product))
            vector = product
            if abs(value - before) <= tolerance * abs(value):
                break
        return value + shift

    largest = iterate(0.0)
    return largest if largest >= 0 else iterate(largest)
