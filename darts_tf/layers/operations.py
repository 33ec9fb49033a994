"""The table that finds candidate operations by name, open to the user's own."""

import difflib

from darts_tf.layers import convolution_stack
from darts_tf.layers import operation


def _skip_connect(filters, strides, copies, affine, **kwargs):
    kind = (
        operation.Identity
        if strides == 1
        else convolution_stack.FactorizedReduce
    )
    return kind(filters, strides, copies, affine, **kwargs)


def _with(kind, *leading):
    return lambda *args, **kwargs: kind(*leading, *args, **kwargs)


# name -> callable(filters, strides, copies, affine, **kwargs)
_TABLE = {
    "none": operation.Zero,
    "max_pool_3x3": _with(operation.Pool, "max"),
    "avg_pool_3x3": _with(operation.Pool, "average"),
    "skip_connect": _skip_connect,
    "sep_conv_3x3": _with(convolution_stack.SeparableConvolution, 3),
    "sep_conv_5x5": _with(convolution_stack.SeparableConvolution, 5),
    "sep_conv_7x7": _with(convolution_stack.SeparableConvolution, 7),
    "dil_conv_3x3": _with(convolution_stack.DilatedConvolution, 3),
    "dil_conv_5x5": _with(convolution_stack.DilatedConvolution, 5),
    "conv_7x1_1x7": convolution_stack.Conv7x1,
    "nor_conv_1x1": _with(convolution_stack.StandardConvolution, 1),
    "nor_conv_3x3": _with(convolution_stack.StandardConvolution, 3),
}
_POOLS = ("max_pool_3x3", "avg_pool_3x3")
_PUBLISHED = frozenset(_TABLE)


def register_operation(name, factory):
    """Makes a custom operation available under a name.

    The name can then stand in the primitives of a `SearchSpace` and in a
    genotype. Register before building or loading a network that uses it.

    Args:
        name: String, an identifier that no published operation has. A second
            registration of a name replaces the first.
        factory: Callable `factory(filters, strides)` that returns a Keras
            layer, which takes `(batch, height, width, channels)` to
            `(batch, ceil(height / strides), ceil(width / strides), filters)`.

    Raises:
        ValueError: If the name is no identifier or is a published one.

    Example:

    >>> def conv_1x1(filters, strides):
    ...     return keras.layers.Conv2D(filters, 1, strides)
    >>> darts_tf.register_operation("conv_1x1", conv_1x1)
    >>> space = darts_tf.SearchSpace.conv(["none", "conv_1x1"], num_nodes=2)
    """
    if not (isinstance(name, str) and name.isidentifier()):
        raise ValueError(
            f"The name must be an identifier. Received: name={name!r}"
        )
    if name in _PUBLISHED:
        raise ValueError(
            "The name must not be that of a published operation. "
            f"Received: name={name!r}"
        )
    _TABLE[name] = _with(operation.Replicated, factory)


def create(primitive, filters, strides=1, copies=1, affine=True, **kwargs):
    """Makes the layer of a primitive.

    Args:
        primitive: String, the published or registered name.
        filters: Integer, the number of channels of one copy.
        strides: Integer, `1` or `2`. Defaults to `1`.
        copies: Integer, how many independent copies. Defaults to `1`.
        affine: Boolean, `False` while searching. Defaults to `True`.
        **kwargs: Keyword arguments of `keras.layers.Layer`. The name defaults
            to that of the primitive.

    Returns:
        An `Operation`.

    Raises:
        ValueError: If no operation has the name.
    """
    check_primitives((primitive,))
    kwargs = {"name": primitive, **kwargs}
    return _TABLE[primitive](filters, strides, copies, affine, **kwargs)


def is_pool(primitive):
    """Tells whether a published primitive is a pool.

    Args:
        primitive: String.
    """
    return primitive in _POOLS


def check_primitives(primitives):
    """Raises an error that helps, if an operation is not known.

    Args:
        primitives: Iterable of strings.

    Raises:
        ValueError: If no operation has one of the names.
    """
    for name in primitives:
        if name in _TABLE:
            continue
        close = difflib.get_close_matches(str(name), _TABLE, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(
            f"A primitive must be one of {sorted(_TABLE)}, or be registered "
            f"with `darts_tf.register_operation`. Received: {name!r}.{hint}"
        )
