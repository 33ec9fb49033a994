"""Sizes of networks, as papers state them."""

import math


def count_parameters(model, include_auxiliary=True):
    """Counts the trainable numbers of a model.

    Moving statistics of batch normalisation are not trainable and not counted;
    architecture logits are, where the model has them.

    Args:
        model: A built Keras model.
        include_auxiliary: Boolean, whether to count the auxiliary classifier,
            which only training uses. Defaults to `True`.

    Returns:
        Integer.

    Example:

    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> darts_tf.count_parameters(model)
    8
    """
    auxiliary = getattr(model, "auxiliary_head", None)
    excluded = set()
    if auxiliary is not None and not include_auxiliary:
        excluded = {id(v) for v in auxiliary.trainable_variables}
    return sum(
        math.prod(variable.shape)
        for variable in model.trainable_variables
        if id(variable) not in excluded
    )


def count_multiply_adds(model):
    """Counts the multiply-adds of one image in inference.

    Convention: one multiplication and the addition of its product count as
    one; those of convolutions and linear layers are counted, each at the
    resolution of its output; normalisation, activations, pools and sums are
    not, and neither is the auxiliary classifier. Of a supernet all candidate
    operations on all edges count. (The 574 M that the paper
    states for its ImageNet cell follow a wider convention.)

    Args:
        model: A Keras model that was built on images of known size.

    Returns:
        Integer.

    Raises:
        ValueError: If the model is not built on a known size, or holds a
            layer with matrices that this function does not know.

    Example:

    >>> model = keras.Sequential(
    ...     [keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, 2, "same")]
    ... )
    >>> darts_tf.count_multiply_adds(model)  # 4 * 4 pixels * 3 * 3 * 3 * 4
    1728
    """
    return sum(multiply_adds_by_layer(model).values())


def multiply_adds_by_layer(model):
    """Counts the multiply-adds of each layer of a model, such as its cells.

    Args:
        model: A Keras model, as for `count_multiply_adds`, whose convention
            it is.

    Returns:
        Dictionary from the name of each layer that has any to an integer.

    Raises:
        ValueError: As `count_multiply_adds`.

    Example:

    >>> network = darts_tf.ConvNetwork(
    ...     darts_tf.zoo.DARTS_V2, filters=4, num_cells=3
    ... )
    >>> network.build((None, 8, 8, 1))
    >>> darts_tf.models.multiply_adds_by_layer(network)
    {'stem': 6912, 'cell_0': 42752, ..., 'classifier': 640}
    """
    without = [
        getattr(model, name, None) for name in ("auxiliary_head", "alphas")
    ]
    counts = {
        layer.name: sum(map(_multiply_adds, _leaves(layer)))
        for layer in _children(model)
        if all(layer is not other for other in without)
    }
    return {name: count for name, count in counts.items() if count}


def _children(layer):
    children = layer._flatten_layers(include_self=False, recursive=False)
    return [child for child in children if child.name]


def _leaves(layer):
    """Yields the layers without sublayers."""
    children = _children(layer)
    if not children:
        yield layer
    for child in children:
        yield from _leaves(child)


def _multiply_adds(layer):
    matrices = [v for v in layer.trainable_variables if len(v.shape) > 1]
    if not matrices:
        return 0
    known = [
        getattr(layer, name, None)
        for name in ("kernel", "depthwise_kernel", "pointwise_kernel")
    ]
    if any(all(v is not k for k in known) for v in matrices):
        raise ValueError(
            "Expected convolutions and linear layers, whose multiply-adds are "
            f"known. Received: {layer!r} with the variables "
            f"{[v.path for v in matrices]}"
        )
    shape = (layer.get_build_config() or {}).get("input_shape")
    if shape is None or None in shape[1:]:
        raise ValueError(
            "The multiply-adds depend on the size of the images; build the "
            f"model on a known one. Received: {layer!r} with "
            f"input_shape={shape}"
        )
    positions = math.prod(layer.compute_output_shape(shape)[1:-1])
    return positions * sum(math.prod(v.shape) for v in matrices)
