"""A step of the search in PyTorch, as Algorithm 1 of the paper says it.

Written from the equations; `torch_supernet` and `torch_recurrent` have the
networks. It moves the weights in place
and back, as a plain program does, and asks each pass only for the gradients
that it needs.
"""

import torch

METHODS = ("first_order", "finite_difference", "exact")
_EPSILON = 0.01  # the length of the displacement in Eq. 8


class Search:
    """Holds what a step changes.

    Args:
        train_loss: Callable that returns L_train at the present values.
        validation_loss: Callable that returns L_val.
        weights: List of parameters, w.
        alphas: List of parameters, alpha.
        method: String, one of `METHODS`.
        optimizer: The `torch.optim.SGD` of the weights.
        alpha_optimizer: The optimizer of the alphas.
        max_norm: Float, where the gradient of the weights is clipped.
        clips_virtual_step: Boolean, whether the virtual step is clipped, too,
            and the vector of the second term, as for recurrent cells. Defaults
            to `False`.
    """

    def __init__(
        self,
        train_loss,
        validation_loss,
        weights,
        alphas,
        method,
        optimizer,
        alpha_optimizer,
        max_norm,
        clips_virtual_step=False,
    ):
        if method not in METHODS:
            raise ValueError(
                f"`method` must be one of {METHODS}. Received: {method=}"
            )
        self.train_loss = train_loss
        self.validation_loss = validation_loss
        self.weights = weights
        self.alphas = alphas
        self.method = method
        self.optimizer = optimizer
        self.alpha_optimizer = alpha_optimizer
        self.max_norm = max_norm
        self.clips_virtual_step = clips_virtual_step

    def step(self):
        """Takes a step of the alphas, then one of the weights.

        Returns:
            Float, the training loss.
        """
        for alpha, gradient in zip(
            self.alphas, self.hypergradient(), strict=True
        ):
            alpha.grad = gradient
        self.alpha_optimizer.step()
        loss = self.train_loss()
        gradients = torch.autograd.grad(loss, self.weights)
        for weight, gradient in zip(self.weights, gradients, strict=True):
            weight.grad = gradient
        torch.nn.utils.clip_grad_norm_(self.weights, self.max_norm)
        self.optimizer.step()
        return loss.item()

    def hypergradient(self):
        """Computes the gradient for the alphas: Eq. 7, or its first term."""
        if self.method == "first_order":
            return torch.autograd.grad(self.validation_loss(), self.alphas)
        gradients = torch.autograd.grad(self.train_loss(), self.weights)
        gradients, coefficient = self._clipped(gradients)
        options = self.optimizer.param_groups[0]
        before = [weight.detach().clone() for weight in self.weights]
        self._move(self._directions(gradients), -options["lr"])
        both = torch.autograd.grad(
            self.validation_loss(), [*self.weights, *self.alphas]
        )
        self._restore(before)
        vector, _ = self._clipped(both[: len(self.weights)])
        products = (
            self._exact_product(vector)
            if self.method == "exact"
            else self._finite_difference(vector, before)
        )
        factor = options["lr"] * coefficient
        return [
            gradient - factor * product
            for gradient, product in zip(
                both[len(self.weights) :], products, strict=True
            )
        ]

    def _directions(self, gradients):
        """Returns where the optimizer of the weights would go (Eq. 6)."""
        options = self.optimizer.param_groups[0]
        directions = []
        for weight, gradient in zip(self.weights, gradients, strict=True):
            direction = gradient + options["weight_decay"] * weight.detach()
            buffer = self.optimizer.state[weight].get("momentum_buffer")
            if buffer is not None:
                direction = direction + options["momentum"] * buffer
            directions.append(direction)
        return directions

    def _clipped(self, gradients):
        if not self.clips_virtual_step:
            return gradients, 1.0
        norm = _norm(gradients)
        coefficient = min(1.0, (self.max_norm / (norm + 1e-6)).item())
        return [coefficient * gradient for gradient in gradients], coefficient

    def _finite_difference(self, vector, before):
        """Approximates the second derivative times the vector by Eq. 8."""
        scale = (_EPSILON / _norm(vector)).item()
        sides = []
        for sign in (1, -1):
            self._move(vector, sign * scale)
            sides.append(torch.autograd.grad(self.train_loss(), self.alphas))
            self._restore(before)
        return [
            (plus - minus) / (2 * scale)
            for plus, minus in zip(*sides, strict=True)
        ]

    def _exact_product(self, vector):
        gradients = torch.autograd.grad(
            self.train_loss(), self.weights, create_graph=True
        )
        product = sum(
            (gradient * part).sum()
            for gradient, part in zip(gradients, vector, strict=True)
        )
        return torch.autograd.grad(product, self.alphas)

    @torch.no_grad()
    def _move(self, directions, length):
        for weight, direction in zip(self.weights, directions, strict=True):
            weight.add_(direction, alpha=length)

    @torch.no_grad()
    def _restore(self, values):
        for weight, value in zip(self.weights, values, strict=True):
            weight.copy_(value)


def _norm(tensors):
    return torch.sqrt(sum((tensor**2).sum() for tensor in tensors))
