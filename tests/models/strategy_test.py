"""Training under a strategy of two replicas, each in a process of its own."""

import numpy as np
import pytest

from tests import local_workers


def _train(folder, num_rows=8, **environments):
    """Trains in a process for each; a name ends in the number of devices."""
    processes = [
        local_workers.start(
            "tests.models.two_devices",
            (name[-1], folder / f"{name}.npz", str(num_rows)),
            **environment,
        )
        for name, environment in environments.items()
    ]
    for process in processes:
        output, _ = process.communicate()
        assert process.returncode == 0, output
    return [dict(np.load(folder / f"{name}.npz")) for name in environments]


def _assert_equal(one, two):
    # Loss, weights and moving statistics after 3 steps in float32, where sums
    # over a batch are taken in another order; seen was 4e-6.
    for name, expected in one.items():
        np.testing.assert_allclose(
            two[name], expected, atol=1e-4 * np.abs(expected).max(), rtol=0
        )


def test_two_devices_equal_one_with_the_whole_batch(tmp_path):
    _assert_equal(*_train(tmp_path, devices_1={}, devices_2={}))


@pytest.mark.slow
def test_two_workers_equal_one_device_with_the_whole_batch(tmp_path):
    first, second = local_workers.environments()
    one, *both = _train(
        tmp_path, devices_1={}, first_of_2=first, second_of_2=second
    )
    for found in both:
        _assert_equal(one, found)


@pytest.mark.slow
@pytest.mark.parametrize("num_rows", [9, 13])
def test_a_partial_last_batch_counts_as_on_one_device(tmp_path, num_rows):
    # The last batch has 1 row for 3 devices, or 5: 2, 2 and 1.
    one, two, three = _train(
        tmp_path, num_rows, devices_1={}, devices_2={}, devices_3={}
    )
    _assert_equal(one, two)
    _assert_equal(one, three)
