"""What candidate operations have in common, and the simple ones.

Each operation holds `copies` independent copies of itself side by side in the
channels. A derived network has one copy of the operation that was chosen; a
mixed operation has one for each edge that leaves its node, so that all of them
are computed at once.
"""

import keras

from darts_tf.layers import batch_norm
from darts_tf.layers import convolution
from darts_tf.layers import input_transforms
from darts_tf.layers import inputs as inputs_lib
from darts_tf.layers import pooling_kernels


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
        if self.shared:  # it has no parameters, and keeps the channels
            self.input_spec = inputs_lib.image_spec(filters)

    def input_transform(self, image_shape, training=None):
        """Returns what is to be done with the inputs before `call_in_chunks`.

        Args:
            image_shape: Tuple, the shape of a batch of images.
            training: Boolean. In inference, which exporters see, convolutions
                have their own strides and dilation.

        Returns:
            An `InputTransform`.
        """
        return input_transforms.IDENTITY

    def call_in_chunks(self, chunks, transform, scale=None, training=None):
        """Computes some of the copies at a time.

        An operation that takes images as they are computes all copies at once.

        Args:
            chunks: List of tensors, what each chunk of the copies reads.
            transform: `InputTransform`, what was done with the inputs.
            scale: Optional tensor, as in the call.
            training: Boolean.

        Returns:
            List of tensors, the outputs' channels in as many chunks; the
            transform is yet to be undone.
        """
        (images,) = chunks
        return [self(images, scale, training=training)]

    def compute_output_shape(self, input_shape):
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

    def call(self, inputs, training=None):
        inputs = inputs_lib.numbers(inputs, self.compute_dtype)
        pool = (
            pooling_kernels.max_pool
            if self.kind == "max"
            else pooling_kernels.average_pool
        )
        outputs = pool(inputs, self.strides, training=bool(training))
        return outputs if self.norm is None else self.norm(outputs)

    def get_config(self):
        return {**super().get_config(), "kind": self.kind}


@keras.saving.register_keras_serializable(package="darts_tf")
class Identity(Operation):
    """Passes its inputs on: `skip_connect` at stride 1.

    Args:
        filters: Integer, the number of channels.
        strides: Integer, `1` or `2`. Defaults to `1`.
        copies: Integer, without effect here. Defaults to `1`.
        affine: Boolean, without effect here. Defaults to `True`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

    Returns:
        The inputs.

    Example:

    >>> darts_tf.layers.Identity(filters=1)(np.ones((1, 1, 1, 1))).shape
    TensorShape([1, 1, 1, 1])
    """

    shared = True

    def call(self, inputs):
        return inputs_lib.numbers(inputs, self.compute_dtype)


@keras.saving.register_keras_serializable(package="darts_tf")
class Zero(Operation):
    """The primitive `none`: no connection. A mixed operation skips it.

    Args:
        filters: Integer, the number of channels.
        strides: Integer, `1` or `2`. Defaults to `1`.
        copies: Integer, without effect here. Defaults to `1`.
        affine: Boolean, without effect here. Defaults to `True`.
        **kwargs: Keyword arguments of `keras.layers.Layer`.

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
        inputs = inputs_lib.numbers(inputs, self.compute_dtype)
        return keras.ops.zeros_like(inputs[:, :: self.strides, :: self.strides])


class Replicated(Operation):
    """Independent copies of a layer that has no argument `copies`.

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
        self.input_spec = inputs_lib.image_spec(input_shape[-1])
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
        inputs = inputs_lib.numbers(inputs, self.compute_dtype)
        outputs = keras.ops.concatenate(
            [layer(inputs) for layer in self.layers], -1
        )
        if scale is None:
            return outputs
        return outputs * keras.ops.cast(scale, outputs.dtype)
