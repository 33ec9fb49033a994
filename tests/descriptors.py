"""Every layer of the library, once: what the conformance test runs over."""

import dataclasses
from collections.abc import Callable

import numpy as np

import darts_tf
from darts_tf import layers

_CELL = {
    "nodes": [
        [("sep_conv_3x3", 0), ("dil_conv_5x5", 1)],
        [("max_pool_3x3", 2), ("skip_connect", 0)],
    ],
    "concat": [2, 3],
}


@dataclasses.dataclass(frozen=True)
class Descriptor:
    """How to make a layer, and what it is called with.

    The first input has a batch of 4; `output_shape` is the expected shape, or
    a list of them.
    """

    name: str
    make: Callable
    inputs: Callable
    output_shape: object
    keywords: dict = dataclasses.field(default_factory=dict)
    # What it computes has no parameters for a channel, so any number does.
    any_width: bool = False
    # Sums over whole channels: bfloat16 has 8 bits of mantissa.
    low_precision: bool = True


def images(channels=4, size=8):
    """Returns a function that draws a batch of images."""

    def draw(rng):
        return [rng.normal(size=(4, size, size, channels)).astype("float32")]

    return draw


def _pair(rng):
    return [[images(6)(rng)[0], images(6)(rng)[0]]]


def _mixed(rng):
    return [*images()(rng), rng.dirichlet(np.ones(8), 3).astype("float32")]


def _searched(rng):
    op_weights = [
        rng.dirichlet(np.ones(8), edges).astype("float32")
        for edges in (2, 2, 1)
    ]
    return [*_pair(rng), op_weights]


def _searched_with_one_input(rng):
    op_weights = [
        rng.dirichlet(np.ones(5), edges).astype("float32") for edges in (2, 1)
    ]
    return [[images(4)(rng)[0]], op_weights]


def _sequence(rng):
    return [rng.normal(size=(4, 5, 6)).astype("float32")]


def _recurrent_searched(rng):
    op_weights = rng.dirichlet(np.ones(5), 6).astype("float32")
    return [*_sequence(rng), op_weights]


_RECURRENT_PRIMITIVES = darts_tf.SearchSpace.recurrent().primitives
_PRIMITIVES = darts_tf.SearchSpace.conv().primitives

LAYERS = [
    Descriptor("batch_norm", layers.BatchNorm, images(), (4, 8, 8, 4)),
    Descriptor(
        "batch_norm_plain",
        lambda: layers.BatchNorm(affine=False),
        images(),
        (4, 8, 8, 4),
    ),
    Descriptor(
        "convolution",
        lambda: layers.Convolution(6, 3, 2, groups=2),
        images(),
        (4, 4, 4, 6),
    ),
    Descriptor(
        "depthwise",
        lambda: layers.DepthwiseConvolution(5, copies=2),
        images(),
        (4, 8, 8, 8),
    ),
    Descriptor(
        "depthwise_dilated",
        lambda: layers.DepthwiseConvolution(3, dilation_rate=2, copies=2),
        images(size=7),
        (4, 7, 7, 8),
    ),
    Descriptor(
        "conv_stem",
        lambda: layers.ConvStem([3, 6], 2),
        images(),
        [(4, 4, 4, 3), (4, 2, 2, 6)],
    ),
    Descriptor(
        "separable",
        lambda: layers.SeparableConvolution(3, 4, 2, copies=2),
        images(),
        (4, 4, 4, 8),
    ),
    Descriptor(
        "dilated",
        lambda: layers.DilatedConvolution(5, 4, copies=3, affine=False),
        images(),
        (4, 8, 8, 12),
    ),
    Descriptor(
        "conv_7x1",
        lambda: layers.Conv7x1(4, 2, copies=2),
        images(),
        (4, 4, 4, 8),
    ),
    Descriptor(
        "standard_convolution",
        lambda: layers.StandardConvolution(3, 4, 2, copies=2),
        images(),
        (4, 4, 4, 8),
    ),
    Descriptor(
        "pointwise",
        lambda: layers.PointwiseConvolution(6),
        images(),
        (4, 8, 8, 6),
    ),
    Descriptor(
        "factorized_reduce",
        lambda: layers.FactorizedReduce(4, copies=3),
        images(size=7),
        (4, 4, 4, 12),
    ),
    Descriptor(
        "max_pool",
        lambda: layers.Pool("max", 4, 2, affine=False),
        images(),
        (4, 4, 4, 4),
    ),
    Descriptor(
        "average_pool",
        lambda: layers.Pool("average", 4, 2),
        images(),
        (4, 4, 4, 4),
    ),
    Descriptor("identity", lambda: layers.Identity(4), images(), (4, 8, 8, 4)),
    Descriptor("zero", lambda: layers.Zero(4, 2), images(), (4, 4, 4, 4)),
    Descriptor(
        "drop_path",
        lambda: layers.DropPath(seed=0),
        images(),
        (4, 8, 8, 4),
        {"rate": 0.5},
        any_width=True,
    ),
    Descriptor(
        "mixed_op",
        lambda: layers.MixedOp(_PRIMITIVES, 4, 2, copies=3),
        _mixed,
        [(4, 4, 4, 4)] * 3,
    ),
    Descriptor(
        "conv_search_cell",
        lambda: layers.ConvSearchCell(_PRIMITIVES, 2, 4, "reduction"),
        _searched,
        (4, 4, 4, 8),
    ),
    Descriptor(
        "mixed_op_of_unlike_edges",
        lambda: layers.MixedOp(
            _PRIMITIVES,
            4,
            copies=3,
            edge_primitives=[
                ("max_pool_3x3", "sep_conv_3x3"),
                ("none",),
                ("sep_conv_3x3", "skip_connect"),
            ],
        ),
        _mixed,
        [(4, 8, 8, 4)] * 3,
    ),
    Descriptor(
        "conv_search_cell_with_one_input",
        lambda: layers.ConvSearchCell(
            darts_tf.SearchSpace.nas_bench_201().primitives,
            2,
            4,
            num_inputs=1,
            output="last",
            edge_primitives=[
                ("nor_conv_3x3", "avg_pool_3x3"),
                ("none", "skip_connect"),
                ("nor_conv_1x1", "nor_conv_3x3"),
            ],
            normalize_pools=False,
            preprocess=False,
        ),
        _searched_with_one_input,
        (4, 8, 8, 4),
    ),
    Descriptor(
        "conv_cell",
        lambda: layers.ConvCell(_CELL, 4, "reduction"),
        _pair,
        (4, 4, 4, 8),
        {"drop_path_rate": 0.0},
    ),
    Descriptor(
        "conv_cell_with_one_input",
        lambda: layers.ConvCell(
            darts_tf.Genotype.from_text(
                "|none~0|+|nor_conv_3x3~0|skip_connect~1|+"
                "|avg_pool_3x3~0|none~1|nor_conv_1x1~2|"
            ).normal,
            4,
            preprocess=False,
        ),
        lambda rng: [images(4)(rng)],
        (4, 8, 8, 4),
        {"drop_path_rate": 0.0},
    ),
    Descriptor(
        "residual_block",
        lambda: layers.ResidualBlock(6),
        images(size=7),
        (4, 4, 4, 6),
    ),
    Descriptor(
        "locked_dropout",
        lambda: layers.LockedDropout(0.0),
        _sequence,
        (4, 5, 6),
        any_width=True,
    ),
    Descriptor(
        "embedding_dropout",
        lambda: layers.EmbeddingDropout(0.0),
        lambda rng: [rng.normal(size=(4, 6)).astype("float32")],
        (4, 6),
        any_width=True,
    ),
    Descriptor(
        "recurrent_search_cell",
        lambda: layers.RecurrentSearchCell(7, _RECURRENT_PRIMITIVES, 3),
        _recurrent_searched,
        [(4, 5, 7), (4, 7)],
    ),
    Descriptor(
        "recurrent_cell",
        lambda: layers.RecurrentCell(
            darts_tf.zoo.RECURRENT_DARTS_V2.recurrent, 7
        ),
        _sequence,
        [(4, 5, 7), (4, 7)],
    ),
]
