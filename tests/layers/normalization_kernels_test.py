import numpy as np
import tensorflow as tf

from darts_tf.layers import normalization_kernels


def test_second_derivative_of_batch_norm_is_that_of_its_gradient():
    rng = np.random.default_rng(0)
    images, upstream, vector = (
        tf.constant(rng.normal(size=(2, 3, 3, 2))) for _ in range(3)
    )
    moving = (tf.zeros(2, "float64"), tf.ones(2, "float64"))

    def gradient(inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs, *_ = normalization_kernels.batch_normalization(
                inputs, moving[1], moving[0], moving, 0.9, 1e-5
            )
            loss = tf.reduce_sum(upstream * outputs)
        return tape.gradient(loss, inputs)

    with tf.GradientTape() as tape:
        tape.watch(images)
        product = tf.reduce_sum(vector * gradient(images))
    step = 1e-5  # the error of central differences: 1e-10, by size and by step
    expected = gradient(images + step * vector) - gradient(
        images - step * vector
    )
    np.testing.assert_allclose(
        tape.gradient(product, images), expected / (2 * step), atol=1e-7
    )
