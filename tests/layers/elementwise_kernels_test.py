import numpy as np
import tensorflow as tf

from darts_tf.layers import elementwise_kernels


def test_relu_for_export_equals_that_for_training():
    rng = np.random.default_rng(0)
    images = tf.constant(rng.normal(size=(2, 5, 4, 3)), tf.float32)
    np.testing.assert_array_equal(
        elementwise_kernels.relu(images, training=False), np.maximum(images, 0)
    )
    np.testing.assert_array_equal(
        elementwise_kernels.relu(images, training=True), np.maximum(images, 0)
    )


def test_sum_for_export_equals_that_for_training():
    tensors = list(tf.random.stateless_normal((3, 5, 4), (0, 1)))
    for count in (1, 2, 3):
        np.testing.assert_allclose(
            elementwise_kernels.add_n(tensors[:count], training=False),
            elementwise_kernels.add_n(tensors[:count], training=True),
            rtol=1e-5,  # another order of three terms
        )
