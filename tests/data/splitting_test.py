import numpy as np
import pytest

from darts_tf.data import splitting


@pytest.mark.parametrize("fraction", [0.1, 0.3, 0.5, 0.72])
@pytest.mark.parametrize("counts", [(7, 7, 7), (1, 30, 4), (5, 5), (40,)])
def test_parts_are_disjoint_complete_exact_and_stratified(counts, fraction):
    labels = np.repeat(np.arange(len(counts)), counts)
    labels = np.random.default_rng(0).permutation(labels)
    first, second = splitting.split_indices(labels, fraction)
    both = np.concatenate([first, second])
    assert sorted(both) == list(range(len(labels)))
    assert len(first) == round(fraction * len(labels))
    for label, count in enumerate(counts):
        taken = np.sum(labels[first] == label)
        assert abs(taken - fraction * count) < 1


def test_leftover_samples_go_to_the_largest_remainders():
    # Quotas 1.2, 2.7, 4.6: floors sum to 7, the total is round(8.5) = 8, and
    # the largest remainder is that of the second class.
    labels = np.repeat([0, 1, 2], [12, 27, 46])
    first, _ = splitting.split_indices(labels, 0.1)
    assert np.bincount(labels[first]).tolist() == [1, 3, 4]


def test_parts_are_sorted_and_of_integers():
    parts = splitting.split_indices(np.arange(20) % 3)
    for part in parts:
        assert part.dtype == np.int64
        assert np.all(np.diff(part) > 0)


def test_names_of_classes_do_as_well_as_numbers():
    labels = np.array(["cat", "dog"] * 10)
    first, _ = splitting.split_indices(labels, 0.5)
    assert sorted(labels[first]) == ["cat"] * 5 + ["dog"] * 5


def test_seed_decides_the_split():
    labels = np.zeros(100, int)
    first, _ = splitting.split_indices(labels, seed=1)
    again, _ = splitting.split_indices(labels, seed=1)
    other, _ = splitting.split_indices(labels, seed=2)
    np.testing.assert_array_equal(first, again)
    assert set(first) != set(other)


def test_every_sample_is_equally_likely_in_the_first_part():
    labels = np.repeat([0, 1], [4, 6])
    drawn = np.zeros(10)
    for seed in range(1000):
        drawn[splitting.split_indices(labels, 0.5, seed)[0]] += 1
    # Binomial(1000, 1/2) has deviation 16; five of them.
    assert np.all(np.abs(drawn - 500) < 80)


@pytest.mark.parametrize(
    ("labels", "fraction", "message"),
    [
        ([], 0.5, r"rank 1.*shape=\(0,\)"),
        (np.zeros((3, 1)), 0.5, r"rank 1.*shape=\(3, 1\)"),
        ([0, 1], 0.0, "inside.*fraction=0.0"),
        ([0, 1], 1.0, "inside.*fraction=1.0"),
        ([0], 0.5, "at least one sample.*1 samples"),
        ([0, 1, 2], 0.1, "at least one sample.*3 samples"),
    ],
)
def test_impossible_splits_are_refused(labels, fraction, message):
    with pytest.raises(ValueError, match=message):
        splitting.split_indices(labels, fraction)


@pytest.mark.parametrize("fraction", [0.01, 0.2, 0.5, 0.99])
def test_each_class_is_in_both_parts_of_what_is_held_out(fraction):
    labels = np.random.default_rng(0).permutation([0] * 2 + [1] * 9 + [2] * 40)
    kept, held_out = splitting.hold_out(labels, fraction)
    assert sorted([*kept, *held_out]) == list(range(len(labels)))
    for label, count in enumerate((2, 9, 40)):
        expected = min(max(round(fraction * count), 1), count - 1)
        assert np.sum(labels[held_out] == label) == expected
    again = splitting.hold_out(labels, fraction)
    np.testing.assert_array_equal(again[1], held_out)
    if fraction == 0.5:
        other = splitting.hold_out(labels, fraction, seed=1)[1]
        assert other.tolist() != held_out.tolist()


def test_what_cannot_be_held_out_is_refused():
    with pytest.raises(ValueError, match="one sample of class b"):
        splitting.hold_out(["a", "a", "b"])
    with pytest.raises(ValueError, match=r"inside \(0, 1\)"):
        splitting.hold_out([0, 0], 1.0)
