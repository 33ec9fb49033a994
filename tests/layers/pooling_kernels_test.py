import keras
import numpy as np
import pytest
import tensorflow as tf

from darts_tf.layers import pooling_kernels


@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("size", [8, 7])
def test_pools_equal_a_loop(strides, size):
    images = np.random.default_rng(0).normal(size=(2, size, size, 3))
    images = images.astype("float32")
    padded = np.pad(
        images, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=np.nan
    )
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))
    windows = windows[:, ::strides, ::strides]
    images = keras.ops.array(images)
    np.testing.assert_array_equal(
        pooling_kernels.max_pool(images, strides), np.nanmax(windows, (-1, -2))
    )
    np.testing.assert_allclose(
        pooling_kernels.average_pool(images, strides),
        np.nanmean(windows, (-1, -2)),
        atol=1e-6,  # 9 terms of size 1 in float32
    )


def test_second_derivative_of_the_max_pool_is_right_inside_a_graph():
    rng = np.random.default_rng(0)
    images = tf.constant(rng.normal(size=(2, 6, 6, 2)), tf.float32)
    weights = tf.constant(rng.normal(size=(2, 6, 6, 2)), tf.float32)

    @tf.function
    def second(scale):
        with tf.GradientTape() as outer:
            outer.watch(scale)
            with tf.GradientTape() as inner:
                inner.watch(images)
                pooled = pooling_kernels.max_pool(images)
                loss = tf.reduce_sum(weights * scale * pooled**2)
            gradient = inner.gradient(loss, images)
            total = tf.reduce_sum(gradient * images)
        return outer.gradient(total, scale)

    # The pool is homogeneous, so the total is 2 * scale * sum(w * pool^2).
    expected = 2 * np.sum(
        weights * np.array(pooling_kernels.max_pool(images)) ** 2
    )
    np.testing.assert_allclose(second(tf.constant(1.0)), expected, rtol=1e-5)


@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("shape", [(8, 8), (7, 7), (2, 5), (1, 4)])
@pytest.mark.parametrize(
    "pool", [pooling_kernels.max_pool, pooling_kernels.average_pool]
)
def test_pools_for_export_equal_those_for_training(pool, shape, strides):
    rng = np.random.default_rng(0)
    # Below zero, so that a zero beyond the border would show.
    images = tf.constant(rng.normal(-3, 1, (2, *shape, 3)), tf.float32)
    np.testing.assert_allclose(
        pool(images, strides, training=False),
        pool(images, strides, training=True),
        rtol=1e-6,  # an average of 4 of 9 is a sum over 4, or over 9 times 9/4
    )
