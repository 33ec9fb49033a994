"""The official names of whole networks: one table for reading and writing."""

import itertools

import numpy as np

from darts_tf.interop import cell_names
from darts_tf.interop import entry
from darts_tf.layers import recurrent_cell
from darts_tf.models import conv_network
from darts_tf.models import conv_supernet
from darts_tf.models import recurrent_network
from darts_tf.models import recurrent_supernet

ALPHAS = {
    "normal": "alphas_normal",
    "reduction": "alphas_reduce",
    "recurrent": "weights",
}
# Of each form of stem, the convolutions with the normalisation after each.
_STEMS = {
    "cifar": (("stem.0", "stem.1"),),
    "imagenet": (
        ("stem0.0", "stem0.1"),
        ("stem0.3", "stem0.4"),
        ("stem1.1", "stem1.2"),
    ),
}
_CONV = (conv_network.ConvNetwork, conv_supernet.ConvSupernet)
_RECURRENT = (
    recurrent_network.RecurrentNetwork,
    recurrent_supernet.RecurrentSupernet,
)
_SUPERNETS = (
    conv_supernet.ConvSupernet,
    recurrent_supernet.RecurrentSupernet,
)


def table(model, alphas=True):
    """Returns where each official array stands in a network.

    Args:
        model: A built network or supernet of this library.
        alphas: Boolean, whether a supernet's logits are among them. Defaults
            to `True`.

    Returns:
        List of `Entry`, whose names are all different.

    Raises:
        ValueError: If the model is not one of ours, is not built, or holds an
            operation that the official code has no name for; or if `alphas` is
            `False` and there are none.
    """
    if not isinstance(model, _CONV + _RECURRENT):
        raise ValueError(
            "`model` must be a ConvNetwork, ConvSupernet, RecurrentNetwork or "
            f"RecurrentSupernet. Received: model={model!r}"
        )
    if not model.built:
        raise ValueError(
            "`model` must be built, for example by "
            "`model.build((None, 32, 32, 3))`, or `model.build()` if it is "
            f"recurrent. Received: model={model!r}, which is not"
        )
    if not alphas and not isinstance(model, _SUPERNETS):
        raise ValueError(
            "`alphas=False` leaves out the logits of a supernet. "
            f"Received: a {type(model).__name__}, which has none"
        )
    parts = [_conv(model) if isinstance(model, _CONV) else _recurrent(model)]
    if alphas and isinstance(model, _SUPERNETS):
        parts.append(_alphas(model))
    return list(itertools.chain.from_iterable(parts))


def _conv(model):
    for (kernel, norm), layer, normalisation in zip(
        _STEMS[model.stem_form],
        model.stem.convolutions,
        model.stem.norms,
        strict=True,
    ):
        yield from cell_names.kernel(kernel, layer)
        yield from cell_names.norm([norm], normalisation)
    for index, cell in enumerate(model.cells):
        prefix = f"cells.{index}"
        if isinstance(model, conv_supernet.ConvSupernet):
            yield from cell_names.search_cell(prefix, cell, model.space)
        else:
            yield from cell_names.derived_cell(prefix, cell)
    auxiliary = getattr(model, "auxiliary_head", None)
    if auxiliary is not None:
        yield from _auxiliary_head("auxiliary_head", auxiliary)
    yield from cell_names.linear("classifier", model.classifier)


def _auxiliary_head(prefix, head):
    features = f"{prefix}.features"
    yield from cell_names.kernel(f"{features}.2", head.reduce)
    yield from cell_names.norm([f"{features}.3"], head.reduce_norm)
    yield from cell_names.kernel(f"{features}.5", head.expand)
    if head.expand_norm is not None:
        yield from cell_names.norm([f"{features}.6"], head.expand_norm)
    yield from cell_names.linear(f"{prefix}.classifier", head.classifier)


def _recurrent(model):
    def same(variable, *names):
        return entry.Entry(names, variable, entry.SAME)

    yield same(model.embedding, "encoder.weight", "decoder.weight")
    yield same(model.decoder_bias, "decoder.bias")
    # Both codes put the gate before the candidate, and x before h.
    yield same(model.cell.initial_kernel, "rnns.0._W0")
    for k, kernel in enumerate(model.cell.kernels):
        yield same(kernel, f"rnns.0._Ws.{k}")
    if isinstance(model, recurrent_supernet.RecurrentSupernet):
        shared = entry.shared_by_nodes(
            model.cell.num_nodes + 1, recurrent_cell.MOMENTUM
        )
        for name, variable in (
            ("running_mean", model.cell.moving_mean),
            ("running_var", model.cell.moving_variance),
        ):
            yield entry.Entry((f"rnns.0.bn.{name}",), variable, shared)


def _alphas(model):
    for cell_type, logits in zip(
        model.space.cell_types, model.alphas.logits, strict=True
    ):
        yield entry.Entry(
            (ALPHAS[cell_type],),
            logits,
            entry.SAME,
            _logits_present(model.space.mask(cell_type)),
        )


def _logits_present(mask):
    """Returns the index of the logits that the official code has.

    Where all edges have the same number of primitives, its matrix has as many
    columns, whichever they are on each edge; ours has one for each primitive
    of the space. Edges with different numbers fit no narrower matrix: then it
    is ours.
    """
    columns = [np.flatnonzero(row) for row in mask]
    if len({len(row) for row in columns}) > 1:
        return ...
    return np.arange(len(mask))[:, None], np.stack(columns)
