"""Batches that are a pure function of the seed and of the step's number.

Nothing here keeps a state: the batch of step `s`, its order and its random
augmentation follow from `(seed, s)` alone. A search that stopped at step `s`
therefore goes on exactly with `start_step=s`, without a saved iterator.
"""

import operator

import numpy as np
import tensorflow as tf


def steps_per_epoch(num_samples, batch_size):
    """Returns the number of full batches in one pass over the data.

    Args:
        num_samples: Integer, size of the data set.
        batch_size: Positive integer, samples in a batch.

    Returns:
        Integer, `num_samples // batch_size`: the samples that do not fill a
        batch are left out of this epoch, others in the next.

    Raises:
        ValueError: If `batch_size` is not positive, or if the data set is
            shorter than one batch.

    Example:

    >>> from darts_tf.data import streams
    >>> streams.steps_per_epoch(25_000, batch_size=64)
    390
    """
    _check_batch_size(batch_size)
    if num_samples < batch_size:
        raise ValueError(
            "The data set must have at least one batch of samples. Received: "
            f"num_samples={num_samples}, batch_size={batch_size}"
        )
    return num_samples // batch_size


def batches(
    arrays, batch_size, seed, start_step=0, shuffle=True, transform=None
):
    """Makes an endless stream of batches that can start at any step.

    Step `s` belongs to epoch `s // steps_per_epoch(...)`. Each epoch is a new
    permutation of the samples, drawn from `(seed, epoch)`, so no sample
    comes twice in one epoch.

    Args:
        arrays: Array, or tuple or dict of arrays, of equal first dimension,
            such as `(images, labels)`. They are held in memory once, however
            many streams read them.
        batch_size: Positive integer, samples in a batch.
        seed: Integer, of the order and of `transform`.
        start_step: Non-negative integer, number of the first step to
            deliver. Defaults to `0`.
        shuffle: Boolean, whether each epoch has an order of its own or all
            have that of the arrays. Defaults to `True`.
        transform: Optional callable `transform(batch, seed)` on a whole
            batch of tensors; `seed` is an int32 tensor of shape `(2,)`, new
            at each step, for TensorFlow's stateless random functions.
            Defaults to `None`.

    Returns:
        A `tf.data.Dataset` without end whose elements have the structure of
        `arrays`.

    Raises:
        ValueError: If the arrays are not of equal length, are shorter than
            one batch, or if a number is out of range.

    Example:

    >>> from darts_tf.data import streams
    >>> stream = streams.batches(np.arange(6), batch_size=2, seed=0)
    >>> first_epoch = np.concatenate(list(stream.take(3)))
    >>> sorted(first_epoch.tolist())
    [0, 1, 2, 3, 4, 5]
    >>> later = streams.batches(np.arange(6), 2, seed=0, start_step=2)
    >>> bool((next(iter(later)).numpy() == first_epoch[4:]).all())
    True
    """
    return _stream(
        arrays, batch_size, (seed, 0), start_step, shuffle, transform
    )


def paired(
    train_arrays,
    alpha_arrays,
    batch_size,
    alpha_batch_size=None,
    seed=0,
    start_step=0,
    transform=None,
):
    """Makes the two streams of the bilevel search, side by side.

    An epoch is a pass over `train_arrays`. The alphas read a stream of their
    own, which goes on from step to step and starts a new permutation only
    when every one of its samples has been seen.

    Args:
        train_arrays: Tuple `(x, y)` of arrays for the network weights.
        alpha_arrays: Tuple `(x, y)` of arrays for the alphas, disjoint from
            `train_arrays`.
        batch_size: Positive integer, samples in a batch for the network
            weights.
        alpha_batch_size: Optional positive integer, samples in a batch for
            the alphas. Defaults to `None`, which means `batch_size`.
        seed: Integer, of both streams. Defaults to `0`.
        start_step: Non-negative integer, number of the first step to
            deliver. Defaults to `0`.
        transform: Optional callable `transform(batch, seed)`, as in
            `batches`, applied to both. Defaults to `None`.

    Returns:
        A `tf.data.Dataset` without end of `((x, y), (x, y))`: the batch for
        the network weights and the batch for the alphas.

    Raises:
        ValueError: As `batches`, for each of the two sets.

    Example:

    >>> from darts_tf.data import streams
    >>> x, y = np.zeros((10, 8, 8, 1)), np.arange(10)
    >>> stream = streams.paired((x[:6], y[:6]), (x[6:], y[6:]), 2)
    >>> for (_, y_train), (_, y_alpha) in stream.take(1):
    ...     print(max(y_train.numpy()) < 6 <= min(y_alpha.numpy()))
    True

    Reference:
        Algorithm 1 of the DARTS paper; its batches are 64 and 64.
    """
    if alpha_batch_size is None:
        alpha_batch_size = batch_size
    train, alpha = (
        _stream(arrays, size, (seed, index), start_step, True, transform)
        for index, (arrays, size) in enumerate(
            [(train_arrays, batch_size), (alpha_arrays, alpha_batch_size)]
        )
    )
    return tf.data.Dataset.zip((train, alpha)).prefetch(tf.data.AUTOTUNE)


def sequential(arrays, batch_size, transform=None):
    """Makes one pass over the data in its own order, for evaluation.

    Args:
        arrays: Array, or tuple or dict of arrays, of equal first dimension.
        batch_size: Positive integer, samples in a batch; the last batch may
            be smaller, so that each sample counts.
        transform: Optional callable `transform(batch)` on a whole batch of
            tensors. Defaults to `None`.

    Returns:
        A finite `tf.data.Dataset` whose elements have the structure of
        `arrays`.

    Raises:
        ValueError: If the arrays are empty or not of equal length, or if
            `batch_size` is not positive.

    Example:

    >>> from darts_tf.data import streams
    >>> for batch in streams.sequential(np.arange(5), batch_size=2):
    ...     print(batch.numpy())
    [0 1]
    [2 3]
    [4]
    """
    _check_batch_size(batch_size)
    tensors, num_samples = _as_tensors(arrays)

    def read(start):
        end = tf.minimum(start + batch_size, num_samples)
        batch = tf.nest.map_structure(lambda t: t[start:end], tensors)
        return batch if transform is None else transform(batch)

    starts = tf.data.Dataset.range(0, num_samples, batch_size)
    return starts.map(read, tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def _stream(arrays, batch_size, seeds, start_step, shuffle, transform):
    """Is `batches` with a pair of seeds: the user's and the stream's."""
    tensors, num_samples = _as_tensors(arrays)
    steps = steps_per_epoch(num_samples, batch_size)

    def order_of(epoch, order_key):
        """Returns the sample indices of an epoch, one row a batch."""
        order = tf.range(num_samples, dtype=tf.int64)
        if shuffle:
            # A whole permutation costs 2 ms for 50,000 samples, once an
            # epoch. `index_shuffle`, which permutes index by index, is not
            # uniform: its permutations of consecutive seeds resemble each
            # other, and of 5 samples it reaches 110 of the 120 orders.
            order = tf.random.experimental.stateless_shuffle(
                order, tf.random.fold_in(order_key, epoch), alg="philox"
            )
        order = tf.reshape(order[: steps * batch_size], (steps, batch_size))
        return tf.data.Dataset.from_tensor_slices(order)

    def read(indices, seed):
        batch = tf.nest.map_structure(lambda t: tf.gather(t, indices), tensors)
        return batch if transform is None else transform(batch, seed)

    return _epochs(order_of, steps, seeds, start_step, read)


def epochs(batches_of, steps, seed, start_step, transform):
    """Chains epochs to an endless stream that can start at any step.

    Args:
        batches_of: Callable `batches_of(epoch, key)` that returns a
            `tf.data.Dataset` of the batches of an epoch; `key` is for
            `tf.random.fold_in`.
        steps: Positive integer, the number of batches in each epoch.
        seed: Integer, of the order and of `transform`.
        start_step: Non-negative integer, number of the first step to
            deliver.
        transform: Callable `transform(batch, seed)`, as in `batches`.

    Returns:
        A `tf.data.Dataset` without end.

    Raises:
        ValueError: If `start_step` is negative.

    Example:

    >>> stream = epochs(
    ...     lambda epoch, key: tf.data.Dataset.range(2),
    ...     steps=2,
    ...     seed=0,
    ...     start_step=1,
    ...     transform=lambda batch, seed: batch,
    ... )
    >>> [int(number) for number in stream.take(3)]
    [1, 0, 1]
    """
    return _epochs(batches_of, steps, (seed, 0), start_step, transform)


def _epochs(batches_of, steps, seeds, start_step, transform):
    if start_step < 0:
        raise ValueError(
            f"`start_step` must not be negative. Received: {start_step=}"
        )
    order_key, transform_key = _keys(seeds)
    first_epoch, first_batch = divmod(start_step, steps)
    return (
        tf.data.Dataset.range(first_epoch, tf.int64.max)
        .flat_map(lambda epoch: batches_of(epoch, order_key))
        .skip(first_batch)
        .enumerate(start_step)
        .map(
            lambda step, batch: transform(
                batch, tf.random.fold_in(transform_key, step)
            ),
            tf.data.AUTOTUNE,
            deterministic=True,
        )
        .apply(
            tf.data.experimental.assert_cardinality(
                tf.data.INFINITE_CARDINALITY
            )
        )
        .prefetch(tf.data.AUTOTUNE)
    )


def _keys(seeds):
    """Derives the independent keys of the order and of the transform."""
    words = np.random.SeedSequence(
        [operator.index(seed) % 2**64 for seed in seeds]
    ).generate_state(4)
    return words.view(np.int32).reshape(2, 2)


def _as_tensors(arrays):
    """Returns the arrays as tensors on the CPU, and their common length."""
    # Tensors made here, outside of the mapped functions, are captured by
    # reference. Inside they would become constants of the graph, which ends
    # at 2 GB. A GPU must not hold them: tf.data runs on the CPU.
    with tf.device("CPU:0"):
        tensors = tf.nest.map_structure(tf.convert_to_tensor, arrays)
    shapes = [tuple(tensor.shape) for tensor in tf.nest.flatten(tensors)]
    lengths = {shape[0] if shape else None for shape in shapes}
    if len(lengths) != 1 or lengths & {None, 0}:
        raise ValueError(
            "`arrays` must be non-empty and agree in their first dimension. "
            f"Received: shapes {shapes}"
        )
    return tensors, lengths.pop()


def _check_batch_size(batch_size):
    if batch_size < 1:
        raise ValueError(
            f"`batch_size` must be positive. Received: {batch_size=}"
        )
