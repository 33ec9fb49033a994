"""Tests of what tells computations apart."""

import itertools

import hypothesis
import pytest
from hypothesis import strategies

import darts_tf
from darts_tf.spaces import computation

_SPACE = darts_tf.SearchSpace.nas_bench_201()
_EDGES = "|{}~0|+|{}~0|{}~1|+|{}~0|{}~1|{}~2|"
_SHORT = {
    "0": "none",
    "s": "skip_connect",
    "1": "nor_conv_1x1",
    "3": "nor_conv_3x3",
    "p": "avg_pool_3x3",
}


def _cell(letters):
    text = _EDGES.format(*(_SHORT[letter] for letter in letters))
    return darts_tf.Genotype.from_text(text)


def _same(*cells):
    return len({computation.key(_cell(cell)) for cell in cells}) == 1


def test_the_15625_cells_have_6466_published_texts_and_5260_computations():
    # 6,466 is the number of the paper, 5,260 that of a search by hand over
    # all ways to number the operations of the simplified graphs.
    texts, keys = set(), set()
    for letters in itertools.product(_SHORT, repeat=6):
        genotype = _cell(letters)
        texts.add(computation.published_text(genotype.normal))
        keys.add(computation.key(genotype))
    assert len(texts) == 6466
    assert len(keys) == 5260


def test_what_does_not_lead_to_the_output_does_not_count():
    assert _same("300s00", "310s00", "31ps00", "000s00")


def test_what_reads_only_zeros_does_not_count():
    assert _same("000s30", "000s00", "00ps01")


def test_a_skip_may_stand_before_or_after_an_operation():
    assert _same("3000s0", "s00030", "000300")
    assert _same("s0s00p", "s000p0", "000p00")


def test_the_order_of_terms_and_nodes_does_not_count():
    assert _same("300ss0", "030s0s")
    assert not _same("300ss0", "300s00")


def test_an_operation_with_weights_counts_as_often_as_it_stands_there():
    # Twice the same result is not the sum of two results.
    assert not _same("30s0ss", "3300ss")


def test_a_pool_twice_on_equal_inputs_is_one_pool_read_twice():
    assert _same("p0s0ss", "pp00ss")


def test_a_skip_from_the_input_of_a_reduction_cell_is_an_operation():
    def genotype(first, second):
        edges = (darts_tf.Edge(first, 0),), (darts_tf.Edge(second, 1),)
        cell = darts_tf.Cell(edges, (2,), num_inputs=1)
        return darts_tf.Genotype(normal=cell, reduction=cell)

    one = dict(computation.key(genotype("skip_connect", "max_pool_3x3")))
    other = dict(computation.key(genotype("max_pool_3x3", "skip_connect")))
    assert one["normal"] == other["normal"]
    assert one["reduction"] != other["reduction"]


@pytest.mark.parametrize(
    "space", [darts_tf.SearchSpace.conv(), darts_tf.SearchSpace.recurrent()]
)
@hypothesis.given(seed=strategies.integers(0, 2**32))
def test_isomorphic_cells_of_the_paper_are_the_same_computation(space, seed):
    genotype = space.random_genotype(seed)
    canonical = genotype.canonical()
    assert computation.key(genotype) == computation.key(canonical)
