"""The supernet as it is usually written: a layer for each edge and operation.

It is what the merged form is compared with: for equal results, by the tests,
and for speed, by `benchmarks.search_step`. Written with stock Keras layers and
nothing of `darts_tf.layers`, so that neither shares a mistake with the other.
"""

import keras
import numpy as np


class PlainSupernet(keras.Model):
    """Computes what a `darts_tf.ConvSupernet` does, edge by edge.

    Args:
        supernet: The built `darts_tf.ConvSupernet` to imitate, weights too.
        batch_norm: Callable that returns a normalisation layer without affine
            parameters. Defaults to `None`, Keras' own.
    """

    def __init__(self, supernet, batch_norm=None):
        super().__init__()
        self.make_norm = batch_norm or _keras_norm
        self.plan = supernet.plan
        self.space = supernet.space
        self.num_classes = supernet.num_classes
        self.alphas = supernet.alphas  # the same variables
        self.stem = _chain(
            keras.layers.Conv2D(
                supernet.stem.filters[0], 3, padding="same", use_bias=False
            ),
            keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5),
        )
        self.cells = [
            PlainCell(self.space, plan, self.make_norm) for plan in self.plan
        ]
        self.classifier = _chain(
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(supernet.num_classes),
        )

    @property
    def network_weights(self):
        """All trainable variables but the alphas."""
        logits = {id(variable) for variable in self.alphas.logits}
        return [v for v in self.trainable_variables if id(v) not in logits]

    def build(self, input_shape):
        self.built = True  # each layer is built as it is called

    def call(self, inputs):
        """Computes the logits of the classes."""
        op_weights = self.alphas.op_weights()
        before = outputs = self.stem(inputs)
        for cell, plan in zip(self.cells, self.plan, strict=True):
            before, outputs = (
                outputs,
                cell([before, outputs], op_weights[plan.cell_type]),
            )
        return self.classifier(outputs)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.num_classes)

    def take_weights(self, supernet):
        """Copies the weights of the merged form, edge by edge."""
        _assign(self.stem, *supernet.stem.convolutions, *supernet.stem.norms)
        self.classifier.layers[1].set_weights(supernet.classifier.get_weights())
        for cell, merged in zip(self.cells, supernet.cells, strict=True):
            for mine, theirs in zip(
                cell.preprocess, merged.preprocess, strict=True
            ):
                mine.take(theirs, 0)
            for (source, target), edge in zip(
                self.space.edges, cell.edges, strict=True
            ):
                mixed = merged.mixed_ops[source]
                copy = target - max(source + 1, self.space.num_inputs)
                for mine, theirs in zip(edge, mixed.operations, strict=True):
                    mine.take(theirs, copy)


class PlainCell(keras.layers.Layer):
    """A cell with one list of operations for each edge."""

    def __init__(self, space, plan, make_norm):
        super().__init__()
        self.space = space
        reduced = plan.previous_cell_type == "reduction"
        self.preprocess = [
            Reduce(plan.filters, make_norm)
            if reduced
            else Pointwise(plan.filters, make_norm),
            Pointwise(plan.filters, make_norm),
        ]
        self.edges = [
            [
                _make(
                    primitive,
                    plan.filters,
                    2 if plan.cell_type == "reduction" and source < 2 else 1,
                    make_norm,
                )
                for primitive in space.primitives
            ]
            for source, _ in space.edges
        ]

    def call(self, inputs, op_weights):
        """Computes Eq. 1 and 2 as they stand."""
        nodes = [
            layer(tensor)
            for layer, tensor in zip(self.preprocess, inputs, strict=True)
        ]
        for node in range(2, 2 + self.space.num_nodes):
            total = 0.0
            for k, (source, target) in enumerate(self.space.edges):
                if target == node:
                    for o, layer in enumerate(self.edges[k]):
                        total += op_weights[k, o] * layer(nodes[source])
            nodes.append(total)
        return keras.ops.concatenate(nodes[2:], -1)


class Chain(keras.layers.Layer):
    """Layers one after the other."""

    def __init__(self, *layers):
        super().__init__()
        self.layers = list(layers)

    def call(self, inputs):
        for layer in self.layers:
            inputs = layer(inputs)
        return inputs

    def take(self, merged, copy):
        """Copies the kernels of one copy of a merged operation."""
        theirs = [c for stage in getattr(merged, "stages", ()) for c in stage]
        mine = [
            layer
            for layer in self.layers
            if isinstance(
                layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D
            )
        ]
        for layer, source in zip(mine, theirs, strict=True):
            _set_kernel(layer, source.kernel, copy)


class Reduce(keras.layers.Layer):
    """FactorizedReduce: two strided 1x1 convolutions, one of them shifted."""

    def __init__(self, filters, make_norm):
        super().__init__()
        self.halves = [
            keras.layers.Conv2D(filters // 2, 1, 2, use_bias=False)
            for _ in range(2)
        ]
        self.norm = make_norm()

    def call(self, inputs):
        inputs = keras.ops.relu(inputs)
        odd = inputs[:, 1:, 1:]
        return self.norm(
            keras.ops.concatenate(
                [self.halves[0](inputs), self.halves[1](odd)], -1
            )
        )

    def take(self, merged, copy):
        """Copies the kernels of one copy of a merged operation."""
        _set_kernel(self.halves[0], merged.even.kernel, copy)
        _set_kernel(self.halves[1], merged.odd.kernel, copy)


class AveragePool(keras.layers.Layer):
    """Averages over the pixels inside the image."""

    def __init__(self, strides):
        super().__init__()
        self.strides = strides

    def call(self, inputs):
        pads = [(0, 0), (1, 1), (1, 1), (0, 0)]
        total, count = (
            keras.ops.average_pool(
                keras.ops.pad(x, pads), 3, self.strides, "valid"
            )
            for x in (inputs, keras.ops.ones_like(inputs))
        )
        return total / count


class MaxPool(keras.layers.Layer):
    """Takes the maximum over the pixels inside the image."""

    def __init__(self, strides):
        super().__init__()
        self.strides = strides

    def call(self, inputs):
        pads = [(0, 0), (1, 1), (1, 1), (0, 0)]
        padded = keras.ops.pad(inputs, pads, constant_values=-1e30)
        return keras.ops.max_pool(padded, 3, self.strides, "valid")


class NoConnection(keras.layers.Layer):
    """No connection: zero times the inputs."""

    def __init__(self, strides):
        super().__init__()
        self.strides = strides

    def call(self, inputs):
        return 0.0 * inputs[:, :: self.strides, :: self.strides]

    def take(self, merged, copy):
        """Has nothing to copy."""


def _make(primitive, filters, strides, make_norm):
    """Makes one operation of one edge, as in Section 3.1 of the paper."""
    size = int(primitive[-1]) if primitive[-1].isdigit() else 0
    if primitive == "none":
        return NoConnection(strides)
    if primitive == "skip_connect":
        return Chain() if strides == 1 else Reduce(filters, make_norm)
    if primitive == "max_pool_3x3":
        return Chain(MaxPool(strides), make_norm())
    if primitive == "avg_pool_3x3":
        return Chain(AveragePool(strides), make_norm())
    if primitive.startswith("dil"):
        return Chain(*_depthwise(filters, size, strides, 2, make_norm))
    return Chain(
        *_depthwise(filters, size, strides, 1, make_norm),
        *_depthwise(filters, size, 1, 1, make_norm),
    )


def _depthwise(filters, size, strides, dilation, make_norm):
    layers = [
        keras.layers.ReLU(),
        keras.layers.DepthwiseConv2D(
            size,
            padding="same",
            dilation_rate=dilation,
            use_bias=False,
        ),
    ]
    if strides == 2:  # stride 1, then every other pixel: exact, if wasteful
        if dilation == 1:
            layers[1:] = [
                keras.layers.ZeroPadding2D(size // 2),
                keras.layers.DepthwiseConv2D(size, 2, use_bias=False),
            ]
        else:
            layers.append(Subsample())
    return [
        *layers,
        keras.layers.Conv2D(filters, 1, use_bias=False),
        make_norm(),
    ]


class Subsample(keras.layers.Layer):
    """Keeps every other pixel."""

    def call(self, inputs):
        return inputs[:, ::2, ::2]


class Pointwise(Chain):
    """ReLU, 1x1 convolution, normalisation."""

    def __init__(self, filters, make_norm):
        super().__init__(
            keras.layers.ReLU(),
            keras.layers.Conv2D(filters, 1, use_bias=False),
            make_norm(),
        )


def _keras_norm():
    return keras.layers.BatchNormalization(
        center=False, scale=False, momentum=0.9, epsilon=1e-5
    )


def _chain(*layers):
    return Chain(*layers)


def _assign(chain, convolution, norm):
    chain.layers[0].set_weights([np.array(convolution.kernel)])
    chain.layers[1].set_weights(
        [
            np.array(v)
            for v in (
                norm.gamma,
                norm.beta,
                norm.moving_mean,
                norm.moving_variance,
            )
        ]
    )


def _set_kernel(layer, merged, copy):
    kernel = np.array(merged)
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        kernel = kernel.transpose(0, 1, 3, 2)
        channels = layer.kernel.shape[2]
        part = kernel[:, :, copy * channels : (copy + 1) * channels]
    else:
        channels = layer.filters
        part = kernel[..., copy * channels : (copy + 1) * channels]
    layer.set_weights([part])
