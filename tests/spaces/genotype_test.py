"""Edges, cells and genotypes: what is accepted, and what they say."""

import dataclasses
import json

import numpy as np
import pytest

from darts_tf.spaces import genotype as genotype_lib
from darts_tf.spaces import search_space
from darts_tf.spaces import zoo

A = genotype_lib.Edge("a", 0)
B = genotype_lib.Edge("b", 1)
CELL = genotype_lib.Cell(((A, B), (B, A)), (2, 3))
RECURRENT = genotype_lib.Cell(((A,), (B,)), (1, 2), num_inputs=1)


def test_lists_and_numpy_values_become_plain_python():
    edge = genotype_lib.Edge(np.str_("b"), np.int32(1))
    assert repr(edge.primitive) == "'b'"
    cell = genotype_lib.Cell([[A, edge], [edge, A]], [np.int64(2), 3], 2)
    assert cell == CELL
    assert hash(cell) == hash(CELL)
    assert type(cell.nodes[0][1].source) is int
    assert type(cell.concat[0]) is int


def test_skips_are_the_edges_that_pass_their_input_on():
    assert zoo.DARTS_V1.normal.num_skips == 3  # counted by hand, as the others
    assert zoo.DARTS_V2.reduction.num_skips == 3
    assert zoo.RECURRENT_DARTS_V1.recurrent.num_skips == 1
    assert CELL.num_skips == 0


def test_objects_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        CELL.concat = (2,)


@pytest.mark.parametrize(
    ("primitive", "source"),
    [
        ("", 0),
        (3, 0),
        ("a\n", 0),
        ("a", -1),
        ("a", True),
        ("a", 1.0),
        ("a", "1"),
        ("a", None),
        ("a", 10**30),
    ],
)
def test_bad_edges_are_refused(primitive, source):
    with pytest.raises(ValueError, match="Received: "):
        genotype_lib.Edge(primitive, source)


BAD_CELLS = {
    "no_nodes": (((),), (), 2),
    "empty": ((), (2,), 2),
    "node_without_edges": (((A,), ()), (2,), 2),
    "reads_itself": (((genotype_lib.Edge("a", 2),),), (2,), 2),
    "reads_a_later_node": (
        ((genotype_lib.Edge("a", 3),), (genotype_lib.Edge("a", 2),)),
        (2,),
        2,
    ),
    "no_output": (((A,),), (), 2),
    "output_is_an_input": (((A,),), (1,), 2),
    "output_is_no_node": (((A,),), (3,), 2),
    "output_twice": (((A,), (A,)), (2, 2), 2),
    "output_not_in_order": (((A,), (A,)), (3, 2), 2),
    "output_is_boolean": (((A,),), (True,), 1),
    "no_inputs": (((A,),), (0,), 0),
    "inputs_boolean": (((A,),), (1,), True),
    "inputs_no_number": (((A,),), (1,), "1"),
    "pair_and_no_edge": (((("a", 0),),), (2,), 2),
    "nodes_no_tuple": (A, (2,), 2),
    "too_many_nodes": (((A,),) * 33, (2,), 2),
}


@pytest.mark.parametrize("name", BAD_CELLS)
def test_bad_cells_are_refused(name):
    with pytest.raises(ValueError, match="Received: "):
        genotype_lib.Cell(*BAD_CELLS[name])


def test_a_node_may_read_the_same_node_twice():
    cell = genotype_lib.Cell(((A, A),), (2,))
    assert cell.nodes == ((A, A),)


@pytest.mark.parametrize(
    "cells",
    [
        {},
        {"reduction": CELL},
        {"normal": CELL, "recurrent": RECURRENT},
        {"reduction": CELL, "recurrent": RECURRENT},
        {"normal": "cell"},
        {"recurrent": ((A,),)},
    ],
    ids=str,
)
def test_bad_combinations_of_cells_are_refused(cells):
    with pytest.raises(ValueError, match="Received: "):
        genotype_lib.Genotype(**cells)


def test_cells_and_kind_tell_what_is_present():
    normal = genotype_lib.Genotype(normal=CELL)
    assert normal.cells == {"normal": CELL}
    assert normal.kind == "conv"
    both = genotype_lib.Genotype(normal=CELL, reduction=CELL)
    assert list(both.cells) == ["normal", "reduction"]
    recurrent = genotype_lib.Genotype(recurrent=RECURRENT)
    assert recurrent.cells == {"recurrent": RECURRENT}
    assert recurrent.kind == "recurrent"


def test_printing_has_one_line_for_each_node():
    assert str(genotype_lib.Genotype(normal=CELL, reduction=CELL)) == (
        "normal\n"
        "  node 2: a(0) + b(1)\n"
        "  node 3: b(1) + a(0)\n"
        "  concat: 2, 3\n"
        "reduction\n"
        "  node 2: a(0) + b(1)\n"
        "  node 3: b(1) + a(0)\n"
        "  concat: 2, 3"
    )


def test_config_of_a_cell_survives_json():
    cell = zoo.AMOEBANET_A.cells["reduction"]
    config = json.loads(json.dumps(cell.get_config()))
    assert genotype_lib.Cell.from_config(config) == cell


def test_canonical_genotype_ignores_the_order_of_edges_in_each_cell():
    swapped = genotype_lib.Cell(
        tuple(edges[::-1] for edges in CELL.nodes), CELL.concat
    )
    first = genotype_lib.Genotype(normal=CELL, reduction=swapped)
    second = genotype_lib.Genotype(normal=swapped, reduction=CELL)
    assert first != second
    assert first.canonical() == second.canonical()


def test_save_and_load_return_the_same_genotype(tmp_path):
    path = tmp_path / "genotype.json"
    for name in zoo.names():
        zoo.get(name).save(path)
        assert genotype_lib.Genotype.load(str(path)) == zoo.get(name)
    assert [file.name for file in tmp_path.iterdir()] == ["genotype.json"]


def test_failed_save_leaves_the_old_file_whole(tmp_path, monkeypatch):
    path = tmp_path / "genotype.json"
    zoo.DARTS_V2.save(path)

    def full_disk(descriptor):
        raise OSError("no space left")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(OSError, match="no space left"):
        zoo.DARTS_V1.save(path)
    assert genotype_lib.Genotype.load(path) == zoo.DARTS_V2
    assert [file.name for file in tmp_path.iterdir()] == ["genotype.json"]


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe\x00", b"[" * 90_000, b"x" * 2_000_000, b"{}"],
    ids=["empty", "binary", "deep", "huge", "no_genotype"],
)
def test_bad_file_is_refused_with_its_path(tmp_path, content):
    path = tmp_path / "bad.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"genotype file.*bad\.json"):
        genotype_lib.Genotype.load(path)


def test_missing_file_is_not_taken_for_a_bad_one(tmp_path):
    with pytest.raises(FileNotFoundError):
        genotype_lib.Genotype.load(tmp_path / "none.json")


def test_genotypes_of_the_largest_space_can_be_saved():
    space = search_space.SearchSpace(
        primitives=("n" * 100,),
        num_nodes=32,
        num_inputs=32,
        cell_types=("normal", "reduction"),
        edges_per_node=64,
    )
    found = space.random_genotype(0)
    assert genotype_lib.Genotype.from_json(found.to_json()) == found
