"""Tests of cells that are told apart by what they compute."""

import pytest

import darts_tf
from darts_tf.spaces import computation
from darts_tf.spaces import distinct

_SPACE = darts_tf.SearchSpace.nas_bench_201()


def test_all_cells_are_yielded_once_and_belong_to_the_space():
    space = darts_tf.SearchSpace(
        ("none", "skip_connect", "sep_conv_3x3"),
        num_nodes=2,
        num_inputs=2,
        cell_types=("normal",),
        edges_per_node=2,
        edge_primitives={"normal": [["none"], None, None, None, None]},
        none_selectable=True,
    )
    cells = list(distinct.cells(space))
    assert len(set(cells)) == len(cells) == space.count_cells()
    for cell in cells:
        space.validate(darts_tf.Genotype(normal=cell))


def test_draws_compute_different_things_and_repeat_with_the_seed():
    drawn = distinct.draw(_SPACE, 200, seed=0)
    assert len(set(map(computation.key, drawn))) == 200
    assert drawn == distinct.draw(_SPACE, 200, seed=0)
    assert drawn != distinct.draw(_SPACE, 200, seed=1)


def test_a_space_that_is_used_up_or_too_large_is_one_clear_line():
    space = darts_tf.SearchSpace.recurrent(["tanh", "relu"], num_nodes=1)
    with pytest.raises(ValueError, match="only 2 cells.*number=3"):
        distinct.draw(space, 3, seed=0)
    with pytest.raises(ValueError, match="Received: a space of 1,037,664,180"):
        distinct.count(darts_tf.SearchSpace.conv())
