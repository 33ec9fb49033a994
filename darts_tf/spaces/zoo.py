"""Genotypes that were published, to compare with and to train.

Edges and nodes stand in the order in which the official DARTS code lists
them; above each genotype stands where it was published.
"""

from collections.abc import Sequence

from darts_tf.spaces import genotype as genotype_lib


def _cell(
    concat: Sequence[int],
    num_inputs: int,
    nodes: Sequence[Sequence[tuple[str, int]]],
) -> genotype_lib.Cell:
    return genotype_lib.Cell(
        nodes=tuple(
            tuple(genotype_lib.Edge(name, source) for name, source in edges)
            for edges in nodes
        ),
        concat=tuple(concat),
        num_inputs=num_inputs,
    )


# First order, Liu et al., "DARTS: Differentiable Architecture Search",
# arXiv:1806.09055, and its code.
DARTS_V1 = genotype_lib.Genotype(
    normal=_cell(
        concat=(2, 3, 4, 5),
        num_inputs=2,
        nodes=[
            [("sep_conv_3x3", 1), ("sep_conv_3x3", 0)],
            [("skip_connect", 0), ("sep_conv_3x3", 1)],
            [("skip_connect", 0), ("sep_conv_3x3", 1)],
            [("sep_conv_3x3", 0), ("skip_connect", 2)],
        ],
    ),
    reduction=_cell(
        concat=(2, 3, 4, 5),
        num_inputs=2,
        nodes=[
            [("max_pool_3x3", 0), ("max_pool_3x3", 1)],
            [("skip_connect", 2), ("max_pool_3x3", 0)],
            [("max_pool_3x3", 0), ("skip_connect", 2)],
            [("skip_connect", 2), ("avg_pool_3x3", 0)],
        ],
    ),
)

# Second order, the cells of Figures 4 and 5 of the same paper.
DARTS_V2 = genotype_lib.Genotype(
    normal=_cell(
        concat=(2, 3, 4, 5),
        num_inputs=2,
        nodes=[
            [("sep_conv_3x3", 0), ("sep_conv_3x3", 1)],
            [("sep_conv_3x3", 0), ("sep_conv_3x3", 1)],
            [("sep_conv_3x3", 1), ("skip_connect", 0)],
            [("skip_connect", 0), ("dil_conv_3x3", 2)],
        ],
    ),
    reduction=_cell(
        concat=(2, 3, 4, 5),
        num_inputs=2,
        nodes=[
            [("max_pool_3x3", 0), ("max_pool_3x3", 1)],
            [("skip_connect", 2), ("max_pool_3x3", 1)],
            [("max_pool_3x3", 0), ("skip_connect", 2)],
            [("skip_connect", 2), ("max_pool_3x3", 1)],
        ],
    ),
)

# Zoph et al., "Learning Transferable Architectures for Scalable Image
# Recognition", arXiv:1707.07012.
NASNET_A = genotype_lib.Genotype(
    normal=_cell(
        concat=(2, 3, 4, 5, 6),
        num_inputs=2,
        nodes=[
            [("sep_conv_5x5", 1), ("sep_conv_3x3", 0)],
            [("sep_conv_5x5", 0), ("sep_conv_3x3", 0)],
            [("avg_pool_3x3", 1), ("skip_connect", 0)],
            [("avg_pool_3x3", 0), ("avg_pool_3x3", 0)],
            [("sep_conv_3x3", 1), ("skip_connect", 1)],
        ],
    ),
    reduction=_cell(
        concat=(4, 5, 6),
        num_inputs=2,
        nodes=[
            [("sep_conv_5x5", 1), ("sep_conv_7x7", 0)],
            [("max_pool_3x3", 1), ("sep_conv_7x7", 0)],
            [("avg_pool_3x3", 1), ("sep_conv_5x5", 0)],
            [("skip_connect", 3), ("avg_pool_3x3", 2)],
            [("sep_conv_3x3", 2), ("max_pool_3x3", 1)],
        ],
    ),
)

# Real et al., "Regularized Evolution for Image Classifier Architecture
# Search", arXiv:1802.01548.
AMOEBANET_A = genotype_lib.Genotype(
    normal=_cell(
        concat=(4, 5, 6),
        num_inputs=2,
        nodes=[
            [("avg_pool_3x3", 0), ("max_pool_3x3", 1)],
            [("sep_conv_3x3", 0), ("sep_conv_5x5", 2)],
            [("sep_conv_3x3", 0), ("avg_pool_3x3", 3)],
            [("sep_conv_3x3", 1), ("skip_connect", 1)],
            [("skip_connect", 0), ("avg_pool_3x3", 1)],
        ],
    ),
    reduction=_cell(
        concat=(3, 4, 6),
        num_inputs=2,
        nodes=[
            [("avg_pool_3x3", 0), ("sep_conv_3x3", 1)],
            [("max_pool_3x3", 0), ("sep_conv_7x7", 2)],
            [("sep_conv_7x7", 0), ("avg_pool_3x3", 1)],
            [("max_pool_3x3", 0), ("max_pool_3x3", 1)],
            [("conv_7x1_1x7", 0), ("sep_conv_3x3", 5)],
        ],
    ),
)

# Chen et al., "Progressive Differentiable Architecture Search",
# arXiv:1904.12760; searched on CIFAR-10.
P_DARTS = genotype_lib.Genotype(
    normal=_cell(
        concat=(2, 3, 4, 5),
        num_inputs=2,
        nodes=[
            [("skip_connect", 0), ("dil_conv_3x3", 1)],
            [("skip_connect", 0), ("sep_conv_3x3", 1)],
            [("sep_conv_3x3", 1), ("sep_conv_3x3", 3)],
            [("sep_conv_3x3", 0), ("dil_conv_5x5", 4)],
        ],
    ),
    reduction=_cell(
        concat=(2, 3, 4, 5),
        num_inputs=2,
        nodes=[
            [("avg_pool_3x3", 0), ("sep_conv_5x5", 1)],
            [("sep_conv_3x3", 0), ("dil_conv_5x5", 2)],
            [("max_pool_3x3", 0), ("dil_conv_3x3", 1)],
            [("dil_conv_3x3", 1), ("dil_conv_5x5", 3)],
        ],
    ),
)

# Xu et al., "PC-DARTS: Partial Channel Connections for Memory-Efficient
# Architecture Search", arXiv:1907.05737; searched on CIFAR-10.
PC_DARTS = genotype_lib.Genotype(
    normal=_cell(
        concat=(2, 3, 4, 5),
        num_inputs=2,
        nodes=[
            [("sep_conv_3x3", 1), ("skip_connect", 0)],
            [("sep_conv_3x3", 0), ("dil_conv_3x3", 1)],
            [("sep_conv_5x5", 0), ("sep_conv_3x3", 1)],
            [("avg_pool_3x3", 0), ("dil_conv_3x3", 1)],
        ],
    ),
    reduction=_cell(
        concat=(2, 3, 4, 5),
        num_inputs=2,
        nodes=[
            [("sep_conv_5x5", 1), ("max_pool_3x3", 0)],
            [("sep_conv_5x5", 1), ("sep_conv_5x5", 2)],
            [("sep_conv_3x3", 0), ("sep_conv_3x3", 3)],
            [("sep_conv_3x3", 1), ("sep_conv_3x3", 2)],
        ],
    ),
)

# First order, arXiv:1806.09055 and its code; searched on Penn Treebank.
RECURRENT_DARTS_V1 = genotype_lib.Genotype(
    recurrent=_cell(
        concat=(1, 2, 3, 4, 5, 6, 7, 8),
        num_inputs=1,
        nodes=[
            [("relu", 0)],
            [("relu", 1)],
            [("tanh", 2)],
            [("relu", 3)],
            [("relu", 4)],
            [("identity", 1)],
            [("relu", 5)],
            [("relu", 1)],
        ],
    ),
)

# Second order, the recurrent cell of arXiv:1806.09055.
RECURRENT_DARTS_V2 = genotype_lib.Genotype(
    recurrent=_cell(
        concat=(1, 2, 3, 4, 5, 6, 7, 8),
        num_inputs=1,
        nodes=[
            [("sigmoid", 0)],
            [("relu", 1)],
            [("relu", 1)],
            [("identity", 1)],
            [("tanh", 2)],
            [("sigmoid", 5)],
            [("tanh", 3)],
            [("relu", 5)],
        ],
    ),
)

# Pham et al., "Efficient Neural Architecture Search via Parameter Sharing",
# arXiv:1802.03268; searched on Penn Treebank. Only nodes that no other reads
# are averaged.
RECURRENT_ENAS = genotype_lib.Genotype(
    recurrent=_cell(
        concat=(2, 5, 6, 9, 10, 11),
        num_inputs=1,
        nodes=[
            [("tanh", 0)],
            [("tanh", 1)],
            [("relu", 1)],
            [("tanh", 3)],
            [("tanh", 3)],
            [("relu", 3)],
            [("relu", 4)],
            [("relu", 7)],
            [("relu", 8)],
            [("relu", 8)],
            [("relu", 8)],
        ],
    ),
)

_GENOTYPES = {
    "DARTS_V1": DARTS_V1,
    "DARTS_V2": DARTS_V2,
    "NASNET_A": NASNET_A,
    "AMOEBANET_A": AMOEBANET_A,
    "P_DARTS": P_DARTS,
    "PC_DARTS": PC_DARTS,
    "RECURRENT_DARTS_V1": RECURRENT_DARTS_V1,
    "RECURRENT_DARTS_V2": RECURRENT_DARTS_V2,
    "RECURRENT_ENAS": RECURRENT_ENAS,
}


def names() -> tuple[str, ...]:
    """Returns the names that `get` knows.

    Example:

    >>> darts_tf.zoo.names()[:2]
    ('DARTS_V1', 'DARTS_V2')
    """
    return tuple(_GENOTYPES)


def get(name: str) -> genotype_lib.Genotype:
    """Returns a published genotype.

    Args:
        name: String, one of `names()`. Upper and lower case count as equal,
            and so do `-` and `_`.

    Returns:
        A `Genotype`.

    Raises:
        ValueError: If there is no genotype of that name.

    Example:

    >>> print(darts_tf.zoo.get("darts-v2").normal)
    node 2: sep_conv_3x3(0) + sep_conv_3x3(1)
    node 3: sep_conv_3x3(0) + sep_conv_3x3(1)
    node 4: sep_conv_3x3(1) + skip_connect(0)
    node 5: skip_connect(0) + dil_conv_3x3(2)
    concat: 2, 3, 4, 5
    """
    key = str(name).upper().replace("-", "_")
    if key not in _GENOTYPES:
        raise ValueError(
            f"`name` must be one of {names()}. Received: name={name!r}"
        )
    return _GENOTYPES[key]
