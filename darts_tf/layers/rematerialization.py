"""Layers that are computed a second time for their gradient, to save memory."""

import keras

from darts_tf.layers import rematerialization_kernels
from darts_tf.layers import variable_kernels


def call(layer, *arguments):
    """Calls a layer in training, and keeps only what goes in and comes out.

    What is inside is computed again when the gradient is taken. A layer is a
    function of values here: of its arguments, of its weights, and of its other
    variables (moving statistics, random generators), which it leaves at new
    values. The second time it starts from the same ones, so draws the same,
    and its new values are dropped. All of this may be differentiated again.

    Args:
        layer: A Keras layer that is built and returns one tensor.
        *arguments: Structures of tensors, its call arguments.

    Returns:
        The tensor that the layer returns.

    Example:

    >>> from darts_tf.layers import rematerialization
    >>> layer = darts_tf.layers.BatchNorm()
    >>> images = np.arange(8, dtype="float32").reshape((2, 2, 2, 1))
    >>> layer.build(images.shape)
    >>> outputs = rematerialization.call(layer, images)
    >>> keras.ops.convert_to_numpy(outputs).round(2).ravel().tolist()
    [-1.53, -1.09, -0.65, -0.22, 0.22, 0.65, 1.09, 1.53]
    """
    weights, others = layer.trainable_variables, layer.non_trainable_variables
    before = variable_kernels.values(others)
    structure = (arguments, variable_kernels.values(weights))

    def evaluate(*tensors):
        arguments, values = keras.tree.pack_sequence_as(structure, tensors)
        mapping = [
            *zip(weights, values, strict=True),
            *zip(others, before, strict=True),
        ]
        with keras.StatelessScope(mapping) as scope:
            outputs = layer(*arguments, training=True)
        return outputs, *(scope.get_current_value(v) for v in others)

    outputs, *after = rematerialization_kernels.recomputed(
        evaluate, keras.tree.flatten(structure)
    )
    for variable, value in zip(others, after, strict=True):
        variable.assign(value)
    return outputs
