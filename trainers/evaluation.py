"""Looks at what a trained network takes for what, image by image."""

from typing import Any

import numpy as np

from trainers import late

with late.imports():
    import keras
    import tensorflow as tf

    from darts_tf import visualize


def of_network(network: Any, batches: Any) -> Any:
    """Counts what the images of a data set are taken for.

    Args:
        network: A trained `darts_tf.ConvNetwork` with a `classification`.
        batches: A finite `tf.data.Dataset` of batches of normalised images and
            labels.

    Returns:
        A `darts_tf.visualize.Evaluation`.
    """
    classification = network.classification
    evaluation = visualize.Evaluation(classification.class_names)
    signature = [tf.TensorSpec((None, *batches.element_spec[0].shape[1:]))]

    # One graph for all batches, also for the last one, which may be shorter.
    @tf.function(input_signature=signature, autograph=False)
    def probabilities(images: Any) -> Any:
        logits = keras.ops.cast(network(images, training=False), "float32")
        return keras.ops.softmax(logits)

    for images, labels in batches:
        pixels = images.numpy() * classification.std + classification.mean
        evaluation.add(
            np.clip(np.rint(pixels * 255), 0, 255).astype(np.uint8),
            labels.numpy(),
            probabilities(images).numpy(),
        )
    return evaluation
