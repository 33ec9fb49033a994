"""Batch normalisation whose scale can be an op weight."""

import keras
import numpy as np

from darts_tf.layers import convolution
from darts_tf.layers import inputs as inputs_lib
from darts_tf.layers import normalization_kernels


def full_precision(layer):
    """Returns the type of what a layer must not round: float32 or float64.

    Args:
        layer: A Keras layer, of any dtype policy.

    Returns:
        `"float64"` if that is the layer's type, else `"float32"`.
    """
    return "float64" if layer.variable_dtype == "float64" else "float32"


@keras.saving.register_keras_serializable(package="darts_tf")
class BatchNorm(keras.layers.Layer):
    """Normalises each channel over the batch, at the speed of one fused pass.

    Statistics are per channel, so one layer over several copies of an
    operation, side by side in the channels, equals one layer for each. While
    searching there are no affine parameters, and the op weight of Eq. 2 can be
    the scale: then weighting an operation costs nothing.

    Under a distribution strategy of several replicas the batch is that of all
    replicas together; a replica without rows counts for nothing.

    A frozen layer (`trainable = False`, its own or that of a layer around it)
    normalises by the moving statistics in training, too, and leaves them as
    they are, as Keras' does. A model that is compiled already has to be
    compiled again, also as in Keras.

    Differs from `keras.layers.BatchNormalization` in speed (about ten times,
    on a CPU), in the defaults, which are the published networks', and in the
    moving variance, which is the unbiased one, as in PyTorch.

    Args:
        affine: Boolean, whether to learn a scale and an offset for each
            channel. Defaults to `True`.
        momentum: Float in [0, 1), the share of the moving statistics kept at
            each training step. Defaults to `0.9`.
        epsilon: Float, added to the variance. Defaults to `1e-5`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Tensor of shape `(batch, height, width, channels)`.
        scale: Optional tensor of shape `(channels,)` by which the normalised
            values are multiplied, only with `affine=False`.
        training: Boolean, whether to use the statistics of the batch (and
            move the moving ones) or the moving statistics.

    Returns:
        Tensor of the shape of `inputs`.

    Raises:
        ValueError: If `scale` is given and the layer is affine.

    Example:

    >>> layer = darts_tf.layers.BatchNorm()
    >>> images = np.arange(8, dtype="float32").reshape((2, 2, 2, 1))
    >>> outputs = keras.ops.convert_to_numpy(layer(images, training=True))
    >>> print(outputs.round(2).ravel())
    [-1.53 -1.09 -0.65 -0.22  0.22  0.65  1.09  1.53]
    """

    def __init__(self, affine=True, momentum=0.9, epsilon=1e-5, **kwargs):
        # Keras would cast the scale, too, to a low precision.
        super().__init__(autocast=False, **kwargs)
        self.affine = affine
        self.momentum = momentum
        self.epsilon = epsilon

    def build(self, input_shape):
        # Each replica moves the statistics of the whole batch: all are equal.
        def add(name, initializer, trainable):
            return self.add_weight(
                name=name,
                shape=(input_shape[-1],),
                initializer=initializer,
                trainable=trainable,
                dtype=full_precision(self),
                autocast=False,
                aggregation="none" if trainable else "only_first_replica",
            )

        self.input_spec = inputs_lib.image_spec(input_shape[-1])
        if self.affine:
            self.gamma = add("gamma", "ones", True)
            self.beta = add("beta", "zeros", True)
        self.moving_mean = add("moving_mean", "zeros", False)
        self.moving_variance = add("moving_variance", "ones", False)

    def call(self, inputs, scale=None, training=None):
        if self.affine and scale is not None:
            raise ValueError(
                "`scale` takes the place of the learned scale, so it needs "
                f"`affine=False`. Received: affine={self.affine}"
            )
        return self.call_in_chunks([inputs], scale, training)[0]

    def call_in_chunks(self, chunks, scale=None, training=None):
        """Normalises inputs whose channels are in several tensors.

        Args:
            chunks: List of tensors with equally many channels.
            scale: Optional tensor of shape `(channels,)`, as in the call.
            training: Boolean, as in the call.

        Returns:
            List of tensors.
        """
        chunks = [keras.ops.cast(chunk, self.compute_dtype) for chunk in chunks]
        if not (training and self.trainable):
            factors, offsets = self._split(self.as_linear(scale), len(chunks))
            return [
                chunk * factor + offset
                for chunk, factor, offset in zip(
                    chunks, factors, offsets, strict=True
                )
            ]
        moving = [self.moving_mean, self.moving_variance]
        arguments = zip(
            chunks,
            *self._scale_and_offset(scale, len(chunks)),
            *self._split([v.value for v in moving], len(chunks)),
            strict=True,
        )
        outputs, *moved = zip(
            *(
                normalization_kernels.batch_normalization(
                    chunk, scale, offset, before, self.momentum, self.epsilon
                )
                for chunk, scale, offset, *before in arguments
            ),
            strict=True,
        )
        for variable, after in zip(moving, moved, strict=True):
            variable.assign(
                keras.ops.concatenate(after) if len(after) > 1 else after[0]
            )
        return list(outputs)

    def _split(self, vectors, num_chunks):
        """Returns the chunks of each vector over the channels."""
        return [
            convolution.split_channels(vector, num_chunks, vector.dtype)
            for vector in vectors
        ]

    def as_linear(self, scale=None):
        """Returns what inference multiplies each channel by, and then adds.

        Args:
            scale: Optional tensor of shape `(channels,)`, as in the call.

        Returns:
            Pair of tensors of shape `(channels,)` in the compute dtype.
        """
        (scale,), (offset,) = self._scale_and_offset(scale, num_chunks=1)
        variance = self.moving_variance.value
        factor = scale * keras.ops.rsqrt(variance + self.epsilon)
        offset = offset - self.moving_mean.value * factor
        return (
            keras.ops.cast(factor, self.compute_dtype),
            keras.ops.cast(offset, self.compute_dtype),
        )

    def _scale_and_offset(self, scale, num_chunks):
        """Returns the chunks of both; those of what is fixed are one tensor."""
        if self.affine:
            return self._split([self.gamma.value, self.beta.value], num_chunks)
        channels = self.moving_mean.shape[0] // num_chunks
        zeros = np.zeros(channels, full_precision(self))
        offsets = [keras.ops.convert_to_tensor(zeros)] * num_chunks
        if scale is None:
            return [
                keras.ops.convert_to_tensor(zeros + 1)
            ] * num_chunks, offsets
        return *self._split([scale], num_chunks), offsets

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "affine": self.affine,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
        }
