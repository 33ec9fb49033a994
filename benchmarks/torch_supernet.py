"""The convolutional supernet in plain PyTorch: a module for each operation.

Written for the benchmarks from Sections 2 and 3.1 of the paper: a module for
each edge and operation, a weighted sum for each edge. `search_step` times it
in an interpreter that has PyTorch; the tests compare it with the merged form.
"""

import torch
from torch import nn
from torch.nn import functional

from benchmarks import torch_search
from benchmarks import worker

_NODES = 4
_PRIMITIVES = (
    "none",
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)


class Supernet(nn.Module):
    """All cells of the paper's space, for images of 3 channels.

    Args:
        filters: Integer, the filters of the first cells.
        num_cells: Integer.
        num_classes: Integer. Defaults to `10`.
    """

    def __init__(self, filters, num_cells, num_classes=10):
        super().__init__()
        channels = 3 * filters
        self.stem = nn.Sequential(
            nn.Conv2d(3, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.cells = nn.ModuleList()
        inputs, after_reduction = (channels, channels), False
        for index in range(num_cells):
            reduction = index in (num_cells // 3, 2 * num_cells // 3)
            filters *= 2 if reduction else 1
            cell = Cell(inputs, filters, reduction, after_reduction)
            self.cells.append(cell)
            inputs, after_reduction = (inputs[1], _NODES * filters), reduction
        self.classifier = nn.Linear(inputs[1], num_classes)
        shape = (len(self.cells[0].edges), len(_PRIMITIVES))
        self.alphas_normal = nn.Parameter(1e-3 * torch.randn(shape))
        self.alphas_reduction = nn.Parameter(1e-3 * torch.randn(shape))

    def alphas(self):
        """Returns the architecture logits."""
        return [self.alphas_normal, self.alphas_reduction]

    def network_weights(self):
        """Returns all parameters but the logits."""
        return [
            parameter
            for name, parameter in self.named_parameters()
            if not name.startswith("alphas")
        ]

    def forward(self, images):
        normal, reduction = (
            functional.softmax(logits, -1) for logits in self.alphas()
        )
        before = outputs = self.stem(images)
        for cell in self.cells:
            op_weights = reduction if cell.reduction else normal
            before, outputs = outputs, cell(before, outputs, op_weights)
        return self.classifier(outputs.mean((2, 3)))


class Cell(nn.Module):
    """Eq. 1, with one mixed operation on each edge."""

    def __init__(self, inputs, filters, reduction, after_reduction):
        super().__init__()
        self.reduction = reduction
        self.first = (
            Halving(inputs[0], filters)
            if after_reduction
            else pointwise(inputs[0], filters)
        )
        self.second = pointwise(inputs[1], filters)
        self.edges = nn.ModuleList(
            MixedOperation(filters, 2 if reduction and source < 2 else 1)
            for node in range(_NODES)
            for source in range(2 + node)
        )

    def forward(self, before, outputs, op_weights):
        nodes = [self.first(before), self.second(outputs)]
        edge = 0
        for _ in range(_NODES):
            total = 0
            for source in nodes:
                total = total + self.edges[edge](source, op_weights[edge])
                edge += 1
            nodes.append(total)
        return torch.cat(nodes[2:], 1)


class MixedOperation(nn.Module):
    """Eq. 2: the sum of all operations, weighted."""

    def __init__(self, channels, stride):
        super().__init__()
        self.operations = nn.ModuleList(
            operation(name, channels, stride) for name in _PRIMITIVES
        )

    def forward(self, inputs, weights):
        return sum(
            weight * layer(inputs)
            for weight, layer in zip(weights, self.operations, strict=True)
        )


class NoConnection(nn.Module):
    """Zero times the inputs."""

    def __init__(self, stride):
        super().__init__()
        self.stride = stride

    def forward(self, inputs):
        return 0.0 * inputs[:, :, :: self.stride, :: self.stride]


class Halving(nn.Module):
    """Two strided 1x1 convolutions, the second of the odd pixels."""

    def __init__(self, inputs, filters):
        super().__init__()
        self.even = nn.Conv2d(inputs, filters // 2, 1, 2, bias=False)
        self.odd = nn.Conv2d(inputs, filters // 2, 1, 2, bias=False)
        self.norm = nn.BatchNorm2d(filters, affine=False)

    def forward(self, inputs):
        inputs = functional.relu(inputs)
        halves = [self.even(inputs), self.odd(inputs[:, :, 1:, 1:])]
        return self.norm(torch.cat(halves, 1))


def operation(name, channels, stride):
    """Makes a candidate operation.

    Args:
        name: String, a primitive.
        channels: Integer, in and out.
        stride: Integer.

    Returns:
        An `nn.Module`.
    """
    norm = nn.BatchNorm2d(channels, affine=False)
    size = int(name[-1]) if name[-1].isdigit() else 0
    if name == "none":
        return NoConnection(stride)
    if name == "skip_connect":
        return nn.Identity() if stride == 1 else Halving(channels, channels)
    if name == "max_pool_3x3":
        return nn.Sequential(nn.MaxPool2d(3, stride, 1), norm)
    if name == "avg_pool_3x3":
        pool = nn.AvgPool2d(3, stride, 1, count_include_pad=False)
        return nn.Sequential(pool, norm)
    if name.startswith("dil"):
        return nn.Sequential(*depthwise(channels, size, stride, 2))
    return nn.Sequential(
        *depthwise(channels, size, stride, 1), *depthwise(channels, size, 1, 1)
    )


def depthwise(channels, size, stride, dilation):
    """Makes ReLU, depthwise and 1x1 convolution, and normalisation."""
    return [
        nn.ReLU(),
        nn.Conv2d(
            channels,
            channels,
            size,
            stride,
            padding=dilation * (size // 2),
            dilation=dilation,
            groups=channels,
            bias=False,
        ),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels, affine=False),
    ]


def pointwise(inputs, filters):
    """Makes ReLU, 1x1 convolution and normalisation."""
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(inputs, filters, 1, bias=False),
        nn.BatchNorm2d(filters, affine=False),
    )


def search(model, train_batch, validation_batch, method):
    """Returns the search on two batches, by the paper's optimizers.

    Args:
        model: A `Supernet`.
        train_batch: Pair of images and labels.
        validation_batch: Pair of images and labels.
        method: String, the hypergradient.

    Returns:
        A `torch_search.Search`.
    """

    def loss(images, labels):
        return lambda: functional.cross_entropy(model(images), labels)

    weights, alphas = model.network_weights(), model.alphas()
    return torch_search.Search(
        loss(*train_batch),
        loss(*validation_batch),
        weights,
        alphas,
        method,
        torch.optim.SGD(weights, 0.025, 0.9, weight_decay=3e-4),
        torch.optim.Adam(alphas, 3e-4, (0.5, 0.999), weight_decay=1e-3),
        max_norm=5.0,
    )


def _step(method, form, filters, num_cells, batch_size, image_size, **_):
    torch.manual_seed(0)
    channels_last = form == "torch_channels_last"
    layout = torch.channels_last if channels_last else torch.contiguous_format
    model = Supernet(filters, num_cells).to(memory_format=layout)

    def batch():
        images = torch.randn(batch_size, 3, image_size, image_size)
        return (
            images.to(memory_format=layout),
            torch.randint(0, 10, (batch_size,)),
        )

    return search(model, batch(), batch(), method).step


if __name__ == "__main__":
    worker.serve(_step)
