"""Which of the genotypes that were found is the one to use, and why."""

import dataclasses

import numpy as np

from darts_tf.spaces import genotype as genotype_lib


@dataclasses.dataclass(frozen=True)
class GenotypeChoice:
    """One genotype that a tuner found, and why it ranks where it does.

    Args:
        genotype: `darts_tf.Genotype`, as it was found first.
        found_by: Tuple of strings, `"trial_id/execution"` of each execution
            that found it, or one equal to it but for the order of nodes and
            edges.
        scores: Tuple of floats, the objective in each of them.
        costs: Dictionary of what its network costs, by the name of the limit,
            such as `max_parameters`.
        reason: String: why it was chosen, or why not.
        chosen: Boolean.

    Example:

    >>> genotype = darts_tf.zoo.get("DARTS_V2")
    >>> choice = darts_tf.GenotypeChoice(
    ...     genotype, ("0/0", "2/0"), (0.5, 0.75), {}, "the best", True
    ... )
    >>> choice.score, choice.deviation
    (0.625, 0.1767...)
    """

    genotype: genotype_lib.Genotype
    found_by: tuple
    scores: tuple
    costs: dict
    reason: str = ""
    chosen: bool = False

    @property
    def score(self):
        """The mean of the scores, by which genotypes are ranked."""
        return float(np.mean(self.scores))

    @property
    def deviation(self):
        """The standard deviation of the scores; 0 for one."""
        return deviation(self.scores)


def deviation(scores):
    """Returns the standard deviation that a sample lets expect.

    Args:
        scores: Sequence of floats.

    Returns:
        Float, with n - 1 in the denominator; 0 for a single score.

    Example:

    >>> from darts_tf.tuner import selection
    >>> selection.deviation([1.0, 2.0, 3.0])
    1.0
    """
    return float(np.std(scores, ddof=1)) if len(scores) > 1 else 0.0


def merge_equal(found):
    """Joins the executions that found the same genotype.

    Args:
        found: Iterable of tuples `(name, genotype, score, costs)`.

    Returns:
        A list of `GenotypeChoice`.
    """
    merged = {}
    for name, genotype, score, costs in found:
        key = genotype.canonical()
        before = merged.get(key, GenotypeChoice(genotype, (), (), costs))
        # Where the size of the network is tuned, too, the largest counts.
        most = {k: max(before.costs[k], value) for k, value in costs.items()}
        merged[key] = dataclasses.replace(
            before,
            found_by=(*before.found_by, name),
            scores=(*before.scores, score),
            costs=most,
        )
    return list(merged.values())


def choose(candidates, limits, number, direction):
    """Ranks genotypes by their scores, those within all limits first.

    Args:
        candidates: List of `GenotypeChoice`.
        limits: Dictionary from names in `costs` to the largest that is
            allowed.
        number: Integer, how many to choose.
        direction: String, `"max"` or `"min"`: which scores are better.

    Returns:
        A tuple of `GenotypeChoice`, the best first, with `reason` and
        `chosen`.
    """
    sign = -1 if direction == "max" else 1
    ranked = sorted(candidates, key=lambda choice: sign * choice.score)
    fitting = [c for c in ranked if not _excess(c, limits)]
    refused = [c for c in ranked if _excess(c, limits)]
    return (
        *(
            dataclasses.replace(
                choice,
                reason=_reason(choice, rank, len(fitting), number, limits),
                chosen=rank <= number,
            )
            for rank, choice in enumerate(fitting, 1)
        ),
        *(
            dataclasses.replace(choice, reason=_excess(choice, limits))
            for choice in refused
        ),
    )


def _excess(choice, limits):
    """Returns what is over the budget in words, or an empty string."""
    over = [
        f"{name.removeprefix('max_')} {choice.costs[name]:,} > {limit:,}"
        for name, limit in limits.items()
        if choice.costs[name] > limit
    ]
    return f"over the budget: {', '.join(over)}" if over else ""


def _reason(choice, rank, total, number, limits):
    reason = f"rank {rank} of {total}"
    if limits:
        reason += " within the budget"
    reason += f" by a mean score of {choice.score:.4f}"
    if len(choice.scores) > 1:
        reason += f" +- {choice.deviation:.4f} in {len(choice.scores)} runs"
    return reason if rank <= number else f"{reason}; {number} asked for"
