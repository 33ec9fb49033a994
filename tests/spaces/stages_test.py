"""Tests of stages."""

import pytest

import darts_tf


def test_strides_between_stages_are_2_unless_given():
    assert darts_tf.Stages().strides == (2, 2)
    assert darts_tf.Stages((3,)).strides == ()
    assert darts_tf.Stages((1, 1, 2), (1, 2)).halvings == 1


def test_each_stage_has_equally_many_cells():
    stages = darts_tf.Stages((1, 2, 4))
    assert [stages.stage_of(k, 6) for k in range(6)] == [0, 0, 1, 1, 2, 2]
    with pytest.raises(ValueError, match=r"multiple of the 3.*num_cells=8"):
        stages.stage_of(0, 8)


@pytest.mark.parametrize(
    "arguments",
    [((),), ((0,),), ((1, 2), (3,)), ((1, 2), (2, 2)), ((1, 2), ()), ("12",)],
)
def test_impossible_stages_are_refused(arguments):
    with pytest.raises(ValueError, match="Received"):
        darts_tf.Stages(*arguments)


def test_a_config_is_read_back():
    stages = darts_tf.Stages((1, 3, 3), (2, 1))
    assert darts_tf.Stages.from_config(stages.get_config()) == stages
