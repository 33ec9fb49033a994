"""Averaging against the plain mean, the trigger against the official rule."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from darts_tf import optimizers
from darts_tf.optimizers import averaged_sgd


def weights_and_average(dtype="float64"):
    generator = np.random.default_rng(0)
    weights = [
        keras.Variable(generator.normal(size=shape), dtype=dtype)
        for shape in ((3, 2), (4,))
    ]
    return weights, averaged_sgd.WeightAverage(weights)


def walk(weights, average, steps, seed=1):
    """Takes random steps and returns the weights after each of them."""
    generator = np.random.default_rng(seed)
    visited = []
    for _ in range(steps):
        for weight in weights:
            weight.assign(generator.normal(size=weight.shape))
        visited.append([keras.ops.convert_to_numpy(w) for w in weights])
        average.update()
    return visited


def official_rule(losses, patience):
    """The rule as the official training applies it, with whole lists."""
    triggered, history, answers = False, [], []
    for loss in losses:
        if not triggered and len(history) > patience:
            triggered = loss > min(history[:-patience])
        history.append(loss)
        answers.append(triggered)
    return answers


def test_the_average_is_the_mean_of_all_weights_since_the_first_update():
    weights, average = weights_and_average()
    visited = walk(weights, average, 50)
    assert average.num_updates == 50
    with average.swapped():
        for index, weight in enumerate(weights):
            expected = np.mean([step[index] for step in visited], axis=0)
            # float64; only the order of additions differs.
            np.testing.assert_allclose(weight.numpy(), expected, atol=1e-14)


def test_averaged_sgd_on_a_parabola_has_its_closed_form():
    # With loss c w^2 / 2 and decay d each step of plain SGD multiplies the
    # weight by q = 1 - rate (c + d), so the mean is a geometric series.
    rate, curvature, decay, steps = 0.125, 0.5, 0.25, 20
    weight = keras.Variable([3.0], dtype="float64")
    optimizer = optimizers.SGD(rate, momentum=0.0, coupled_weight_decay=decay)
    average = averaged_sgd.WeightAverage([weight])
    for _ in range(steps):
        optimizer.apply([curvature * weight.value], [weight])
        average.update()
    q = 1 - rate * (curvature + decay)
    np.testing.assert_allclose(weight.numpy(), [3 * q**steps], rtol=1e-13)
    with average.swapped():
        expected = 3 * q * (1 - q**steps) / (1 - q) / steps
        np.testing.assert_allclose(weight.numpy(), [expected], rtol=1e-13)


def test_updates_in_a_graph_equal_those_outside():
    weights, average = weights_and_average()
    other = averaged_sgd.WeightAverage(weights)
    update = tf.function(other.update)
    generator = np.random.default_rng(2)
    for _ in range(5):
        for weight in weights:
            weight.assign(generator.normal(size=weight.shape))
        average.update()
        update()
    for one, two in zip(average.variables, other.variables, strict=True):
        np.testing.assert_array_equal(one.numpy(), two.numpy())


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_swapping_restores_the_weights_bit_for_bit(dtype, fails):
    weights, average = weights_and_average(dtype)
    walk(weights, average, 7)
    before = [keras.ops.convert_to_numpy(w).tobytes() for w in weights]
    try:
        with average.swapped():
            during = [keras.ops.convert_to_numpy(w).tobytes() for w in weights]
            if fails:
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    after = [keras.ops.convert_to_numpy(w).tobytes() for w in weights]
    assert before == after
    assert before != during


def test_a_mean_of_few_bits_does_not_stand_still():
    weight = keras.Variable([0.0], dtype="bfloat16")
    average = averaged_sgd.WeightAverage([weight])
    update = tf.function(average.update)
    for step in range(1000):
        if step == 500:
            weight.assign([1.0])
        update()
    with average.swapped():
        # The exact mean, which bfloat16 represents.
        assert float(weight.numpy()[0]) == 0.5


def test_a_saved_average_goes_on_where_it_was():
    weights, average = weights_and_average()
    walk(weights, average, 4)
    saved = [keras.ops.convert_to_numpy(v) for v in average.variables]
    restored = averaged_sgd.WeightAverage(weights)
    for variable, value in zip(restored.variables, saved, strict=True):
        variable.assign(value)
    walk(weights, average, 3, seed=5)
    walk(weights, restored, 3, seed=5)
    assert restored.num_updates == 7
    for one, two in zip(average.variables, restored.variables, strict=True):
        np.testing.assert_array_equal(one.numpy(), two.numpy())


def test_nothing_to_swap_before_the_first_update():
    _, average = weights_and_average()
    with (
        pytest.raises(ValueError, match="num_updates=0"),
        average.swapped(),
    ):
        pass


@pytest.mark.parametrize("dtypes", [[], ["float32", "int32"]])
def test_only_weights_of_floating_point_have_a_mean(dtypes):
    weights = [keras.Variable([1], dtype=dtype) for dtype in dtypes]
    with pytest.raises(ValueError, match="floating point.*Received"):
        averaged_sgd.WeightAverage(weights)


@pytest.mark.parametrize("patience", [1, 2, 5])
@pytest.mark.parametrize("seed", range(5))
def test_the_trigger_follows_the_official_rule(patience, seed):
    generator = np.random.default_rng(seed)
    trend = 5 / np.arange(1, 21)
    losses = (trend + 0.3 * generator.normal(size=20)).tolist()
    trigger = averaged_sgd.NonMonotonicTrigger(patience)
    answers = [trigger.update(loss) for loss in losses]
    assert answers == official_rule(losses, patience)
    assert trigger.triggered == answers[-1]


def test_a_falling_or_constant_loss_never_triggers():
    for losses in (range(50, 0, -1), [3.0] * 50):
        trigger = averaged_sgd.NonMonotonicTrigger()
        assert not any(trigger.update(loss) for loss in losses)


def test_a_rising_loss_triggers_as_soon_as_the_patience_is_over():
    trigger = averaged_sgd.NonMonotonicTrigger(patience=5)
    answers = [trigger.update(loss) for loss in range(10)]
    assert answers == [False] * 6 + [True] * 4


@pytest.mark.parametrize("stop", [1, 4, 8, 12])
def test_a_saved_trigger_goes_on_where_it_was(stop):
    losses = [5.0, 4.0, 3.0, 2.9, 2.8, 2.95, 2.85, 2.7, 2.9, 2.1, 2.0, 1.9, 1.0]
    trigger = averaged_sgd.NonMonotonicTrigger(patience=3)
    for loss in losses[:stop]:
        trigger.update(loss)
    restored = averaged_sgd.NonMonotonicTrigger(patience=3)
    for new, old in zip(restored.variables, trigger.variables, strict=True):
        new.assign(keras.ops.convert_to_numpy(old))
    answers = [restored.update(loss) for loss in losses[stop:]]
    assert answers == official_rule(losses, 3)[stop:]


def test_a_loss_that_is_not_a_number_is_an_error():
    trigger = averaged_sgd.NonMonotonicTrigger()
    with pytest.raises(ValueError, match="loss=nan"):
        trigger.update(float("nan"))


def test_patience_must_be_positive():
    with pytest.raises(ValueError, match="patience=0"):
        averaged_sgd.NonMonotonicTrigger(patience=0)
