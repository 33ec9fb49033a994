"""Splits labelled samples in two parts with the same mix of classes."""

import numpy as np


def split_indices(labels, fraction=0.5, seed=0):
    """Draws two disjoint parts of a data set, stratified by class.

    The bilevel search trains the network weights on one part of the training
    set and the alphas on the other. Each class is divided by `fraction`; the
    samples left over by rounding go to the classes that lost most by it, so
    that the first part has `round(fraction * len(labels))` samples exactly.

    Args:
        labels: Array of shape `(samples,)`, the class of each sample: integers
            or strings.
        fraction: Float in (0, 1), share of the first part. Defaults to `0.5`.
        seed: Non-negative integer that decides which samples go where.
            Defaults to `0`.

    Returns:
        Two int64 arrays of indices into `labels`, the first and the second
        part. Each is in ascending order: shuffling is left to the stream
        that reads the part.

    Raises:
        ValueError: If `labels` is empty or not of rank 1, if `fraction` is
            not inside (0, 1), or if a part would be empty.

    Example:

    >>> from darts_tf.data import splitting
    >>> labels = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 1])
    >>> first, second = splitting.split_indices(labels, fraction=0.5)
    >>> np.bincount(labels[first]), np.bincount(labels[second])
    (array([2, 3]), array([2, 3]))

    Reference:
        Section 3.1 of the DARTS paper: half of the CIFAR-10 training data
        is held out as the validation set of the search.
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or not labels.size:
        raise ValueError(
            "`labels` must be a non-empty array of rank 1, one label for "
            f"each sample. Received: labels.shape={labels.shape}"
        )
    if not 0 < fraction < 1:
        raise ValueError(
            f"`fraction` must be inside (0, 1). Received: fraction={fraction}"
        )
    total = round(fraction * labels.size)
    if total in (0, labels.size):
        raise ValueError(
            "Both parts of the split must have at least one sample. "
            f"Received: {labels.size} samples, fraction={fraction}"
        )
    _, classes, counts = np.unique(
        labels, return_inverse=True, return_counts=True
    )
    generator = np.random.default_rng(seed)
    in_first = np.zeros(labels.size, bool)
    for index, size in enumerate(_largest_remainder(counts, fraction, total)):
        members = np.flatnonzero(classes == index)
        in_first[generator.permutation(members)[:size]] = True
    return np.flatnonzero(in_first), np.flatnonzero(~in_first)


def hold_out(labels, fraction=0.2, seed=0):
    """Draws test samples for data that come without them.

    Each class is divided by `fraction`, rounded, with at least one sample of
    each class in both parts; in `split_indices` a small class may fall into
    one of them.

    Args:
        labels: Array of shape `(samples,)`, the class of each sample: integers
            or strings.
        fraction: Float in (0, 1), share of the samples that are held out.
            Defaults to `0.2`.
        seed: Non-negative integer that decides which. Defaults to `0`.

    Returns:
        Two int64 arrays of indices into `labels`, in ascending order: of the
        samples that are kept, and of those that are held out.

    Raises:
        ValueError: If `fraction` is not inside (0, 1), or a class has fewer
            than two samples.

    Example:

    >>> from darts_tf.data import splitting
    >>> kept, held_out = splitting.hold_out(["cat"] * 5 + ["dog"] * 2)
    >>> len(kept), len(held_out)
    (5, 2)
    """
    labels = np.asarray(labels)
    if not 0 < fraction < 1:
        raise ValueError(
            f"`fraction` must be inside (0, 1). Received: fraction={fraction}"
        )
    generator = np.random.default_rng(seed)
    held_out = np.zeros(labels.size, bool)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        if len(members) < 2:
            raise ValueError(
                "Each class must have at least two samples, one to train on "
                f"and one to test on. Received: one sample of class {label}"
            )
        size = min(max(round(fraction * len(members)), 1), len(members) - 1)
        held_out[generator.permutation(members)[:size]] = True
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def _largest_remainder(counts, fraction, total):
    """Rounds `fraction * counts` to integers whose sum is `total`.

    Equal remainders are served in the order of the classes.
    """
    quotas = fraction * counts
    sizes = np.floor(quotas).astype(np.int64)
    by_loss = np.argsort(sizes - quotas, kind="stable")
    sizes[by_loss[: total - sizes.sum()]] += 1
    return sizes
