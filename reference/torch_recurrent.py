"""The search of a recurrent cell in plain PyTorch: loops over time and nodes.

Written from Sections 3.1.2 and A.1.2 of the paper: a loop over the words, in
it one over the nodes, each of which reads all earlier ones by one product.
`benchmarks.recurrent_step` times it; the tests compare it with
`darts_tf.RecurrentSupernet`.
"""

import torch
from torch import nn
from torch.nn import functional

from reference import torch_search

_ACTIVATIONS = (torch.tanh, torch.relu, torch.sigmoid, lambda x: x)
_DROPOUTS = {"output": 0.75, "hidden": 0.25, "cell_input": 0.75, "words": 0.2}


class Supernet(nn.Module):
    """Embedding, the mixed cell, and a softmax by the same matrix.

    Args:
        vocabulary_size: Integer.
        units: Integer, of embedding and cell.
        num_nodes: Integer. Defaults to `8`.
        dropouts: Optional dictionary of rates: of the `"output"`, of the
            `"hidden"` state, of the `"cell_input"` and of the embedded
            `"words"`. Defaults to `None`, the paper's.
    """

    def __init__(self, vocabulary_size, units, num_nodes=8, dropouts=None):
        super().__init__()
        self.rates = _DROPOUTS if dropouts is None else dropouts
        self.embedding = nn.Embedding(vocabulary_size, units)
        self.bias = nn.Parameter(torch.zeros(vocabulary_size))
        self.initial_kernel = nn.Parameter(torch.empty(2 * units, 2 * units))
        self.kernels = nn.ParameterList(
            torch.empty(units, 2 * units) for _ in range(num_nodes)
        )
        self.norm = nn.BatchNorm1d(units, affine=False)
        edges = num_nodes * (num_nodes + 1) // 2
        # `none` comes first.
        shape = (edges, 1 + len(_ACTIVATIONS))
        self.alphas = nn.Parameter(1e-3 * torch.randn(shape))
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
        for kernel in (self.initial_kernel, *self.kernels):
            nn.init.uniform_(kernel, -0.04, 0.04)

    def network_weights(self):
        """Returns all parameters but the logits."""
        return [p for p in self.parameters() if p is not self.alphas]

    def forward(self, tokens, state):
        """Reads a piece of text.

        Args:
            tokens: Integer tensor of shape `(time, batch)`.
            state: Tensor of shape `(batch, units)`.

        Returns:
            The scores of all words, of shape `(time, batch, words)`, and the
            cell's outputs, of shape `(time, batch, units)`.
        """
        inputs = self._drop(self.embedding(tokens), "words")
        inputs = self._drop(inputs, "cell_input")
        mask = self._drop(torch.ones_like(state)[None], "hidden")[0]
        op_weights = functional.softmax(self.alphas, -1)
        outputs = []
        for word in inputs:
            state = self.cell(word, state, mask, op_weights)
            outputs.append(state)
        outputs = torch.stack(outputs)
        dropped = self._drop(outputs, "output")
        scores = functional.linear(dropped, self.embedding.weight, self.bias)
        return scores, outputs

    def cell(self, word, state, mask, op_weights):
        """Computes one step of the cell: the mean of its nodes."""
        product = torch.cat([word, state * mask], -1) @ self.initial_kernel
        gate, candidate = product.chunk(2, -1)
        first = state + torch.sigmoid(gate) * (torch.tanh(candidate) - state)
        nodes, edge = [self.norm(first)], 0
        for kernel in self.kernels:
            earlier = torch.stack(nodes)
            gate, candidate = ((earlier * mask) @ kernel).chunk(2, -1)
            gate = torch.sigmoid(gate)
            weights = op_weights[edge : edge + len(nodes)]
            total = 0
            for k, activation in enumerate(_ACTIVATIONS, 1):
                moved = earlier + gate * (activation(candidate) - earlier)
                total = total + (weights[:, k, None, None] * moved).sum(0)
            edge += len(nodes)
            nodes.append(self.norm(total))
        return torch.stack(nodes[1:]).mean(0)

    def _drop(self, inputs, place):
        """Drops features, the same ones at each time."""
        if not (self.training and self.rates[place]):
            return inputs
        return inputs * functional.dropout(
            torch.ones_like(inputs[:1]), self.rates[place]
        )


class Text:
    """A piece of text with the state from which it is read.

    Args:
        tokens: Integer tensor of shape `(time, batch)`.
        targets: Integer tensor of the same shape, the next words.
        units: Integer, of the cell.
        slowness: Float, the factor of the slowness in the loss.
    """

    def __init__(self, tokens, targets, units, slowness):
        self.tokens, self.targets = tokens, targets
        self.slowness = slowness
        self.state = self.last = torch.zeros(tokens.shape[1], units)

    def loss(self, model):
        """Returns the cross-entropy, with slowness, on this piece."""
        scores, outputs = model(self.tokens, self.state)
        self.last = outputs[-1].detach()
        loss = functional.cross_entropy(
            scores.flatten(0, 1), self.targets.flatten()
        )
        changes = outputs[1:] - outputs[:-1]
        return loss + self.slowness * (changes**2).mean()

    def carry(self):
        """Makes the last state the one that the next step starts from."""
        self.state = self.last


def search(model, train_text, validation_text, method):
    """Returns the search on two texts, by the paper's optimizers.

    Args:
        model: A `Supernet`.
        train_text: A `Text`.
        validation_text: A `Text`.
        method: String, the hypergradient.

    Returns:
        A `torch_search.Search`.
    """
    weights = model.network_weights()
    return torch_search.Search(
        lambda: train_text.loss(model),
        lambda: validation_text.loss(model),
        weights,
        [model.alphas],
        method,
        torch.optim.SGD(weights, 20.0, weight_decay=5e-7),
        torch.optim.Adam([model.alphas], 3e-3, weight_decay=1e-3),
        max_norm=0.25,
        clips_virtual_step=True,
    )
