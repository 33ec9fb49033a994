import keras
import numpy as np
import pytest
import tensorflow as tf

from darts_tf.layers import depthwise_kernels
from tests.layers import both_derivatives


def _loop_convolution(images, kernel, strides, dilation):
    """Convolves one channel at a time, padded as in PyTorch."""
    size = kernel.shape[0]
    pad = dilation * (size - 1) // 2
    padded = np.pad(images, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    height, width = images.shape[1:3]
    rows, columns = range(0, height, strides), range(0, width, strides)
    result = np.zeros((len(images), len(rows), len(columns), kernel.shape[-1]))
    for a in range(size):
        for b in range(size):
            window = padded[:, a * dilation :, b * dilation :]
            taps = window[:, :height:strides, :width:strides]
            result += taps * kernel[a, b, 0]
    return result


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("size", [8, 7])
@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("taps", [3, 5])
def test_depthwise_convolution_equals_a_loop(
    fast, size, strides, dilation, taps
):
    rng = np.random.default_rng(0)
    images = rng.normal(size=(2, size, size, 3)).astype("float32")
    kernel = rng.normal(size=(taps, taps, 1, 6)).astype("float32")
    outputs = depthwise_kernels.depthwise_convolution(
        keras.ops.array(images),
        keras.ops.array(kernel),
        strides,
        dilation,
        fast=fast,
    )
    twice = np.concatenate([images, images], -1)  # two copies side by side
    expected = _loop_convolution(twice, kernel, strides, dilation)
    # 25 products of size 1 in float32.
    np.testing.assert_allclose(outputs, expected, atol=1e-5)


# 14 pixels are 7 in the phases of dilation 2, an odd width.
@pytest.mark.parametrize("size", [16, 14])
@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("dilation", [1, 2])
def test_gradients_of_the_fast_5x5_kernel_equal_the_native_ones(
    dilation, strides, size
):
    rng = np.random.default_rng(0)
    images = tf.constant(rng.normal(size=(2, size, size, 3)), tf.float32)
    kernel = tf.constant(rng.normal(size=(5, 5, 1, 6)), tf.float32)

    @tf.function
    def derivatives(fast):
        _, first, second = both_derivatives.derivatives(
            lambda inputs: depthwise_kernels.depthwise_convolution(
                *inputs, strides, dilation, fast=fast
            ),
            [images, kernel],
        )
        return *first, *second

    # First and second derivatives; float32 sums of up to 512 terms.
    for mine, native in zip(derivatives(True), derivatives(False), strict=True):
        scale = np.abs(native).max()
        np.testing.assert_allclose(mine, native, atol=1e-5 * scale)
