"""The linear layer with which the networks of images end."""

import keras

from darts_tf.layers import batch_norm
from darts_tf.layers import convolution


def classifier(network, num_classes, features):
    """Returns the layer from pooled features to logits.

    Args:
        network: Keras layer or model that will own it.
        num_classes: Integer.
        features: Integer, the number of features.

    Returns:
        A `keras.layers.Dense` in full precision, with kernel and bias drawn as
        those of the published networks.
    """
    initializer = convolution.fan_in_uniform(features)
    return keras.layers.Dense(
        num_classes,
        kernel_initializer=initializer,
        bias_initializer=initializer,
        dtype=batch_norm.full_precision(network),
        name="classifier",
    )
