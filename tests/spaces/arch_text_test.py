"""Tests of the text by which NAS-Bench-201 names cells."""

import hypothesis
import pytest
from hypothesis import strategies

import darts_tf

_SPACE = darts_tf.SearchSpace.nas_bench_201()


@hypothesis.given(strategies.integers(0, 2**32))
def test_each_cell_is_read_back_from_its_text(seed):
    genotype = _SPACE.random_genotype(seed)
    assert darts_tf.Genotype.from_text(genotype.to_text()) == genotype
    assert darts_tf.Genotype.from_text(f" {genotype.to_text()}\n") == genotype


def test_the_order_of_edges_does_not_matter_to_the_text():
    text = "|none~0|+|nor_conv_1x1~0|skip_connect~1|"
    other = "|none~0|+|skip_connect~1|nor_conv_1x1~0|"
    assert darts_tf.Genotype.from_text(other).to_text() == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("|a~0|+|b~0|", "Node 2 must have one edge from each node before"),
        ("|a~0|b~0|", "Node 1 must have one edge"),
        ("|a~1|", "Node 1 must have one edge"),
        ("|", "must be `|operation~source|"),
        ("|a~0", "must be `|operation~source|"),
        ("|a~0|+", "must be `|operation~source|"),
        ("|a-0|", "must be `|operation~source|"),
        ("|a~0|" * 9, "Node 1 must have one edge|must be"),
        ("+".join("|a~0|" for _ in range(100)), "Node 2 must"),
    ],
)
def test_other_texts_are_refused(text, message):
    with pytest.raises(ValueError, match=message.replace("|o", r"\|o")):
        darts_tf.Genotype.from_text(text)


def test_a_cell_that_the_text_cannot_express_is_refused():
    edges = (darts_tf.Edge("a", 0),)
    both = (*edges, darts_tf.Edge("a", 1))
    without_an_edge = darts_tf.Cell((edges, edges), (2,), num_inputs=1)
    with_two_outputs = darts_tf.Cell((edges, both), (1, 2), num_inputs=1)
    for cell in (without_an_edge, with_two_outputs):
        with pytest.raises(
            ValueError, match="published form .* JSON can hold other"
        ):
            darts_tf.Genotype(normal=cell).to_text()
