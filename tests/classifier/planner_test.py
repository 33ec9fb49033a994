"""The planner, in closed form: nothing is measured, read or trained."""

import dataclasses

import pytest

from darts_tf.classifier import planner
from darts_tf.classifier import plans

# A step of a training: 0.1 s for each cell, and nothing for the images.
SPEED = plans.Speed(
    graph_per_cell=2.0,
    per_cell=0.1,
    per_multiply_add=0.0,
    search_graph=1.0,
    search_per_edge=0.02,
    search_per_multiply_add=0.0,
    read=0.01,
)
DATA = plans.Data(num_train=640, num_validation=0, num_test=200)
SEARCH = plans.Setting(32, "cifar", 3, 4, 10**6)


def setting(cells, filters=8):
    return plans.Setting(32, "cifar", cells, filters, 10**6)


def test_the_parts_of_a_plan_follow_from_the_shares():
    plan = planner.plan(600, SPEED, DATA, [setting(3)], [SEARCH])
    # 840 images of 0.01 s; two graphs of 3 * 2 s for counting and six for
    # the export, and three tests of 0.4 * 200 / 32 steps of 0.3 s.
    reading, ending = 8.4, 12 + 36 + 3 * 0.4 * 200 / 32 * 0.3
    left = 600 - reading - ending
    assert plan.reading == pytest.approx(reading)
    assert plan.ending == pytest.approx(ending)
    assert plan.searching == pytest.approx(0.25 * left)
    assert plan.training == pytest.approx(0.25 * left)
    assert plan.seconds == pytest.approx(600)
    # The graph takes 3 * 2 s, and a pass is 20 steps of 0.3 s.
    assert (plan.train_steps, plan.batch_size) == (20, 32)
    assert plan.train_epochs == int((plan.training - 6) / 6)


@pytest.mark.parametrize("minutes", [3, 5, 10, 30, 100])
def test_the_whole_is_as_long_as_the_minutes(minutes):
    plan = planner.plan(
        60 * minutes, SPEED, DATA, [setting(n) for n in (3, 6)], [SEARCH]
    )
    assert plan.seconds == pytest.approx(60 * minutes, rel=0.01)


def test_more_time_makes_a_larger_network_and_more_searches():
    sizes = [setting(cells) for cells in (3, 6, 8)]
    short, long = (
        planner.plan(60 * minutes, SPEED, DATA, sizes, [SEARCH])
        for minutes in (5, 120)
    )
    assert (short.setting.num_cells, long.setting.num_cells) == (3, 8)
    assert (short.searches, long.searches) == (1, 3)
    assert short.choosing == 0 < long.choosing


def test_the_largest_network_with_enough_steps_is_taken():
    sizes = [setting(cells) for cells in (3, 6, 8, 14)]
    plan = planner.plan(3600, SPEED, DATA, sizes, [SEARCH])
    assert plan.all_steps >= planner.wanted_steps(DATA)
    larger = sizes[sizes.index(plan.setting) + 1]
    assert planner.plan(
        3600, SPEED, DATA, [larger], [SEARCH]
    ).all_steps < planner.wanted_steps(DATA)


def test_too_few_minutes_are_refused_with_the_least_that_do():
    least = planner.least_seconds(SPEED, DATA, setting(3), SEARCH)
    with pytest.raises(ValueError, match=r"At least [\d.]+ minutes") as error:
        planner.plan(30, SPEED, DATA, [setting(3)], [SEARCH])
    needed = float(str(error.value).split()[2])
    assert 60 * needed >= least > 60 * (needed - 0.1)
    assert planner.plan(60 * needed, SPEED, DATA, [setting(3)], [SEARCH])


def test_the_least_time_makes_a_plan_of_that_time():
    for images in (40, 640, 50_000):
        data = dataclasses.replace(DATA, num_train=images)
        least = planner.least_seconds(SPEED, data, setting(3), SEARCH)
        plan = planner.plan(least + 1, SPEED, data, [setting(3)], [SEARCH])
        assert plan.seconds == pytest.approx(least + 1, rel=0.02)
        assert plan.train_epochs >= 1 <= plan.search_epochs


def test_after_a_slow_search_each_training_gets_a_third_of_what_is_left():
    end = planner.ending(SPEED, DATA, setting(3))
    chosen, seconds, steps, epochs = planner.plan_trainings(
        300 + end, SPEED, DATA, [setting(3), setting(6)]
    )
    assert (chosen.num_cells, seconds) == (3, pytest.approx(100))
    assert (steps, epochs) == (15, int(94 / 4.5))


def test_a_run_without_time_left_trains_a_little_nevertheless():
    chosen, seconds, steps, epochs = planner.plan_trainings(
        -50, SPEED, DATA, [setting(3), setting(6)]
    )
    assert chosen.num_cells == 3
    assert seconds == pytest.approx(6 + 40 * 0.3)
    assert steps * epochs >= 1


def test_the_epochs_of_much_data_are_less_than_a_pass():
    steps, epochs = planner.epochs_of(1000, 0.1, 100_000, evaluation=5)
    assert steps < 1000
    assert epochs == pytest.approx(20, abs=6)
    assert steps * 0.1 >= 5  # validation takes half of the time at most


def test_a_plan_is_surer_of_many_short_epochs():
    few, many = (
        planner.plan(minutes * 60, SPEED, DATA, [setting(3)], [SEARCH])
        for minutes in (3, 25)
    )
    assert 0 < many.uncertainty < few.uncertainty < 0.5


def test_a_few_images_make_small_batches():
    assert plans.Data(12, 4, 4).batch_size == 3
    assert plans.Data(12, 4, 4).pass_steps() == 4
    assert plans.Data(12, 4, 4).pass_steps(searching=True) == 2
