"""The search on several devices and workers, each in a process of its own."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from darts_tf.distribution import replicas
from tests import local_workers
from tests.search import several_replicas
from trainers import cnn_search
from trainers import ptb_search

# Of the largest number of a variable. Sums in another order; what a replica
# sees alone is off by 1e-2 and more. Three steps magnify the rounding of
# float32 in the recurrent cell, whose small variances divide.
TOLERANCE = {"float64": 1e-12, "float32": 3e-3}


def _start(strategy, path, dtype="float32", **environment):
    return local_workers.start(
        "tests.search.several_replicas", (strategy, path, dtype), **environment
    )


def _results(processes):
    found = []
    for path, process in processes.items():
        output, _ = process.communicate()
        assert process.returncode == 0, output
        found.append(dict(np.load(path)))
    return found


def _assert_equal(results, dtype="float32"):
    expected, *others = results
    assert len(expected) > 10
    for found in results:
        assert set(found) == set(expected)
        # Of each space and method, as the overridden step counts.
        counts = [found[name] for name in found if name.endswith("count")]
        assert len(counts) == 6
        assert set(map(float, counts)) <= {1.0, several_replicas.STEPS}
    for found in others:
        for name, value in expected.items():
            np.testing.assert_allclose(
                found[name],
                value,
                rtol=0,
                atol=TOLERANCE[dtype] * np.abs(value).max(),
                err_msg=name,
            )


def _on_one_and_two(folder, dtype):
    return _results(
        {
            folder / f"{name}.npz": _start(name, folder / f"{name}.npz", dtype)
            for name in ("none", "mirrored")
        }
    )


def test_two_devices_take_the_step_of_one_with_the_whole_batch(tmp_path):
    _assert_equal(_on_one_and_two(tmp_path, "float64"), "float64")


@pytest.mark.slow
def test_two_devices_equal_one_in_graphs_over_several_steps(tmp_path):
    _assert_equal(_on_one_and_two(tmp_path, "float32"))


@pytest.mark.slow
def test_two_workers_equal_one_device(tmp_path):
    processes = {
        tmp_path / f"worker_{k}.npz": _start(
            "workers", tmp_path / f"worker_{k}.npz", **environment
        )
        for k, environment in enumerate(local_workers.environments())
    }
    processes[tmp_path / "none.npz"] = _start("none", tmp_path / "none.npz")
    first, second, one = _results(processes)
    for name, value in first.items():
        np.testing.assert_array_equal(second[name], value, err_msg=name)
    _assert_equal([one, first])


class _TwoReplicas:
    num_replicas_in_sync = 2


@pytest.mark.parametrize("shape", [(3, 4), (None, 4)])
def test_rows_that_cannot_be_divided_are_refused(shape):
    dataset = tf.data.Dataset.from_generator(
        list, output_signature=tf.TensorSpec(shape)
    )
    with pytest.raises(ValueError, match="divisible by 2"):
        replicas.distributed(dataset, _TwoReplicas())


@pytest.mark.parametrize("name", ["ParameterServerStrategy", "TPUStrategy"])
def test_strategies_of_another_kind_are_refused(name):
    kind = getattr(tf.distribute, name)
    with pytest.raises(ValueError, match=f"Received: {kind.__name__}"):
        replicas.check_strategy(kind.__new__(kind))


def test_figures_of_another_number_of_replicas_keep_their_sum():
    count = keras.Variable(0.0)
    replicas.assign_rows(tf.distribute.get_strategy(), [count], [[3.0, 4.0]])
    assert float(count) == 7


def test_one_replica_tells_itself_what_it_says():
    strategy = tf.distribute.get_strategy()
    assert replicas.is_chief(strategy)
    (rows,) = replicas.joined(strategy, lambda value: [2 * value])(3)
    assert rows.tolist() == [6]


def test_a_lost_worker_is_told_from_other_errors():
    error = tf.errors.UnavailableError(None, None, "Socket closed")
    workers = tf.distribute.MultiWorkerMirroredStrategy
    with (
        pytest.raises(ConnectionError, match=r"again.*UnavailableError"),
        replicas.meeting(workers.__new__(workers)),
    ):
        raise error
    with (
        pytest.raises(tf.errors.UnavailableError),
        replicas.meeting(tf.distribute.get_strategy()),
    ):
        raise error


def test_an_optimizer_that_clips_each_replica_is_refused():
    replicas.check_optimizer(keras.optimizers.SGD())
    with pytest.raises(ValueError, match=r"global_clipnorm=5\.0"):
        replicas.check_optimizer(keras.optimizers.SGD(global_clipnorm=5.0))


def test_commands_refuse_strategies_that_cannot_work():
    with pytest.raises(ValueError, match="strategy='tpu'"):
        cnn_search.Config(workdir="new", strategy="tpu")
    with pytest.raises(ValueError, match="--novary_length"):
        ptb_search.Config(workdir="new", strategy="mirrored")
