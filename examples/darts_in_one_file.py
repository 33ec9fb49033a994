"""DARTS in one file: the whole method, in plain Keras, without darts_tf.

    python examples/darts_in_one_file.py

searches for a cell on handwritten digits, in one to two minutes on two CPU
cores, and prints it. Read it beside the paper, arXiv:1806.09055, whose
equations the comments name. It is short instead of fast: each operation of
each edge is a layer. `darts_tf.DartsSearchModel` computes the same, up to the
rounding of double precision, which a test checks.
"""

import keras
import numpy as np
import tensorflow as tf

# What an edge can be (Section 3.1.1, without the larger convolutions).
PRIMITIVES = ["none", "max_pool_3x3", "skip_connect", "sep_conv_3x3"]
PRIMITIVES += ["dil_conv_3x3"]


class BatchNorm(keras.layers.BatchNormalization):
    """Batch normalisation that can be differentiated twice.

    Keras takes the mean inside of the variance for a constant. That leaves the
    gradient as it is, but makes the gradient of a gradient wrong.
    """

    def _moments(self, x, mask):
        mean = keras.ops.mean(x, (0, 1, 2))
        return mean, keras.ops.mean(keras.ops.square(x - mean), (0, 1, 2))


def batch_norm():
    """While searching it has no weights, which would undo those of Eq. 2."""
    return BatchNorm(-1, 0.9, 1e-5, center=False, scale=False)


def pointwise(filters):
    """Brings images to a number of channels."""
    return [
        keras.layers.ReLU(),
        keras.layers.Conv2D(filters, 1, use_bias=False),
        batch_norm(),
    ]


def convolution(filters, strides=1, dilation=1):
    """A 3x3 convolution of each channel, then a 1x1 convolution of all."""
    depthwise = keras.layers.DepthwiseConv2D(
        3, padding="same", dilation_rate=dilation, use_bias=False
    )
    every_other = keras.layers.AveragePooling2D(1, strides)
    relu, *others = pointwise(filters)
    return [relu, depthwise, every_other, *others]


class MaxPool(keras.layers.Layer):
    """The largest of 3x3 pixels, with a border on all four sides."""

    def __init__(self, strides):
        super().__init__()
        self.strides = strides

    def call(self, x):
        border = [(0, 0), (1, 1), (1, 1), (0, 0)]
        x = keras.ops.pad(x, border, constant_values=-np.inf)
        return keras.ops.max_pool(x, 3, self.strides)


class HalfSize(keras.layers.Layer):
    """Half the height and width: the even pixels beside the odd ones."""

    def __init__(self, filters):
        super().__init__()
        self.even = keras.layers.Conv2D(filters // 2, 1, 2, use_bias=False)
        self.odd = keras.layers.Conv2D(filters // 2, 1, 2, use_bias=False)
        self.norm = batch_norm()

    def call(self, x):
        x = keras.ops.relu(x)
        halves = [self.even(x), self.odd(x[:, 1:, 1:])]
        return self.norm(keras.ops.concatenate(halves, -1))


def operation(primitive, filters, strides):
    """Makes the layer of a primitive; `none` is zero and needs no layer."""
    if primitive == "max_pool_3x3":
        return keras.Sequential([MaxPool(strides), batch_norm()])
    if primitive == "skip_connect":
        return keras.layers.Identity() if strides == 1 else HalfSize(filters)
    if primitive == "dil_conv_3x3":
        return keras.Sequential(convolution(filters, strides, dilation=2))
    return keras.Sequential(
        convolution(filters, strides) + convolution(filters)
    )


class MixedOp(keras.layers.Layer):
    """An edge that is all operations at once (Eq. 2)."""

    def __init__(self, filters, strides):
        super().__init__()
        self.operations = [
            operation(primitive, filters, strides)
            for primitive in PRIMITIVES[1:]
        ]

    def call(self, x, weights):
        _, *weights = keras.ops.unstack(weights)  # the first is that of `none`
        pairs = zip(weights, self.operations, strict=True)
        return sum(w * o(x) for w, o in pairs)


class Cell(keras.layers.Layer):
    """Nodes, each of which sums its edges from all nodes before it (Eq. 1)."""

    def __init__(self, filters, num_nodes, reduces, after_reduction):
        super().__init__()
        self.inputs_to_nodes = [
            HalfSize(filters)
            if after_reduction
            else keras.Sequential(pointwise(filters)),
            keras.Sequential(pointwise(filters)),
        ]
        self.edges = [
            [
                MixedOp(filters, 2 if reduces and source < 2 else 1)
                for source in range(node)
            ]
            for node in range(2, 2 + num_nodes)
        ]

    def call(self, before, last, weights):
        first, second = self.inputs_to_nodes
        nodes = [first(before), second(last)]
        weights = iter(keras.ops.unstack(weights))  # a row for each edge
        for edges in self.edges:
            pairs = zip(edges, nodes, strict=True)
            nodes.append(sum(edge(x, next(weights)) for edge, x in pairs))
        return keras.ops.concatenate(nodes[2:], -1)


class Supernet(keras.Model):
    """A stack of cells; all cells of a type share their alphas."""

    def __init__(self, filters, num_cells, num_nodes, num_classes):
        super().__init__()
        self.stem = keras.Sequential(
            [
                keras.layers.Conv2D(
                    3 * filters, 3, padding="same", use_bias=False
                ),
                BatchNorm(momentum=0.9, epsilon=1e-5),
            ]
        )
        places = num_cells // 3, 2 * num_cells // 3
        self.reduces = [k in places for k in range(num_cells)]
        self.cells = []
        for k, reduces in enumerate(self.reduces):
            filters *= 2 if reduces else 1
            after_reduction = k > 0 and self.reduces[k - 1]
            self.cells.append(
                Cell(filters, num_nodes, reduces, after_reduction)
            )
        self.pool = keras.layers.GlobalAveragePooling2D()
        self.classifier = keras.layers.Dense(num_classes)

    def call(self, x, alphas):
        normal, reduction = (keras.ops.softmax(a) for a in alphas)
        before = last = self.stem(x)
        for cell, reduces in zip(self.cells, self.reduces, strict=True):
            weights = reduction if reduces else normal
            before, last = last, cell(before, last, weights)
        return self.classifier(self.pool(last))


class Darts(keras.Model):
    """The search: each batch of `fit` is a pair, to train w and alpha."""

    def __init__(
        self, filters, num_cells, num_nodes, num_classes, second_order=True
    ):
        super().__init__()
        self.second_order = second_order
        self.num_nodes = num_nodes
        self.supernet = Supernet(filters, num_cells, num_nodes, num_classes)
        num_edges = sum(range(2, 2 + num_nodes))
        near_zero = keras.initializers.RandomNormal(stddev=1e-3)
        self.alphas = [
            self.add_weight((num_edges, len(PRIMITIVES)), near_zero, name=name)
            for name in ("alphas_normal", "alphas_reduction")
        ]

    def compile(self, optimizer, alpha_optimizer):
        super().compile(optimizer, jit_compile=False)
        self.alpha_optimizer = alpha_optimizer

    def build(self, input_shape):
        self.supernet(keras.ops.zeros((1, *input_shape[1:])), self.alphas)
        self.optimizer.build(self.supernet.trainable_variables)
        self.alpha_optimizer.build(self.alphas)
        self.built = True

    def loss_at(self, w, alphas, batch):
        """Returns L(w, alpha) on a batch; no variable is changed."""
        x, y = batch
        given = zip(self.supernet.trainable_variables, w, strict=True)
        with keras.StatelessScope(given) as scope:
            logits = self.supernet(x, alphas, training=True)
        statistics = [
            scope.get_current_value(v)
            for v in self.supernet.non_trainable_variables
        ]
        losses = keras.losses.sparse_categorical_crossentropy(y, logits, True)
        return keras.ops.mean(losses), logits, statistics

    def train_step(self, data):
        """Takes one step of Algorithm 1 (Section 2.3)."""
        train_batch, alpha_batch = data
        w = values(self.supernet.trainable_variables)
        alphas = values(self.alphas)

        # 1. A step of alpha. It lowers the loss on the second batch, at
        #    w' = w - xi * grad_w L_train(w, alpha), which stands in for the
        #    best weights of this alpha (Eq. 5 and 6). First order: w' = w.
        with tf.GradientTape() as tape:
            tape.watch(alphas)
            w_virtual = w
            if self.second_order:
                with tf.GradientTape() as inner_tape:
                    inner_tape.watch(w)
                    train_loss, *_ = self.loss_at(w, alphas, train_batch)
                slopes = inner_tape.gradient(train_loss, w)
                xi = tf.convert_to_tensor(self.optimizer.learning_rate)
                w_virtual = [
                    v - tf.cast(xi, v.dtype) * slope
                    for v, slope in zip(w, slopes, strict=True)
                ]
            alpha_loss, *_ = self.loss_at(w_virtual, alphas, alpha_batch)
        # The tape has seen how w' depends on alpha: both terms of Eq. 7.
        gradients = tape.gradient(alpha_loss, alphas)
        self.alpha_optimizer.apply(gradients, self.alphas)

        # 2. A step of w. It lowers the loss on the first batch, at new alphas.
        alphas = values(self.alphas)
        with tf.GradientTape() as tape:
            tape.watch(w)
            loss, logits, moved = self.loss_at(w, alphas, train_batch)
        gradients = tape.gradient(loss, w)
        self.optimizer.apply(gradients, self.supernet.trainable_variables)
        statistics = self.supernet.non_trainable_variables
        for variable, value in zip(statistics, moved, strict=True):
            variable.assign(value)

        hits = tf.argmax(logits, -1) == tf.cast(train_batch[1], "int64")
        accuracy = tf.reduce_mean(tf.cast(hits, "float32"))
        return {"loss": loss, "alpha_loss": alpha_loss, "accuracy": accuracy}

    def cell(self, alphas):
        """Returns the two strongest edges of each node (Section 2.4)."""
        rows = iter(keras.ops.convert_to_numpy(keras.ops.softmax(alphas)))
        nodes = []
        for node in range(2, 2 + self.num_nodes):
            edges = []
            for source in range(node):
                row = next(rows)[1:]  # `none` is never chosen
                edges.append((row.max(), PRIMITIVES[1 + row.argmax()], source))
            edges = sorted(edges, reverse=True)[:2]
            nodes.append([f"{name}({source})" for _, name, source in edges])
        return nodes


def values(variables):
    """Returns what variables hold now, as tensors."""
    return [tf.convert_to_tensor(variable) for variable in variables]


def main():
    """Searches on the digits, half of which train w and the others alpha."""
    from sklearn import datasets

    keras.utils.set_random_seed(0)
    x, y = datasets.load_digits(return_X_y=True)
    x = (x.reshape(-1, 8, 8, 1) / 16).astype("float32")
    train, alpha = (
        tf.data.Dataset.from_tensor_slices((x[k::2], y[k::2]))
        .shuffle(len(x))
        .batch(32, drop_remainder=True)
        for k in range(2)
    )
    model = Darts(filters=4, num_cells=3, num_nodes=2, num_classes=10)
    model.compile(
        keras.optimizers.SGD(0.1, momentum=0.9, global_clipnorm=5.0),
        keras.optimizers.Adam(3e-3, beta_1=0.5),
    )
    model.build((None, 8, 8, 1))
    pairs = tf.data.Dataset.zip(train, alpha)
    model.fit(pairs, epochs=5, shuffle=False, verbose=2)
    for name, alphas in zip(("normal", "reduction"), model.alphas, strict=True):
        print(f"The {name} cell, whose inputs are the nodes 0 and 1:")
        for node, edges in enumerate(model.cell(alphas), 2):
            print(f"  node {node} = {' + '.join(edges)}")


if __name__ == "__main__":
    main()
