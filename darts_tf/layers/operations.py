"""The candidate operations, and the table that finds them by name.

Each operation holds `copies` independent copies of itself side by side in the
channels. A derived network has one copy of the operation that was chosen; a
mixed operation has one for each edge that leaves its node, so that all of them
are computed at once.
"""

import difflib

import keras

from darts_tf.layers import batch_norm
from darts_tf.layers import convolution
from darts_tf.layers import kernels


class Operation(keras.layers.Layer):
    """What the operations of the published spaces have in common.

    Args:
        filters: Integer, the number of channels of one copy.
        strides: Integer, `1` or `2`. Defaults to `1`.
        copies: Integer, how many independent copies. Defaults to `1`.
        affine: Boolean, whether normalisation learns a scale and an offset:
            not while searching, where they would rescale the op weights.
            Defaults to `True`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Tensor of shape `(batch, height, width, channels)`.
        scale: Optional tensor of shape `(copies * filters,)` by which the
            channels are multiplied: the op weight of each copy, repeated.

    Returns:
        Tensor of shape `(batch, ceil(height / strides),
        ceil(width / strides), copies * filters)`; of `filters` channels if the
        operation is `shared`.
    """

    # Without parameters all copies are equal, and one is computed for all.
    shared = False

    def __init__(self, filters, strides=1, copies=1, affine=True, **kwargs):
        # Keras would cast the scale, too, to a low precision.
        super().__init__(autocast=self.shared, **kwargs)
        self.filters = filters
        self.strides = strides
        self.copies = copies
        self.affine = affine

    def compute_output_shape(self, input_shape, scale_shape=None):
        batch, height, width, _ = input_shape
        return (
            batch,
            convolution.strided(height, self.strides),
            convolution.strided(width, self.strides),
            self.filters * (1 if self.shared else self.copies),
        )

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "strides": self.strides,
            "copies": self.copies,
            "affine": self.affine,
        }


class ConvolutionStack(Operation):
    """Stages of ReLU, convolutions and batch normalisation.

    The op weight is the scale of the last normalisation. Subclasses list
    their stages. Arguments and call are those of `Operation`.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.stages = self._make_stages()
        self.norms = [
            batch_norm.BatchNorm(self.affine, name=f"norm_{k}")
            for k in range(len(self.stages))
        ]

    def _make_stages(self):
        """Returns one list of convolutions for each stage."""
        raise NotImplementedError(type(self).__name__)

    def build(self, input_shape):
        shape = input_shape
        for stage, norm in zip(self.stages, self.norms, strict=True):
            for layer in stage:
                layer.build(shape)
                shape = layer.compute_output_shape(shape)
            norm.build(shape)

    def call(self, inputs, scale=None):
        outputs = inputs
        last = self.norms[-1]
        for stage, norm in zip(self.stages, self.norms, strict=True):
            outputs = keras.ops.relu(outputs)
            for layer in stage:
                outputs = layer(outputs)
            outputs = norm(outputs, scale if norm is last else None)
        return outputs

    def _pointwise(self, stage):
        return convolution.Convolution(
            self.copies * self.filters,
            groups=self.copies,
            name=f"pointwise_{stage}",
        )


class _KernelSize(ConvolutionStack):
    """A stack whose depthwise convolutions have one kernel size."""

    def __init__(self, kernel_size, filters, *args, **kwargs):
        self.kernel_size = kernel_size
        super().__init__(filters, *args, **kwargs)

    def get_config(self):
        return {**super().get_config(), "kernel_size": self.kernel_size}


@keras.saving.register_keras_serializable(package="darts_tf")
class SeparableConvolution(_KernelSize):
    """A depthwise separable convolution, applied twice.

    (ReLU, depthwise, pointwise, batch normalisation) two times; the stride is
    in the first depthwise convolution only.

    Args:
        kernel_size: Odd integer, in pixels.
        filters: Integer, the number of channels of one copy.
        *args: `strides`, `copies` and `affine` of every operation, which
            default to `1`, `1` and `True`.
        **kwargs: The same by name, and those of `keras.layers.Layer`.

    Returns:
        Tensor of shape `(batch, ceil(height / strides),
        ceil(width / strides), copies * filters)`.

    Example:

    >>> layer = darts_tf.layers.SeparableConvolution(3, filters=4, copies=2)
    >>> layer(np.zeros((1, 8, 8, 4), "float32")).shape
    TensorShape([1, 8, 8, 8])

    Reference:
        Section 3.1 of the DARTS paper, arXiv:1806.09055.
    """

    def _make_stages(self):
        first = convolution.DepthwiseConvolution(
            self.kernel_size,
            self.strides,
            copies=self.copies,
            name="depthwise_0",
        )
        second = convolution.DepthwiseConvolution(
            self.kernel_size, name="depthwise_1"
        )
        return [[first, self._pointwise(0)], [second, self._pointwise(1)]]


@keras.saving.register_keras_serializable(package="darts_tf")
class DilatedConvolution(_KernelSize):
    """A depthwise separable convolution of dilation 2, applied once.

    Args:
        kernel_size: Odd integer, in taps; it spans `2 * kernel_size - 1`
            pixels.
        filters: Integer, the number of channels of one copy.
        *args: `strides`, `copies` and `affine` of every operation, which
            default to `1`, `1` and `True`.
        **kwargs: The same by name, and those of `keras.layers.Layer`.

    Returns:
        Tensor of shape `(batch, ceil(height / strides),
        ceil(width / strides), copies * filters)`.

    Example:

    >>> layer = darts_tf.layers.DilatedConvolution(5, filters=4, strides=2)
    >>> layer(np.zeros((1, 8, 8, 4), "float32")).shape
    TensorShape([1, 4, 4, 4])

    Reference:
        Section 3.1 of the DARTS paper, arXiv:1806.09055.
    """

    def _make_stages(self):
        depthwise = convolution.DepthwiseConvolution(
            self.kernel_size,
            self.strides,
            dilation_rate=2,
            copies=self.copies,
            name="depthwise_0",
        )
        return [[depthwise, self._pointwise(0)]]


@keras.saving.register_keras_serializable(package="darts_tf")
class Conv7x1(ConvolutionStack):
    """A 1x7 and a 7x1 convolution after one ReLU, normalised once.

    Args:
        *args: `filters`, `strides`, `copies` and `affine` of every operation;
            all but the first default, to `1`, `1` and `True`.
        **kwargs: The same by name, and those of `keras.layers.Layer`.

    Returns:
        Tensor of shape `(batch, ceil(height / strides),
        ceil(width / strides), copies * filters)`.

    Example:

    >>> layer = darts_tf.layers.Conv7x1(filters=4, strides=2)
    >>> layer(np.zeros((1, 8, 8, 4), "float32")).shape
    TensorShape([1, 4, 4, 4])

    Reference:
        Real et al., arXiv:1802.01548 (AmoebaNet).
    """

    def _make_stages(self):
        filters = self.copies * self.filters
        return [
            [
                convolution.Convolution(
                    filters, (1, 7), (1, self.strides), name="conv_1x7"
                ),
                convolution.Convolution(
                    filters,
                    (7, 1),
                    (self.strides, 1),
                    groups=self.copies,
                    name="conv_7x1",
                ),
            ]
        ]


@keras.saving.register_keras_serializable(package="darts_tf")
class PointwiseConvolution(ConvolutionStack):
    """ReLU, 1x1 convolution, batch normalisation.

    It brings a cell's inputs to the cell's filters.

    Args:
        *args: `filters`, `strides`, `copies` and `affine` of every operation;
            all but the first default, to `1`, `1` and `True`.
        **kwargs: The same by name, and those of `keras.layers.Layer`.

    Returns:
        Tensor of shape `(batch, ceil(height / strides),
        ceil(width / strides), copies * filters)`.

    Example:

    >>> layer = darts_tf.layers.PointwiseConvolution(filters=4)
    >>> layer(np.zeros((1, 8, 8, 12), "float32")).shape
    TensorShape([1, 8, 8, 4])
    """

    def _make_stages(self):
        return [
            [
                convolution.Convolution(
                    self.copies * self.filters,
                    strides=self.strides,
                    name="pointwise_0",
                )
            ]
        ]


@keras.saving.register_keras_serializable(package="darts_tf")
class FactorizedReduce(Operation):
    """Halves the resolution without losing every other pixel.

    ReLU, then two 1x1 convolutions of stride 2 with half the filters each,
    the second on the inputs shifted by one pixel, joined and normalised.

    Args:
        filters: Even integer, the number of channels of one copy.
        strides: Integer, always `2`. Defaults to `2`.
        copies: Integer, how many independent copies. Defaults to `1`.
        affine: Boolean, whether normalisation learns a scale and an offset.
            Defaults to `True`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Returns:
        Tensor of shape `(batch, ceil(height / 2), ceil(width / 2),
        copies * filters)`.

    Raises:
        ValueError: If `filters` is odd or `strides` is not 2.

    Example:

    >>> layer = darts_tf.layers.FactorizedReduce(filters=4)
    >>> layer(np.zeros((1, 8, 8, 12), "float32")).shape
    TensorShape([1, 4, 4, 4])
    """

    def __init__(self, filters, strides=2, copies=1, affine=True, **kwargs):
        if filters % 2 or strides != 2:
            raise ValueError(
                "A factorized reduction needs an even number of filters and "
                f"strides of 2. Received: filters={filters}, strides={strides}"
            )
        super().__init__(filters, strides, copies, affine, **kwargs)
        half = copies * filters // 2
        self.even = convolution.Convolution(half, strides=2, name="even")
        self.odd = convolution.Convolution(half, strides=2, name="odd")
        self.norm = batch_norm.BatchNorm(affine, name="norm")

    def build(self, input_shape):
        self.even.build(input_shape)
        self.odd.build(input_shape)
        self.norm.build(self.compute_output_shape(input_shape))

    def call(self, inputs, scale=None):
        inputs = keras.ops.relu(inputs)
        # Differs from the reference: an odd size is padded, not an error.
        _, height, width, _ = inputs.shape
        crop = [(0, 0), (0, height % 2), (0, width % 2), (0, 0)]
        shifted = (
            keras.ops.pad(inputs, crop) if height % 2 + width % 2 else (inputs)
        )
        halves = [self.even(inputs), self.odd(shifted[:, 1:, 1:])]
        outputs = self._join(halves)
        return self.norm(outputs, scale)

    def _join(self, halves):
        """Puts the two halves of each copy side by side."""
        if self.copies == 1:
            return keras.ops.concatenate(halves, -1)
        shape = (-1, *halves[0].shape[1:3])
        apart = (*shape, self.copies, self.filters // 2)
        return keras.ops.reshape(
            keras.ops.concatenate(
                [keras.ops.reshape(half, apart) for half in halves], -1
            ),
            (*shape, self.copies * self.filters),
        )


@keras.saving.register_keras_serializable(package="darts_tf")
class Pool(Operation):
    """A 3x3 pool, followed by batch normalisation while searching.

    Args:
        kind: String, `"max"` or `"average"`; the average does not count the
            padding.
        filters: Integer, the number of channels.
        strides: Integer, `1` or `2`. Defaults to `1`.
        copies: Integer, how many edges share the result. Defaults to `1`.
        affine: Boolean. `False` means searching, where the result is
            normalised without affine parameters. Defaults to `True`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Returns:
        Tensor of shape `(batch, ceil(height / strides),
        ceil(width / strides), filters)`: one result for all copies.

    Raises:
        ValueError: If `kind` is neither of the two.

    Example:

    >>> layer = darts_tf.layers.Pool("max", filters=4, strides=2)
    >>> layer(np.zeros((1, 8, 8, 4), "float32")).shape
    TensorShape([1, 4, 4, 4])
    """

    shared = True

    def __init__(
        self, kind, filters, strides=1, copies=1, affine=True, **kwargs
    ):
        super().__init__(filters, strides, copies, affine, **kwargs)
        if kind not in ("max", "average"):
            raise ValueError(
                f"`kind` must be 'max' or 'average'. Received: kind={kind!r}"
            )
        self.kind = kind
        self.norm = None if affine else batch_norm.BatchNorm(False, name="norm")

    def build(self, input_shape):
        if self.norm is not None:
            self.norm.build(self.compute_output_shape(input_shape))

    def call(self, inputs):
        pool = kernels.max_pool if self.kind == "max" else kernels.average_pool
        outputs = pool(inputs, self.strides)
        return outputs if self.norm is None else self.norm(outputs)

    def get_config(self):
        return {**super().get_config(), "kind": self.kind}


@keras.saving.register_keras_serializable(package="darts_tf")
class Identity(Operation):
    """Passes its inputs on: `skip_connect` at stride 1.

    Args:
        *args: `filters`, `strides`, `copies` and `affine` of every operation;
            all but the first default, to `1`, `1` and `True`.
        **kwargs: The same by name, and those of `keras.layers.Layer`.

    Returns:
        The inputs.

    Example:

    >>> darts_tf.layers.Identity(filters=1)(np.ones((1, 1, 1, 1))).shape
    TensorShape([1, 1, 1, 1])
    """

    shared = True

    def call(self, inputs):
        return inputs


@keras.saving.register_keras_serializable(package="darts_tf")
class Zero(Operation):
    """The primitive `none`: no connection. A mixed operation skips it.

    Args:
        *args: `filters`, `strides`, `copies` and `affine` of every operation;
            all but the first default, to `1`, `1` and `True`.
        **kwargs: The same by name, and those of `keras.layers.Layer`.

    Returns:
        Zeros of shape `(batch, ceil(height / strides),
        ceil(width / strides), filters)`.

    Example:

    >>> layer = darts_tf.layers.Zero(filters=4, strides=2)
    >>> layer(np.ones((1, 8, 8, 4), "float32")).shape
    TensorShape([1, 4, 4, 4])
    """

    shared = True

    def call(self, inputs):
        return keras.ops.zeros_like(inputs[:, :: self.strides, :: self.strides])


class Replicated(Operation):
    """Independent copies of a layer that knows nothing of copies.

    Args:
        factory: Callable `factory(filters, strides)` that returns a layer.
        filters: Integer, the number of channels of one copy.
        strides: Integer, `1` or `2`. Defaults to `1`.
        copies: Integer, how many independent copies. Defaults to `1`.
        affine: Boolean; the layer cannot tell. Defaults to `True`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.
    """

    def __init__(
        self, factory, filters, strides=1, copies=1, affine=True, **kwargs
    ):
        super().__init__(filters, strides, copies, affine, **kwargs)
        self.layers = [factory(filters, strides) for _ in range(copies)]

    def build(self, input_shape):
        expected = self.compute_output_shape(input_shape)[:3] + (self.filters,)
        for layer in self.layers:
            layer.build(input_shape)
            received = tuple(layer.compute_output_shape(input_shape))
            if received != expected:
                raise ValueError(
                    f"An operation with filters={self.filters} and "
                    f"strides={self.strides} must return the shape "
                    f"{expected} for inputs of shape {tuple(input_shape)}. "
                    f"Received: {received} from {layer.name}"
                )

    def call(self, inputs, scale=None):
        outputs = keras.ops.concatenate(
            [layer(inputs) for layer in self.layers], -1
        )
        if scale is None:
            return outputs
        return outputs * keras.ops.cast(scale, outputs.dtype)


def _skip_connect(filters, strides, copies, affine, **kwargs):
    kind = Identity if strides == 1 else FactorizedReduce
    return kind(filters, strides, copies, affine, **kwargs)


def _with(kind, *leading):
    return lambda *args, **kwargs: kind(*leading, *args, **kwargs)


# name -> callable(filters, strides, copies, affine, **kwargs)
_TABLE = {
    "none": Zero,
    "max_pool_3x3": _with(Pool, "max"),
    "avg_pool_3x3": _with(Pool, "average"),
    "skip_connect": _skip_connect,
    "sep_conv_3x3": _with(SeparableConvolution, 3),
    "sep_conv_5x5": _with(SeparableConvolution, 5),
    "sep_conv_7x7": _with(SeparableConvolution, 7),
    "dil_conv_3x3": _with(DilatedConvolution, 3),
    "dil_conv_5x5": _with(DilatedConvolution, 5),
    "conv_7x1_1x7": Conv7x1,
}
_PUBLISHED = frozenset(_TABLE)


def register_operation(name, factory):
    """Makes an operation of one's own available under a name.

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
    _TABLE[name] = _with(Replicated, factory)


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
