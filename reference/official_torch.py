"""The official networks as PyTorch modules.

Written anew after the official structure, so that `state_dict()` has the
official names. Path dropout and the dropouts of the language model are left
out. The logits of a supernet are attributes and not in the dictionary, as in
the official code.
"""

import torch
from torch import nn
from torch.nn import functional

ACTIVATIONS = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "identity": lambda x: x,
}


def _convolution(inputs, filters, taps, stride=1, padding=0, **options):
    return nn.Conv2d(
        inputs, filters, taps, stride, padding, bias=False, **options
    )


class _Op(nn.Module):
    def __init__(self, *layers):
        super().__init__()
        self.op = nn.Sequential(*layers)

    def forward(self, x):
        return self.op(x)


def _relu_conv_norm(inputs, filters, affine):
    return _Op(
        nn.ReLU(),
        _convolution(inputs, filters, 1),
        nn.BatchNorm2d(filters, affine=affine),
    )


def _separable(channels, taps, stride, padding, dilation, affine):
    return [
        nn.ReLU(),
        _convolution(
            channels,
            channels,
            taps,
            stride,
            padding,
            dilation=dilation,
            groups=channels,
        ),
        _convolution(channels, channels, 1),
        nn.BatchNorm2d(channels, affine=affine),
    ]


class _FactorizedReduce(nn.Module):
    def __init__(self, inputs, filters, affine):
        super().__init__()
        self.conv_1 = _convolution(inputs, filters // 2, 1, 2)
        self.conv_2 = _convolution(inputs, filters // 2, 1, 2)
        self.bn = nn.BatchNorm2d(filters, affine=affine)

    def forward(self, x):
        x = torch.relu(x)
        halves = [self.conv_1(x), self.conv_2(x[:, :, 1:, 1:])]
        return self.bn(torch.cat(halves, 1))


class _Zero(nn.Module):
    def __init__(self, stride):
        super().__init__()
        self.stride = stride

    def forward(self, x):
        return 0 * x[:, :, :: self.stride, :: self.stride]


def _operation(primitive, channels, stride, affine):
    kind, _, size = primitive.rpartition("_")
    if primitive == "none":
        return _Zero(stride)
    if primitive == "skip_connect":
        if stride == 1:
            return nn.Identity()
        return _FactorizedReduce(channels, channels, affine)
    if kind == "max_pool":
        return nn.MaxPool2d(3, stride, 1)
    if kind == "avg_pool":
        return nn.AvgPool2d(3, stride, 1, count_include_pad=False)
    taps = int(size[0])
    if kind == "dil_conv":
        return _Op(*_separable(channels, taps, stride, taps - 1, 2, affine))
    return _Op(
        *_separable(channels, taps, stride, taps // 2, 1, affine),
        *_separable(channels, taps, 1, taps // 2, 1, affine),
    )


class _MixedOp(nn.Module):
    def __init__(self, primitives, channels, stride):
        super().__init__()
        self._ops = nn.ModuleList()
        for primitive in primitives:
            layer = _operation(primitive, channels, stride, False)
            if "pool" in primitive:
                norm = nn.BatchNorm2d(channels, affine=False)
                layer = nn.Sequential(layer, norm)
            self._ops.append(layer)

    def forward(self, x, op_weights):
        pairs = zip(op_weights, self._ops, strict=True)
        return sum(w * op(x) for w, op in pairs)


class _Cell(nn.Module):
    """Edges `(source, make)` with `make(filters, stride)`, by node."""

    def __init__(self, nodes, concat, inputs, filters, reduction, halved):
        super().__init__()
        affine = nodes.affine
        self.preprocess0 = (
            _FactorizedReduce(inputs[0], filters, affine)
            if halved
            else _relu_conv_norm(inputs[0], filters, affine)
        )
        self.preprocess1 = _relu_conv_norm(inputs[1], filters, affine)
        self._ops = nn.ModuleList()
        self.nodes, self.concat = nodes.sources, concat
        self.reduction = reduction
        for source, make in nodes.edges:
            stride = 2 if reduction and source < 2 else 1
            self._ops.append(make(filters, stride))

    def forward(self, s0, s1, op_weights=None):
        states = [self.preprocess0(s0), self.preprocess1(s1)]
        edge = 0
        for sources in self.nodes:
            total = 0
            for source in sources:
                weights = () if op_weights is None else (op_weights[edge],)
                total = total + self._ops[edge](states[source], *weights)
                edge += 1
            states.append(total)
        return torch.cat([states[node] for node in self.concat], 1)


class _Nodes:
    """The nodes of a cell: which they read, and how the edges are made."""

    def __init__(self, nodes, affine):
        self.affine = affine
        self.sources = [[source for source, _ in edges] for edges in nodes]
        self.edges = [edge for edges in nodes for edge in edges]


def _derived_nodes(cell):
    def maker(primitive):
        return lambda filters, stride: _operation(
            primitive, filters, stride, True
        )

    return _Nodes(
        [
            [(e.source, maker(e.primitive)) for e in edges]
            for edges in cell.nodes
        ],
        affine=True,
    )


def _mixed_nodes(steps, primitives):
    """`primitives` of each edge."""
    edges = iter(primitives)

    def maker(names):
        return lambda filters, stride: _MixedOp(names, filters, stride)

    return _Nodes(
        [
            [(source, maker(next(edges))) for source in range(2 + step)]
            for step in range(steps)
        ],
        affine=False,
    )


class _AuxiliaryHead(nn.Module):
    def __init__(self, channels, classes):
        super().__init__()
        self.features = nn.Sequential(
            nn.ReLU(),
            nn.AvgPool2d(5, 3),
            _convolution(channels, 128, 1),
            nn.BatchNorm2d(128),
            nn.ReLU(),
            _convolution(128, 768, 2),
            nn.BatchNorm2d(768),
            nn.ReLU(),
        )
        self.classifier = nn.Linear(768, classes)

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


class _ConvNetwork(nn.Module):
    def __init__(self, nodes, concats, filters, layers, classes, auxiliary):
        super().__init__()
        self.layers = layers
        stem = 3 * filters
        self.stem = nn.Sequential(
            _convolution(3, stem, 3, 1, 1), nn.BatchNorm2d(stem)
        )
        self.cells = nn.ModuleList()
        inputs, halved = (stem, stem), False
        for i in range(layers):
            reduction = i in (layers // 3, 2 * layers // 3)
            filters *= 2 if reduction else 1
            concat = concats[reduction]
            self.cells.append(
                _Cell(
                    nodes[reduction], concat, inputs, filters, reduction, halved
                )
            )
            inputs, halved = (inputs[1], len(concat) * filters), reduction
            if auxiliary and i == 2 * layers // 3:
                self.auxiliary_head = _AuxiliaryHead(inputs[1], classes)
        self.classifier = nn.Linear(inputs[1], classes)

    def op_weights(self, cell):
        return ()

    def forward(self, x):
        s0 = s1 = self.stem(x)
        middle = None
        for i, cell in enumerate(self.cells):
            s0, s1 = s1, cell(s0, s1, *self.op_weights(cell))
            if hasattr(self, "auxiliary_head") and i == 2 * self.layers // 3:
                middle = self.auxiliary_head(s1)
        return self.classifier(s1.mean((2, 3))), middle


class NetworkCIFAR(_ConvNetwork):
    def __init__(self, genotype, filters, layers, classes):
        cells = (genotype.normal, genotype.reduction)
        super().__init__(
            [_derived_nodes(cell) for cell in cells],
            [cell.concat for cell in cells],
            filters,
            layers,
            classes,
            auxiliary=True,
        )


class Network(_ConvNetwork):
    """The supernet; `primitives` of each edge, by the kind of cell."""

    def __init__(self, filters, layers, classes, steps, primitives):
        super().__init__(
            [_mixed_nodes(steps, edges) for edges in primitives],
            [range(2, 2 + steps)] * 2,
            filters,
            layers,
            classes,
            auxiliary=False,
        )
        shape = (len(primitives[0]), len(primitives[0][0]))
        self.alphas_normal = torch.randn(shape, requires_grad=True)
        self.alphas_reduce = torch.randn(shape, requires_grad=True)

    def op_weights(self, cell):
        alphas = self.alphas_reduce if cell.reduction else self.alphas_normal
        return (functional.softmax(alphas, -1),)


class _RecurrentCell(nn.Module):
    def __init__(self, units, steps):
        super().__init__()

        def matrix(rows):
            return nn.Parameter(0.5 * torch.randn(rows, 2 * units))

        self._W0 = matrix(2 * units)
        self._Ws = nn.ParameterList([matrix(units) for _ in range(steps)])

    def first(self, x, h):
        return self.move(h, torch.cat([x, h], -1) @ self._W0, "tanh")

    @staticmethod
    def move(state, product, activation):
        c, h = product.chunk(2, -1)
        h = ACTIVATIONS[activation](h)
        return state + torch.sigmoid(c) * (h - state)


class DARTSCell(_RecurrentCell):
    def __init__(self, units, cell):
        super().__init__(units, len(cell.nodes))
        self.cell = cell

    def forward(self, x, h):
        states = [self.first(x, h)]
        for (edge,), matrix in zip(self.cell.nodes, self._Ws, strict=True):
            source = states[edge.source]
            states.append(self.move(source, source @ matrix, edge.primitive))
        return sum(states[k] for k in self.cell.concat) / len(self.cell.concat)


class DARTSCellSearch(_RecurrentCell):
    def __init__(self, units, steps, primitives):
        super().__init__(units, steps)
        self.bn = nn.BatchNorm1d(units, affine=False)
        self.primitives = primitives
        edges = steps * (steps + 1) // 2
        self.weights = torch.randn(edges, len(primitives), requires_grad=True)

    def forward(self, x, h):
        states, edge = [self.bn(self.first(x, h))], 0
        probabilities = functional.softmax(self.weights, -1)
        for matrix in self._Ws:
            total = 0
            for state in states:
                for k, name in enumerate(self.primitives):
                    if name != "none":
                        moved = self.move(state, state @ matrix, name)
                        total = total + probabilities[edge, k] * moved
                edge += 1
            states.append(self.bn(total))
        return sum(states[1:]) / len(self._Ws)


class RNNModel(nn.Module):
    def __init__(self, cell, words, units):
        super().__init__()
        self.encoder = nn.Embedding(words, units)
        self.rnns = nn.ModuleList([cell])
        self.decoder = nn.Linear(units, words)
        self.decoder.weight = self.encoder.weight

    def forward(self, tokens):
        state = torch.zeros(tokens.shape[1], self.encoder.weight.shape[1]).to(
            self.encoder.weight
        )
        logits = []
        for x in self.encoder(tokens):
            state = self.rnns[0](x, state)
            logits.append(self.decoder(state))
        return torch.stack(logits)
