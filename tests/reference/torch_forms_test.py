"""The searches in PyTorch compute what darts_tf does."""

import keras
import numpy as np
import pytest

import darts_tf

# float64 rounding, over tens of layers with values of size 1.
TOLERANCE = {"rtol": 1e-9, "atol": 1e-10}

pytestmark = pytest.mark.slow  # for the time that PyTorch takes to import


def _fill(torch, module, supernet):
    """Copies the weights of a supernet, by their official names."""
    arrays = darts_tf.interop.to_official(supernet, False)
    left = module.load_state_dict(
        {k: torch.from_numpy(np.array(v)) for k, v in arrays.items()},
        strict=False,
    )
    assert not left.unexpected_keys
    assert all("num_b" in name for name in left.missing_keys)


def test_the_supernet_has_the_published_size(torch):
    from reference import torch_supernet

    model = torch_supernet.Supernet(16, 8)
    counts = [weight.numel() for weight in model.network_weights()]
    assert sum(counts) == 1_930_618  # counted in the official code
    assert [tuple(a.shape) for a in model.alphas()] == [(14, 8), (14, 8)]


def test_the_recurrent_supernet_has_the_published_size(torch):
    from reference import torch_recurrent

    model = torch_recurrent.Supernet(10_000, 300)
    counts = [weight.numel() for weight in model.network_weights()]
    # Counted in the official code, which calls the bias of the words its own.
    assert sum(counts) == 4_810_000


@pytest.fixture
def pair(torch, torch_float64):
    """A search model and its like in PyTorch, with equal weights."""
    from reference import torch_supernet

    def make(method):
        model = darts_tf.DartsSearchModel(
            hypergradient=method, filters=2, num_cells=3, seed=0
        )
        model.compile(run_eagerly=True)  # no graph to build for two steps
        model.build((None, 8, 8, 3))
        module = torch_supernet.Supernet(2, 3)
        _fill(torch, module, model.supernet)
        with torch.no_grad():
            for mine, theirs in zip(module.alphas(), model.alphas, strict=True):
                mine.copy_(torch.from_numpy(np.array(theirs)))
        return model, module

    return make


def _batches(torch):
    return [
        (torch.randn(4, 3, 8, 8), torch.randint(0, 10, (4,))) for _ in range(2)
    ]


def _ours(batch):
    images, labels = batch
    return (
        keras.ops.array(images.permute(0, 2, 3, 1).numpy()),
        keras.ops.array(labels.numpy()),
    )


@pytest.mark.parametrize("method", ["first_order", "finite_difference"])
def test_two_steps_of_a_search_give_equal_weights(torch, pair, method):
    from reference import torch_supernet

    model, module = pair(method)
    train, validation = _batches(torch)
    np.testing.assert_allclose(
        model.supernet(_ours(train)[0], training=True),
        module(train[0]).detach(),
        **TOLERANCE,
    )
    searching = torch_supernet.search(module, train, validation, method)
    for _ in range(2):  # the second has momentum
        searching.step()
        model.train_step((_ours(train), _ours(validation)))
    for mine, theirs in zip(module.alphas(), model.alphas, strict=True):
        np.testing.assert_allclose(mine.detach(), theirs, rtol=1e-6)
    other = torch_supernet.Supernet(2, 3)
    _fill(torch, other, model.supernet)
    for mine, theirs in zip(
        module.network_weights(), other.network_weights(), strict=True
    ):
        np.testing.assert_allclose(mine.detach(), theirs.detach(), **TOLERANCE)


def test_the_exact_hypergradient_is_the_limit_of_differences(
    torch, torch_float64
):
    """On a loss of which the second derivative is known."""
    from reference import torch_search

    w = torch.tensor([2.0, 1.0], requires_grad=True)
    alpha = torch.tensor([3.0], requires_grad=True)

    def search(method):
        return torch_search.Search(
            lambda: (alpha**2 * w).sum(),  # grad_w = alpha^2
            lambda: (w**2).sum() * alpha.sum(),
            [w],
            [alpha],
            method,
            torch.optim.SGD([w], 0.1),
            torch.optim.SGD([alpha], 0.1),
            max_norm=5.0,
        )

    # w' = w - 0.1 * 9 = (1.1, 0.1); the vector is 2 w' alpha = (6.6, 0.6);
    # the mixed derivative is 2 alpha = 6 for each weight.
    expected = (1.1**2 + 0.1**2) - 0.1 * 6 * (6.6 + 0.6)
    for method in ("exact", "finite_difference"):  # linear in w: no error
        (gradient,) = search(method).hypergradient()
        # float64; the difference divides its rounding by a step of 1e-3.
        assert gradient.item() == pytest.approx(expected, rel=1e-9)


def test_the_recurrent_supernet_computes_the_same(torch, torch_float64):
    from reference import torch_recurrent

    none = dict.fromkeys(
        ("output", "hidden", "cell_input", "embedded", "words"), 0.0
    )
    space = darts_tf.SearchSpace.recurrent(num_nodes=3)
    supernet = darts_tf.RecurrentSupernet(space, 20, 6, dropouts=none, seed=0)
    supernet.build()
    module = torch_recurrent.Supernet(20, 6, 3, dropouts=none)
    by_name = {
        "embedding.weight": supernet.embedding,
        "initial_kernel": supernet.cell.initial_kernel,
        "alphas": supernet.alphas.logits[0],
        **{f"kernels.{k}": v for k, v in enumerate(supernet.cell.kernels)},
    }
    module.load_state_dict(
        {name: torch.from_numpy(np.array(v)) for name, v in by_name.items()},
        strict=False,
    )
    tokens = torch.randint(0, 20, (5, 8))
    state = torch.randn(8, 6)
    scores, outputs = module(tokens, state)
    ours = supernet(tokens.numpy().T, state.numpy(), training=True)
    np.testing.assert_allclose(
        np.swapaxes(ours["logits"], 0, 1), scores.detach(), **TOLERANCE
    )
    text = torch_recurrent.Text(tokens, tokens, 6, slowness=0.5)
    text.state = state
    hidden = supernet.hidden(tokens.numpy().T, state.numpy(), training=True)
    _, loss = darts_tf.models.language_losses(
        supernet, hidden, tokens.numpy().T, 0.5
    )
    np.testing.assert_allclose(text.loss(module).item(), loss, **TOLERANCE)
    np.testing.assert_allclose(text.last, ours["state"], **TOLERANCE)
    assert len(outputs) == 5
