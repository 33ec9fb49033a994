"""Cross-entropy against targets that are not quite certain."""

import keras


@keras.saving.register_keras_serializable(package="darts_tf")
class SmoothedCrossentropy(keras.losses.Loss):
    """Cross-entropy of logits against integer labels that are smoothed.

    The target of the label is `1 - smoothing`, and `smoothing` is divided
    among all classes, the label included.

    Args:
        smoothing: Float in [0, 1). Defaults to `0.1`.
        name: String. Defaults to `"smoothed_crossentropy"`.
        **kwargs: Keyword arguments of `keras.losses.Loss`.

    Raises:
        ValueError: If `smoothing` is out of range.

    Example:

    >>> loss = darts_tf.models.SmoothedCrossentropy(0.5)
    >>> logits = np.log([[0.75, 0.25]])
    >>> round(float(loss(np.array([0]), logits)), 4)  # 3/4 and 1/4
    0.5623

    Reference:
        Szegedy et al., arXiv:1512.00567, Section 7; Appendix A.2.2 of the
        DARTS paper, with 0.1 for ImageNet.
    """

    def __init__(self, smoothing=0.1, name="smoothed_crossentropy", **kwargs):
        super().__init__(name=name, **kwargs)
        if not 0.0 <= smoothing < 1.0:
            raise ValueError(
                "`smoothing` must be a part below 1. "
                f"Received: smoothing={smoothing}"
            )
        self.smoothing = smoothing

    def call(self, y_true, y_pred):
        """Returns the loss of each sample."""
        log_shares = keras.ops.log_softmax(y_pred, axis=-1)
        hot = keras.ops.one_hot(
            keras.ops.reshape(keras.ops.cast(y_true, "int32"), (-1,)),
            y_pred.shape[-1],
            dtype=log_shares.dtype,
        )
        right = keras.ops.sum(hot * log_shares, axis=-1)
        uniform = keras.ops.mean(log_shares, axis=-1)
        return -(1.0 - self.smoothing) * right - self.smoothing * uniform

    def get_config(self):
        return {**super().get_config(), "smoothing": self.smoothing}
