"""What is measured is what the planner then says of the same steps."""

import pytest

from darts_tf.classifier import plans
from darts_tf.classifier import speed as speed_lib

MULTIPLY_ADDS = 10**6


def test_the_measured_steps_follow_from_the_factors(monkeypatch):
    few, many, search = (
        speed_lib._Times([seconds] * 3) for seconds in (0.06, 0.20, 0.5)
    )
    setting = plans.Setting(16, "cifar", 3, 4, 3 * MULTIPLY_ADDS)
    monkeypatch.setattr(
        speed_lib, "_training", lambda now: (6.0, few, many, MULTIPLY_ADDS)
    )
    monkeypatch.setattr(
        speed_lib, "_search", lambda now: (15.0, search, setting)
    )
    speed = speed_lib.measure(0.01)
    network = plans.Setting(16, "cifar", 3, 8, MULTIPLY_ADDS)
    assert speed.step(network, speed_lib._FEW) == pytest.approx(0.06)
    assert speed.step(network, speed_lib._MANY) == pytest.approx(0.20)
    assert speed.search_step(setting, speed_lib._OF_A_SEARCH) == pytest.approx(
        0.5
    )
    assert speed.search_graph * 3 * setting.num_edges == pytest.approx(15)
    assert (speed.read, speed.spread) == (0.01, pytest.approx(0))


def test_a_small_batch_that_was_slowed_down_makes_no_negative_cost(monkeypatch):
    few, many = (speed_lib._Times([s, s]) for s in (0.5, 0.4))
    setting = plans.Setting(16, "cifar", 3, 4, 3 * MULTIPLY_ADDS)
    monkeypatch.setattr(
        speed_lib, "_training", lambda now: (6.0, few, many, MULTIPLY_ADDS)
    )
    monkeypatch.setattr(speed_lib, "_search", lambda now: (15.0, few, setting))
    speed = speed_lib.measure(0.0)
    assert speed.per_multiply_add > 0 < speed.per_cell


@pytest.mark.slow
def test_a_machine_is_measured():
    speed = speed_lib.measure(0.0)
    assert min(value for name, value in vars(speed).items() if name != "read")
    assert speed.graph_per_cell > 10 * speed.per_cell
