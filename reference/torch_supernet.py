"""The search of a convolutional cell in plain PyTorch.

A module for each edge and operation, and a weighted sum for each edge: the
supernet of `official_torch`, in the paper's space. `benchmarks.search_step`
times its steps; the tests compare them with those of the library.
"""

import torch
from torch.nn import functional

from reference import official_torch
from reference import torch_search

_NODES = 4
_EDGES = sum(range(2, 2 + _NODES))
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


class Supernet(official_torch.Network):
    """All cells of the paper's space, for images of 3 channels.

    Args:
        filters: Integer, the filters of the first cells.
        num_cells: Integer.
        num_classes: Integer. Defaults to `10`.
    """

    def __init__(self, filters, num_cells, num_classes=10):
        edges = [_PRIMITIVES] * _EDGES
        super().__init__(filters, num_cells, num_classes, _NODES, [edges] * 2)
        with torch.no_grad():
            for alphas in self.alphas():
                alphas.mul_(1e-3)

    def alphas(self):
        """Returns the architecture logits."""
        return [self.alphas_normal, self.alphas_reduce]

    def network_weights(self):
        """Returns all parameters; the logits are none."""
        return list(self.parameters())

    def forward(self, images):
        logits, _ = super().forward(images)
        return logits


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
