"""Closed forms of what is done to op weights."""

import numpy as np
import pytest

import darts_tf
from darts_tf import relaxations
from darts_tf.relaxations import moment

ROWS = np.array([[0.7, 0.2, 0.1, 0.0], [0.25, 0.25, 0.25, 0.25]])
PARAMETRIC = np.array([[False, True, True, False], [True, False, False, True]])


def _at(step=0, progress=0.5, seed=3):
    return moment.Moment(step, True, progress, seed)


def _draws(method, count, progress=0.5):
    return np.array(
        [
            method.perturbed(ROWS, PARAMETRIC, _at(step, progress), 0)
            for step in range(count)
        ]
    )


def test_random_smoothing_moves_by_at_most_eps_before_it_is_normalised():
    found = _draws(relaxations.RandomSmoothing(0.3, 0.1), 200)
    eps = 0.1 + (0.3 - 0.1) * 0.5
    np.testing.assert_allclose(found.sum(-1), 1, rtol=1e-12)
    assert (found >= 0).all()
    assert not found[:, 0, 3].any()  # an edge does not hold it
    # A row divided by its sum: the ratio of two entries shows the noise.
    sums = np.clip(ROWS[1] + eps, 0, 1).sum()
    assert (found[:, 1] <= (0.25 + eps) / (4 * 0.25 - 4 * eps + 2 * eps)).all()
    assert sums > 1
    # Uniform noise has no mean: rows that no entry is clipped in keep theirs.
    assert np.abs(found[:, 1].mean(0) - 0.25).max() < 0.02


def test_without_noise_nothing_changes():
    found = _draws(relaxations.RandomSmoothing(0.0, 0.0), 1)[0]
    np.testing.assert_allclose(found, ROWS, rtol=1e-15)
    found = _draws(relaxations.EdgeMutation(0.3), 5, progress=0.0)
    np.testing.assert_array_equal(found, np.broadcast_to(ROWS, found.shape))


def test_edge_mutation_has_the_mean_of_both_outcomes():
    found = _draws(relaxations.EdgeMutation(0.8), 2000)
    probability = 0.8 * 0.5
    alone = PARAMETRIC / PARAMETRIC.sum(1, keepdims=True)
    expected = (1 - probability) * ROWS + probability * alone
    # The mean of 2000 draws in [0, 1] is off by 0.011 at one deviation.
    np.testing.assert_allclose(found.mean(0), expected, atol=0.05)
    is_one_hot = (np.sort(found, -1)[..., :-1] == 0).all(-1)
    unchanged = (found == ROWS).all(-1)
    assert (is_one_hot | unchanged).all()


def test_mutation_is_certain_at_1_and_leaves_edges_without_weights():
    method = relaxations.EdgeMutation(1.0)
    none = np.zeros_like(PARAMETRIC)
    now = _at(progress=1.0)
    mutated = np.array(method.perturbed(ROWS, PARAMETRIC, now, 0))
    assert (mutated[PARAMETRIC] == 1).sum() == 2
    assert mutated.sum() == 2
    np.testing.assert_array_equal(method.perturbed(ROWS, none, now, 0), ROWS)


@pytest.mark.parametrize(
    "method", [relaxations.RandomSmoothing(), relaxations.EdgeMutation(1.0)]
)
def test_noise_is_a_function_of_seed_step_and_cell_type(method):
    def draw(**kwargs):
        number = kwargs.pop("number", 0)
        now = _at(**{"progress": 1.0, **kwargs})
        big = np.full((50, 4), 0.25)
        return np.array(method.perturbed(big, big > 0, now, number))

    np.testing.assert_array_equal(draw(step=5), draw(step=5))
    for other in ({"step": 6}, {"seed": 4}, {"number": 1}):
        assert np.any(draw() != draw(**other))


@pytest.mark.parametrize(
    "make",
    [
        lambda: relaxations.RandomSmoothing(2.0),
        lambda: relaxations.RandomSmoothing(0.3, -1),
        lambda: relaxations.EdgeMutation(1.5),
        lambda: relaxations.BetaDecay(-1),
        lambda: relaxations.Softmax(0),
        lambda: relaxations.Softmax(1.0, -1),
        lambda: darts_tf.ConvSupernet(perturbation="noise"),
        lambda: darts_tf.ConvSupernet(relaxation=relaxations.EdgeMutation()),
        lambda: darts_tf.DartsSearchModel(alpha_regularizer=1.0),
    ],
    ids=[f"case_{k}" for k in range(9)],
)
def test_what_is_out_of_range_or_of_another_kind_is_refused(make):
    with pytest.raises(ValueError, match="Received"):
        make()
