"""Ranking genotypes, on numbers made up."""

import pytest

import darts_tf
from darts_tf.tuner import selection

SPACE = darts_tf.SearchSpace.conv(num_nodes=2)
FIRST, SECOND, THIRD = (SPACE.random_genotype(seed) for seed in range(3))


def _swapped(genotype):
    """Returns the genotype with the edges of each node in another order."""
    return darts_tf.Genotype(
        **{
            name: darts_tf.Cell(
                tuple(edges[::-1] for edges in cell.nodes), cell.concat
            )
            for name, cell in genotype.cells.items()
        }
    )


def _merged():
    return selection.merge_equal(
        [
            ("0/0", FIRST, 0.5, {"max_parameters": 1000}),
            ("1/0", SECOND, 0.7, {"max_parameters": 2000}),
            ("2/0", _swapped(FIRST), 0.8, {"max_parameters": 1100}),
            ("3/0", THIRD, 0.6, {"max_parameters": 3000}),
        ]
    )


def test_equal_genotypes_are_one_with_the_mean_of_their_scores():
    merged = _merged()
    assert _swapped(FIRST) != FIRST
    assert [choice.genotype for choice in merged] == [FIRST, SECOND, THIRD]
    assert merged[0].found_by == ("0/0", "2/0")
    assert merged[0].costs == {"max_parameters": 1100}
    assert merged[0].score == pytest.approx(0.65)
    assert merged[0].deviation == pytest.approx(0.3 / 2**0.5)


@pytest.mark.parametrize(
    ("direction", "expected"),
    [("max", [SECOND, FIRST, THIRD]), ("min", [THIRD, FIRST, SECOND])],
)
def test_the_best_come_first(direction, expected):
    ranked = selection.choose(_merged(), {}, 2, direction)
    assert [choice.genotype for choice in ranked] == expected
    assert [choice.chosen for choice in ranked] == [True, True, False]


def test_reasons_say_rank_score_runs_and_what_is_over_the_budget():
    limits = {"max_parameters": 1500}
    ranked = selection.choose(_merged(), limits, 1, "max")
    assert [choice.reason for choice in ranked] == [
        "rank 1 of 1 within the budget by a mean score of 0.6500 "
        "+- 0.2121 in 2 runs",
        "over the budget: parameters 2,000 > 1,500",
        "over the budget: parameters 3,000 > 1,500",
    ]
    assert [choice.chosen for choice in ranked] == [True, False, False]
