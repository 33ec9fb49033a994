"""What both forms of a convolutional cell have in common."""

import keras

from darts_tf.layers import convolution_stack
from darts_tf.layers import inputs as inputs_lib
from darts_tf.layers import operation

CELL_TYPES = ("normal", "reduction")


class ConvCellBase(keras.layers.Layer):
    """Brings the outputs of the cells before to this cell's filters."""

    def __init__(
        self,
        filters,
        cell_type,
        previous_cell_type,
        preprocess,
        **kwargs,
    ):
        # Keras would cast the op weights, too, to a low precision.
        super().__init__(autocast=False, **kwargs)
        for name, value in (
            ("cell_type", cell_type),
            ("previous_cell_type", previous_cell_type),
        ):
            if value not in CELL_TYPES:
                raise ValueError(
                    f"`{name}` must be one of {CELL_TYPES}. "
                    f"Received: {name}={value!r}"
                )
        self.filters = filters
        self.cell_type = cell_type
        self.previous_cell_type = previous_cell_type
        self.has_preprocessing = preprocess

    def _make_preprocessing(self, affine):
        if not self.has_preprocessing:
            self.preprocess = []
            return
        if self.num_inputs > 2:
            raise ValueError(
                "A convolutional cell has one or two inputs, the outputs of "
                f"the cells before. Received: num_inputs={self.num_inputs}"
            )
        # If the cell before halved the resolution, the one before it did not.
        same = convolution_stack.PointwiseConvolution
        halving = convolution_stack.FactorizedReduce
        reduced = self.previous_cell_type == "reduction"
        kinds = (halving if reduced else same, same)
        self.preprocess = [
            kind(self.filters, affine=affine, name=f"preprocess_{k}")
            for k, kind in enumerate(kinds[-self.num_inputs :])
        ]

    def _build_preprocessing(self, input_shape):
        """Builds it and returns the shape of an input node's tensor."""
        self.input_spec = tuple(
            inputs_lib.image_spec(shape[-1]) for shape in input_shape
        )
        if not self.has_preprocessing:
            return tuple(input_shape[-1])
        for layer, shape in zip(self.preprocess, input_shape, strict=True):
            layer.build(shape)
        return self.preprocess[-1].compute_output_shape(input_shape[-1])

    def _preprocess(self, inputs):
        if not self.has_preprocessing:
            return [
                inputs_lib.numbers(tensor, self.compute_dtype)
                for tensor in inputs
            ]
        return [
            layer(tensor)
            for layer, tensor in zip(self.preprocess, inputs, strict=True)
        ]

    def _strides(self, source):
        is_input = source < self.num_inputs
        return 2 if self.cell_type == "reduction" and is_input else 1

    def _shape_of(self, source, shape):
        """Returns the shape of a node's tensor from that of an input node."""
        return shape if source < self.num_inputs else self._halved(shape)

    def _sum_or_zeros(self, total, x):
        """Returns a node, which is zero if nothing leads to it."""
        if total is not None:
            return total
        zero = operation.Zero(
            self.filters, self._strides(0), dtype=self.dtype_policy
        )
        return zero(x[0])

    def _halved(self, shape):
        """Returns the shape of an intermediate node's tensor."""
        strides = self._strides(0)
        return (
            shape[0],
            *(
                None if size is None else -(-size // strides)
                for size in shape[1:3]
            ),
            self.filters,
        )

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "cell_type": self.cell_type,
            "previous_cell_type": self.previous_cell_type,
            "preprocess": self.has_preprocessing,
        }
