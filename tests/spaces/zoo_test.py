"""The published genotypes against a second, independent transcription."""

import re

import pytest

from darts_tf.spaces import zoo

SHORT = {
    "max": "max_pool_3x3",
    "avg": "avg_pool_3x3",
    "skip": "skip_connect",
    "sep3": "sep_conv_3x3",
    "sep5": "sep_conv_5x5",
    "sep7": "sep_conv_7x7",
    "dil3": "dil_conv_3x3",
    "dil5": "dil_conv_5x5",
    "7x1": "conv_7x1_1x7",
}
# Nodes are divided by |, edges by spaces; the joined nodes stand at the end.
PUBLISHED = {
    "DARTS_V1": {
        "normal": "sep3(1) sep3(0) | skip(0) sep3(1) | skip(0) sep3(1) | "
        "sep3(0) skip(2) : 2 3 4 5",
        "reduction": "max(0) max(1) | skip(2) max(0) | max(0) skip(2) | "
        "skip(2) avg(0) : 2 3 4 5",
    },
    "DARTS_V2": {
        "normal": "sep3(0) sep3(1) | sep3(0) sep3(1) | sep3(1) skip(0) | "
        "skip(0) dil3(2) : 2 3 4 5",
        "reduction": "max(0) max(1) | skip(2) max(1) | max(0) skip(2) | "
        "skip(2) max(1) : 2 3 4 5",
    },
    "NASNET_A": {
        "normal": "sep5(1) sep3(0) | sep5(0) sep3(0) | avg(1) skip(0) | "
        "avg(0) avg(0) | sep3(1) skip(1) : 2 3 4 5 6",
        "reduction": "sep5(1) sep7(0) | max(1) sep7(0) | avg(1) sep5(0) | "
        "skip(3) avg(2) | sep3(2) max(1) : 4 5 6",
    },
    "AMOEBANET_A": {
        "normal": "avg(0) max(1) | sep3(0) sep5(2) | sep3(0) avg(3) | "
        "sep3(1) skip(1) | skip(0) avg(1) : 4 5 6",
        "reduction": "avg(0) sep3(1) | max(0) sep7(2) | sep7(0) avg(1) | "
        "max(0) max(1) | 7x1(0) sep3(5) : 3 4 6",
    },
    "P_DARTS": {
        "normal": "skip(0) dil3(1) | skip(0) sep3(1) | sep3(1) sep3(3) | "
        "sep3(0) dil5(4) : 2 3 4 5",
        "reduction": "avg(0) sep5(1) | sep3(0) dil5(2) | max(0) dil3(1) | "
        "dil3(1) dil5(3) : 2 3 4 5",
    },
    "PC_DARTS": {
        "normal": "sep3(1) skip(0) | sep3(0) dil3(1) | sep5(0) sep3(1) | "
        "avg(0) dil3(1) : 2 3 4 5",
        "reduction": "sep5(1) max(0) | sep5(1) sep5(2) | sep3(0) sep3(3) | "
        "sep3(1) sep3(2) : 2 3 4 5",
    },
    "RECURRENT_DARTS_V1": {
        "recurrent": "relu(0) | relu(1) | tanh(2) | relu(3) | relu(4) | "
        "identity(1) | relu(5) | relu(1) : 1 2 3 4 5 6 7 8",
    },
    "RECURRENT_DARTS_V2": {
        "recurrent": "sigmoid(0) | relu(1) | relu(1) | identity(1) | "
        "tanh(2) | sigmoid(5) | tanh(3) | relu(5) : 1 2 3 4 5 6 7 8",
    },
    "RECURRENT_ENAS": {
        "recurrent": "tanh(0) | tanh(1) | relu(1) | tanh(3) | tanh(3) | "
        "relu(3) | relu(4) | relu(7) | relu(8) | relu(8) | relu(8) : "
        "2 5 6 9 10 11",
    },
}


def test_the_zoo_holds_these_and_no_others():
    assert zoo.names() == tuple(PUBLISHED)


@pytest.mark.parametrize("name", PUBLISHED)
def test_genotypes_are_as_published(name):
    genotype = zoo.get(name)
    assert genotype is getattr(zoo, name)
    assert list(genotype.cells) == list(PUBLISHED[name])
    for cell_type, text in PUBLISHED[name].items():
        cell = genotype.cells[cell_type]
        nodes, concat = text.split(":")
        expected = [
            [
                (SHORT.get(primitive, primitive), int(source))
                for primitive, source in re.findall(r"(\w+)\((\d+)\)", node)
            ]
            for node in nodes.split("|")
        ]
        assert [
            [(edge.primitive, edge.source) for edge in edges]
            for edges in cell.nodes
        ] == expected
        assert cell.concat == tuple(map(int, concat.split()))
        assert cell.num_inputs == (1 if cell_type == "recurrent" else 2)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("darts_v2", "DARTS_V2"),
        ("DARTS-V2", "DARTS_V2"),
        ("NASNet-A", "NASNET_A"),
        ("nasnet_a", "NASNET_A"),
        ("P-DARTS", "P_DARTS"),
        ("pc-darts", "PC_DARTS"),
        ("recurrent-enas", "RECURRENT_ENAS"),
    ],
)
def test_names_are_found_in_any_usual_spelling(name, key):
    assert zoo.get(name) is getattr(zoo, key)


@pytest.mark.parametrize("name", ["darts", "", None, 3, "names"])
def test_unknown_names_are_refused_with_the_known_ones(name):
    with pytest.raises(ValueError, match="'DARTS_V1'.*Received: name="):
        zoo.get(name)
