import collections
import itertools

import numpy as np
import pytest
import tensorflow as tf

from darts_tf.data import streams


def values(dataset, steps):
    """Returns the first elements of a dataset of arrays, as NumPy arrays."""
    return list(dataset.take(steps).as_numpy_iterator())


def with_noise(batch, seed):
    x, y = batch
    return x + tf.random.stateless_uniform(tf.shape(x), seed), y


def pair(size, start=0):
    y = np.arange(start, start + size)
    return y.astype("float32")[:, None], y


def test_steps_per_epoch_counts_full_batches():
    assert streams.steps_per_epoch(25_000, 64) == 390
    assert streams.steps_per_epoch(64, 64) == 1


def test_epochs_are_different_permutations_without_repetition():
    read = values(streams.batches(np.arange(10), 3, seed=0), 6)
    epochs = [np.concatenate(read[:3]), np.concatenate(read[3:])]
    for epoch in epochs:
        assert len(set(epoch)) == 9
        assert set(epoch) <= set(range(10))
    assert epochs[0].tolist() != epochs[1].tolist()


def test_arrays_stay_aligned():
    x, y = pair(20)
    stream = streams.batches({"x": x, "y": y}, 4, seed=3)
    for batch in values(stream, 7):
        np.testing.assert_array_equal(batch["x"][:, 0], batch["y"])


def test_all_orders_of_five_samples_are_equally_likely():
    orders = values(streams.batches(np.arange(5), 5, seed=0).batch(3600), 1)[0]
    counts = collections.Counter(map(tuple, orders))
    expected = 3600 / 120
    chi_square = sum(
        (counts[order] - expected) ** 2 / expected
        for order in itertools.permutations(range(5))
    )
    # 119 degrees of freedom: deviation sqrt(2 * 119) = 15.4; five of them.
    assert chi_square < 119 + 5 * 15.4


def test_consecutive_epochs_and_seeds_are_uncorrelated():
    size = 10_000
    epochs = [
        values(streams.batches(np.arange(size), size, seed, start_step), 1)[0]
        for seed, start_step in [(0, 0), (0, 1), (1, 0), (1, 1)]
    ]
    correlation = np.corrcoef([np.arange(size), *epochs])
    # The deviation of the correlation of independent orders is 1 / sqrt(n).
    np.testing.assert_allclose(correlation, np.eye(5), atol=5 / size**0.5)
    for epoch in epochs:
        neighbours = np.corrcoef(epoch[:-1], epoch[1:])[0, 1]
        assert abs(neighbours) < 5 / size**0.5


@pytest.mark.parametrize("start_step", [1, 4, 5, 12, 15])
def test_a_stream_that_starts_late_equals_one_that_skips(start_step):
    def stream(**options):
        return streams.batches(
            pair(17), 3, seed=5, transform=with_noise, **options
        )

    skipped = values(stream().skip(start_step), 7)
    started = values(stream(start_step=start_step), 7)
    for (x1, y1), (x2, y2) in zip(skipped, started, strict=True):
        np.testing.assert_array_equal(x1, x2)
        np.testing.assert_array_equal(y1, y2)


def test_a_late_start_far_away_costs_no_skipping():
    steps = 10**12
    stream = streams.batches(np.arange(6), 2, seed=0, start_step=steps)
    assert len(values(stream, 1)[0]) == 2


def test_seed_changes_order_and_transform():
    x, y = np.zeros((6, 1), "float32"), np.arange(6)
    read = [
        values(streams.batches((x, y), 6, seed, transform=with_noise), 1)[0]
        for seed in (0, 0, 1, -1, 2**40)
    ]
    np.testing.assert_array_equal(read[0][0], read[1][0])
    noises = {tuple(x.ravel()) for x, _ in read}
    assert len(noises) == 4


def test_seed_of_the_transform_is_new_at_each_step():
    def only_seed(batch, seed):
        return seed

    seeds = values(
        streams.batches(np.arange(4), 2, seed=0, transform=only_seed), 1000
    )
    assert seeds[0].shape == (2,)
    assert len({tuple(seed) for seed in seeds}) == 1000


def test_without_shuffling_the_order_is_that_of_the_arrays():
    stream = streams.batches(np.arange(5), 2, seed=0, shuffle=False)
    read = [batch.tolist() for batch in values(stream, 3)]
    assert read == [[0, 1], [2, 3], [0, 1]]


def test_streams_say_that_they_are_endless():
    stream = streams.batches(np.arange(4), 2, seed=0)
    assert stream.cardinality() == tf.data.INFINITE_CARDINALITY


def test_pairs_come_from_the_two_sets():
    stream = streams.paired(pair(9), pair(7, start=100), 3, seed=1)
    for (x_train, y_train), (x_alpha, y_alpha) in values(stream, 9):
        assert y_train.max() < 9
        assert y_alpha.min() >= 100
        np.testing.assert_array_equal(x_train[:, 0], y_train)
        np.testing.assert_array_equal(x_alpha[:, 0], y_alpha)


def test_alpha_stream_goes_on_over_the_epochs_of_the_network_weights():
    # 2 steps make an epoch for the network weights and 4 for the alphas.
    read = values(streams.paired(pair(4), pair(12), 2, 3, seed=1), 12)
    alphas = [y for _, (_, y) in read]
    for start in (0, 4, 8):
        epoch = np.concatenate(alphas[start : start + 4])
        assert sorted(epoch) == list(range(12))


def test_the_two_streams_of_a_pair_differ_in_order_and_transform():
    x, y = np.zeros((50, 1), "float32"), np.arange(50)
    stream = streams.paired((x, y), (x, y), 50, transform=with_noise)
    (x_train, y_train), (x_alpha, y_alpha) = values(stream, 1)[0]
    assert y_train.tolist() != y_alpha.tolist()
    assert not set(x_train.ravel()) & set(x_alpha.ravel())


def test_paired_streams_resume_at_any_step():
    def stream(**options):
        return streams.paired(
            pair(8), pair(10), 4, 2, 3, transform=with_noise, **options
        )

    skipped = values(stream().skip(7), 6)
    for one, two in zip(skipped, values(stream(start_step=7), 6), strict=True):
        tf.nest.map_structure(np.testing.assert_array_equal, one, two)


def test_sequential_reads_every_sample_once_in_order():
    dataset = streams.sequential(pair(7), 3)
    read = [y.tolist() for _, y in dataset.as_numpy_iterator()]
    assert read == [[0, 1, 2], [3, 4, 5], [6]]


def test_sequential_applies_its_transform():
    dataset = streams.sequential(np.arange(3), 2, transform=lambda y: y * 10)
    assert [y.tolist() for y in values(dataset, 2)] == [[0, 10], [20]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: streams.steps_per_epoch(3, 4), "num_samples=3, batch_size=4"),
        (lambda: streams.steps_per_epoch(3, 0), "positive.*batch_size=0"),
        (lambda: streams.batches(np.arange(3), 4, 0), "num_samples=3"),
        (lambda: streams.batches(np.arange(3), 0, 0), "batch_size=0"),
        (
            lambda: streams.batches(np.arange(3), 1, 0, start_step=-1),
            "start_step=-1",
        ),
        (
            lambda: streams.batches((np.arange(3), np.arange(4)), 1, 0),
            r"first dimension.*\(3,\), \(4,\)",
        ),
        (lambda: streams.batches(np.float32(1), 1, 0), "first dimension"),
        (lambda: streams.sequential(np.zeros((0, 2)), 1), "non-empty"),
        (lambda: streams.sequential(np.arange(3), -1), "batch_size=-1"),
        (lambda: streams.paired(pair(8), pair(3), 4), "num_samples=3"),
        (lambda: streams.paired(pair(8), pair(8), 4, 0), "batch_size=0"),
    ],
    ids=itertools.count(),
)
def test_impossible_streams_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_seed_must_be_an_integer():
    with pytest.raises(TypeError):
        streams.batches(np.arange(3), 1, seed=0.5)
