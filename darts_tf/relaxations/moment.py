"""Where a search is: what methods that change over time depend on."""

import typing


class Moment(typing.NamedTuple):
    """The moment of a search at which op weights are asked for.

    Args:
        step: Scalar tensor, the steps that were taken. Noise is a function of
            the seed and of it, so that all passes of a step see the same, and
            a resumed search is the same.
        is_weight_phase: Scalar boolean tensor, whether the loss is that of the
            weights, and not that of the alphas or of an evaluation.
        progress: Scalar tensor, the part of the epochs that is over, from 0.
        seed: Integer.

    Example:

    >>> from darts_tf.relaxations import moment
    >>> moment.Moment(step=0, is_weight_phase=True, progress=0.5, seed=1).seed
    1
    """

    step: typing.Any
    is_weight_phase: typing.Any
    progress: typing.Any
    seed: int
