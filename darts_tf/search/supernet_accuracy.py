"""How good cells look with the weights of the supernet."""

import keras
import numpy as np
import tensorflow as tf

from darts_tf import checks
from darts_tf.spaces import discretization


def supernet_accuracy(model, genotypes, images, labels, batch_size=100):
    """Measures cells without training them, by the weights of the supernet.

    The supernet is evaluated with an op weight of 1 for each operation of the
    cell, and of 0 for all others. Batch normalisation takes the statistics of
    the batch, because the moving ones are those of the mixture. No variable is
    changed.

    Args:
        model: A `darts_tf.DartsSearchModel` on images, built, whose supernet
            has a `darts_tf.models.Alphas` as its `alphas`.
        genotypes: Sequence of `darts_tf.Genotype` of its space.
        images: Array of shape `(n, height, width, channels)`.
        labels: Array of `n` integers.
        batch_size: Integer, at most `n`. Defaults to `100`. Images that do not
            fill a batch are left out.

    Returns:
        A list of floats from 0 to 1, one for each genotype.

    Raises:
        ValueError: If a genotype is not of the space, or there are fewer images
            than a batch has.

    Example:

    >>> space = darts_tf.SearchSpace.conv(["none", "sep_conv_3x3"], num_nodes=1)
    >>> model = darts_tf.DartsSearchModel(space, filters=2, num_cells=3)
    >>> model.build((None, 8, 8, 1))
    >>> images = np.zeros((4, 8, 8, 1), "float32")
    >>> darts_tf.search.supernet_accuracy(
    ...     model, [space.random_genotype(0)], images, np.full(4, 20), 4
    ... )
    [0.0]

    Reference:
        Section 3 of Yu et al., arXiv:1902.08142, on how well this ranks cells.
    """
    batch_size = checks.integer(batch_size, "batch_size", 1, len(images))
    supernet = model.supernet
    space = supernet.alphas.space
    count = len(images) // batch_size * batch_size

    @tf.function(autograph=False)
    def num_correct(op_weights, x, y):
        with supernet.alphas.replaced(op_weights), keras.StatelessScope():
            logits = supernet(x, training=True)
        found = tf.argmax(logits, -1, output_type=tf.int32)
        return tf.reduce_sum(tf.cast(found == y, tf.int32))

    accuracies = []
    for genotype in genotypes:
        op_weights = {
            cell_type: tf.constant(weights, "float32")
            for cell_type, weights in discretization.op_weights_of(
                space, genotype
            ).items()
        }
        correct = sum(
            int(
                num_correct(
                    op_weights,
                    tf.constant(images[start : start + batch_size]),
                    tf.constant(
                        np.asarray(
                            labels[start : start + batch_size], "int32"
                        ).reshape(-1)
                    ),
                )
            )
            for start in range(0, count, batch_size)
        )
        accuracies.append(correct / count)
    return accuracies
