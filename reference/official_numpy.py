"""The official networks in inference, written in NumPy: (batch, channels, ...).

Each function asks `get(name, shape)` for the arrays that the official module
has at that place, by their official names. So a run with `Arrays`, which draws
what it is asked for, makes a state dictionary along with the results.
"""

import itertools

import numpy as np

RECURRENT_PRIMITIVES = ("none", "tanh", "relu", "sigmoid", "identity")


class Arrays:
    """Draws an array for each name that is asked for."""

    def __init__(self, seed=0, dtype="float64"):
        self.rng = np.random.default_rng(seed)
        self.dtype = dtype
        self.arrays = {}
        self._shared = {}

    def __call__(self, name, shape, same_as=None):
        """Returns a new array; the same one for equal values of `same_as`."""
        assert name not in self.arrays
        array = self._shared.get(same_as)
        if array is None:
            array = self._draw(name, shape)
        if same_as is not None:
            self._shared[same_as] = array
        self.arrays[name] = array
        return array.astype("float64")

    def _draw(self, name, shape):
        if name.endswith("running_var"):
            array = self.rng.uniform(0.5, 2.0, shape)
        else:
            # Of a size that keeps activations at about 1.
            scale = np.sqrt(2 / max(1, np.prod(shape[1:])))
            array = self.rng.normal(0.1, scale, shape)
        return array.astype(self.dtype)


def softmax(x):
    x = np.exp(x - x.max(-1, keepdims=True))
    return x / x.sum(-1, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def relu(x):
    return np.maximum(x, 0)


ACTIVATIONS = {
    "tanh": np.tanh,
    "relu": relu,
    "sigmoid": sigmoid,
    "identity": lambda x: x,
}


def convolve(x, kernel, stride=(1, 1), padding=(0, 0), dilation=1, groups=1):
    rows, columns = padding
    x = np.pad(x, ((0, 0), (0, 0), (rows, rows), (columns, columns)))
    filters, depth, height, width = kernel.shape
    size = [
        (x.shape[axis + 2] - dilation * (taps - 1) - 1) // stride[axis] + 1
        for axis, taps in enumerate((height, width))
    ]
    result = np.zeros((len(x), filters, *size))
    per_group = filters // groups
    for group, a, b in itertools.product(
        range(groups), range(height), range(width)
    ):
        inputs = x[:, group * depth : (group + 1) * depth]
        inputs = inputs[:, :, a * dilation :, b * dilation :]
        inputs = inputs[:, :, :: stride[0], :: stride[1]]
        inputs = inputs[:, :, : size[0], : size[1]]
        outputs = slice(group * per_group, (group + 1) * per_group)
        result[:, outputs] += np.einsum(
            "ncij,fc->nfij", inputs, kernel[outputs, :, a, b]
        )
    return result


def norm(get, name, x, affine, same_as=None):
    channels = (x.shape[1],)

    def each(part):
        shared = None if same_as is None else (same_as, part)
        array = get(f"{name}.{part}", channels, shared)
        return array.reshape(-1, *[1] * (x.ndim - 2))

    scale, offset = (each("weight"), each("bias")) if affine else (1, 0)
    mean, variance = each("running_mean"), each("running_var")
    return (x - mean) / np.sqrt(variance + 1e-5) * scale + offset


def pool(x, stride, reduce):
    x = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), (2, 3))
    return reduce(windows[:, :, ::stride, ::stride], (-1, -2))


def relu_conv_norm(get, name, x, filters, affine):
    kernel = get(f"{name}.op.1.weight", (filters, x.shape[1], 1, 1))
    return norm(get, f"{name}.op.2", convolve(relu(x), kernel), affine)


def factorized_reduce(get, name, x, filters, affine):
    x = relu(x)
    shape = (filters // 2, x.shape[1], 1, 1)
    halves = [
        convolve(x, get(f"{name}.conv_1.weight", shape), (2, 2)),
        convolve(x[:, :, 1:, 1:], get(f"{name}.conv_2.weight", shape), (2, 2)),
    ]
    return norm(get, f"{name}.bn", np.concatenate(halves, 1), affine)


def depthwise(get, name, x, taps, stride=1, dilation=1):
    kernel = get(name, (x.shape[1], 1, taps, taps))
    pad = dilation * (taps // 2)
    return convolve(x, kernel, (stride,) * 2, (pad,) * 2, dilation, x.shape[1])


def sep_conv(get, name, x, taps, stride, affine):
    channels = x.shape[1]
    for place in (1, 5):
        x = depthwise(get, f"{name}.op.{place}.weight", relu(x), taps, stride)
        kernel = get(
            f"{name}.op.{place + 1}.weight", (channels, channels, 1, 1)
        )
        x = norm(get, f"{name}.op.{place + 2}", convolve(x, kernel), affine)
        stride = 1
    return x


def dil_conv(get, name, x, taps, stride, affine):
    channels = x.shape[1]
    x = depthwise(get, f"{name}.op.1.weight", relu(x), taps, stride, 2)
    kernel = get(f"{name}.op.2.weight", (channels, channels, 1, 1))
    return norm(get, f"{name}.op.3", convolve(x, kernel), affine)


def conv_7x1_1x7(get, name, x, stride, affine):
    channels = x.shape[1]
    wide = get(f"{name}.1.weight", (channels, channels, 1, 7))
    x = convolve(relu(x), wide, (1, stride), (0, 3))
    high = get(f"{name}.2.weight", (channels, channels, 7, 1))
    return norm(
        get, f"{name}.3", convolve(x, high, (stride, 1), (3, 0)), affine
    )


def operation(get, name, primitive, x, stride, affine):
    kind, _, size = primitive.rpartition("_")
    if primitive == "none":
        return np.zeros_like(x[:, :, ::stride, ::stride])
    if primitive == "skip_connect":
        if stride == 1:
            return x
        return factorized_reduce(get, name, x, x.shape[1], affine)
    if kind == "sep_conv":
        return sep_conv(get, name, x, int(size[0]), stride, affine)
    if kind == "dil_conv":
        return dil_conv(get, name, x, int(size[0]), stride, affine)
    if primitive == "conv_7x1_1x7":
        return conv_7x1_1x7(get, name, x, stride, affine)
    return pool(x, stride, {"max": np.nanmax, "avg": np.nanmean}[kind[:3]])


def mixed_op(get, name, x, stride, primitives, op_weights, node):
    """An edge; `node` tells which edges read the same tensor."""
    total = 0
    for k, (primitive, weight) in enumerate(
        zip(primitives, op_weights, strict=True)
    ):
        place = f"{name}._ops.{k}"
        outputs = operation(get, place, primitive, x, stride, False)
        if "pool" in primitive:
            same_as = (*node, primitive)
            outputs = norm(get, f"{place}.1", outputs, False, same_as)
        total = total + weight * outputs
    return total


def preprocess(get, name, s0, s1, filters, halved, affine):
    brought = factorized_reduce if halved else relu_conv_norm
    return [
        brought(get, f"{name}.preprocess0", s0, filters, affine),
        relu_conv_norm(get, f"{name}.preprocess1", s1, filters, affine),
    ]


def derived_cell(get, name, pairs, concat, s0, s1, filters, reduction, halved):
    states = preprocess(get, name, s0, s1, filters, halved, True)
    outputs = []
    for k, (primitive, source) in enumerate(pairs):
        stride = 2 if reduction and source < 2 else 1
        outputs.append(
            operation(
                get, f"{name}._ops.{k}", primitive, states[source], stride, True
            )
        )
        if k % 2:
            states.append(outputs[-2] + outputs[-1])
    return np.concatenate([states[node] for node in concat], 1)


def search_cell(
    get, name, steps, primitives, op_weights, s0, s1, filters, reduction, halved
):
    """`primitives` of each edge, and `op_weights` of each edge."""
    states = preprocess(get, name, s0, s1, filters, halved, False)
    edge = 0
    for _ in range(steps):
        total = 0
        for source, state in enumerate(states):
            stride = 2 if reduction and source < 2 else 1
            total = total + mixed_op(
                get,
                f"{name}._ops.{edge}",
                state,
                stride,
                primitives[edge],
                op_weights[edge],
                (name, source),
            )
            edge += 1
        states.append(total)
    return np.concatenate(states[2:], 1)


def conv_norm(get, name, places, x, filters, stride=1):
    kernel = get(f"{name}.{places[0]}.weight", (filters, x.shape[1], 3, 3))
    x = convolve(x, kernel, (stride,) * 2, (1, 1))
    return norm(get, f"{name}.{places[1]}", x, True)


def linear(get, name, x, outputs):
    weight = get(f"{name}.weight", (outputs, x.shape[1]))
    return x @ weight.T + get(f"{name}.bias", (outputs,))


def cells(s0, s1, filters, layers, halved, make):
    """Returns the outputs of all cells."""
    outputs = []
    for i in range(layers):
        reduction = i in (layers // 3, 2 * layers // 3)
        filters *= 2 if reduction else 1
        s0, s1 = s1, make(f"cells.{i}", s0, s1, filters, reduction, halved)
        outputs.append(s1)
        halved = reduction
    return outputs


def auxiliary_head(get, x, classes, stride, second_norm):
    x = relu(x)
    windows = np.lib.stride_tricks.sliding_window_view(x, (5, 5), (2, 3))
    x = windows[:, :, ::stride, ::stride].mean((-1, -2))
    name = "auxiliary_head"
    x = convolve(x, get(f"{name}.features.2.weight", (128, x.shape[1], 1, 1)))
    x = relu(norm(get, f"{name}.features.3", x, True))
    x = convolve(x, get(f"{name}.features.5.weight", (768, 128, 2, 2)))
    if second_norm:
        x = norm(get, f"{name}.features.6", x, True)
    x = relu(x).reshape(len(x), -1)
    return linear(get, f"{name}.classifier", x, classes)


def derived(get, genotype):
    """Returns the function that makes the cells of a genotype."""

    def make(name, s0, s1, filters, reduction, halved):
        cell = genotype.reduction if reduction else genotype.normal
        pairs = [(e.primitive, e.source) for node in cell.nodes for e in node]
        return derived_cell(
            get, name, pairs, cell.concat, s0, s1, filters, reduction, halved
        )

    return make


def network_cifar(get, x, genotype, filters, layers, classes, auxiliary):
    """Returns the logits and those of the auxiliary head."""
    stem = conv_norm(get, "stem", (0, 1), x, 3 * filters)
    make = derived(get, genotype)
    outputs = cells(stem, stem, filters, layers, False, make)
    middle = None
    if auxiliary:
        middle = auxiliary_head(get, outputs[2 * layers // 3], classes, 3, True)
    pooled = outputs[-1].mean((2, 3))
    return linear(get, "classifier", pooled, classes), middle


def network_imagenet(get, x, genotype, filters, layers, classes, auxiliary):
    """Returns the logits and those of the auxiliary head."""
    x = relu(conv_norm(get, "stem0", (0, 1), x, filters // 2, 2))
    s0 = conv_norm(get, "stem0", (3, 4), x, filters, 2)
    s1 = conv_norm(get, "stem1", (1, 2), relu(s0), filters, 2)
    make = derived(get, genotype)
    outputs = cells(s0, s1, filters, layers, True, make)
    middle = None
    if auxiliary:
        middle = auxiliary_head(
            get, outputs[2 * layers // 3], classes, 2, False
        )
    pooled = outputs[-1].mean((2, 3))
    return linear(get, "classifier", pooled, classes), middle


def supernet(get, x, filters, layers, classes, steps, primitives):
    """`primitives` of each edge, by the kind of cell: normal and reduction."""
    edges = sum(range(2, steps + 2))
    op_weights = {}
    for name, reduction in (("alphas_normal", False), ("alphas_reduce", True)):
        columns = len(primitives[reduction][0])
        op_weights[reduction] = softmax(get(name, (edges, columns)))
    stem = conv_norm(get, "stem", (0, 1), x, 3 * filters)

    def make(name, s0, s1, filters, reduction, halved):
        return search_cell(
            get,
            name,
            steps,
            primitives[reduction],
            op_weights[reduction],
            s0,
            s1,
            filters,
            reduction,
            halved,
        )

    outputs = cells(stem, stem, filters, layers, False, make)
    return linear(get, "classifier", outputs[-1].mean((2, 3)), classes)


def highway(state, seen, matrix, activation):
    gate, candidate = np.split(seen @ matrix, 2, -1)
    return state + sigmoid(gate) * (activation(candidate) - state)


def language_model(get, tokens, words, units, steps, nodes, inner=lambda s: s):
    """Runs a cell over tokens of shape (time, batch); returns the logits.

    `nodes(s0, matrices)` makes the new state; `inner` normalises `s0`.
    """
    embedding = get("encoder.weight", (words, units), "tied")
    decoder = get("decoder.weight", (words, units), "tied")
    bias = get("decoder.bias", (words,))
    initial = get("rnns.0._W0", (2 * units, 2 * units))
    matrices = [
        get(f"rnns.0._Ws.{k}", (units, 2 * units)) for k in range(steps)
    ]
    state = np.zeros((tokens.shape[1], units))
    logits = []
    for step in tokens:
        pair = np.concatenate([embedding[step], state], -1)
        s0 = highway(state, pair, initial, np.tanh)
        state = nodes(inner(s0), matrices)
        logits.append(state @ decoder.T + bias)
    return np.stack(logits)


def rnn_model(get, tokens, genotype, words, units):
    cell = genotype.recurrent

    def nodes(s0, matrices):
        states = [s0]
        for (edge,), matrix in zip(cell.nodes, matrices, strict=True):
            source = states[edge.source]
            activation = ACTIVATIONS[edge.primitive]
            states.append(highway(source, source, matrix, activation))
        return np.mean([states[node] for node in cell.concat], 0)

    return language_model(get, tokens, words, units, len(cell.nodes), nodes)


def rnn_model_search(get, tokens, words, units, steps):
    edges = steps * (steps + 1) // 2
    op_weights = softmax(get("weights", (edges, len(RECURRENT_PRIMITIVES))))
    mean = get("rnns.0.bn.running_mean", (units,))
    variance = get("rnns.0.bn.running_var", (units,))

    def normalize(state):
        return (state - mean) / np.sqrt(variance + 1e-5)

    def nodes(s0, matrices):
        states, edge = [s0], 0
        for matrix in matrices:
            total = 0
            for state in states:
                for name, weight in zip(
                    RECURRENT_PRIMITIVES, op_weights[edge], strict=True
                ):
                    if name != "none":
                        activation = ACTIVATIONS[name]
                        total = total + weight * highway(
                            state, state, matrix, activation
                        )
                edge += 1
            states.append(normalize(total))
        return np.mean(states[1:], 0)

    return language_model(get, tokens, words, units, steps, nodes, normalize)
