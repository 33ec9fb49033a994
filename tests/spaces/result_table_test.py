"""Tests of tables of results."""

import itertools

import numpy as np
import pytest

import darts_tf
from darts_tf.spaces import result_table

_SPACE = darts_tf.SearchSpace.nas_bench_201()


def _cells(count):
    return [_SPACE.random_genotype(seed) for seed in range(count)]


def test_the_expected_best_is_the_mean_over_all_draws():
    values = [3.0, 1.0, 2.5, 2.5]
    table = result_table.ResultTable(
        dict(zip((g.to_text() for g in _cells(4)), values, strict=True))
    )
    for count in (1, 2, 3):
        draws = itertools.product(values, repeat=count)
        expected = np.mean([max(draw) for draw in draws])
        assert table.expected_best(count) == pytest.approx(expected, rel=1e-12)


def test_ranks_count_from_the_best():
    cells = _cells(3)
    values = [90.0, 94.0, 90.0]
    table = result_table.ResultTable(
        dict(zip((g.to_text() for g in cells), values, strict=True))
    )
    assert [table.rank(cell) for cell in cells] == [2, 1, 2]
    assert table.best() == (cells[1].to_text(), 94.0)


def test_a_cell_that_is_not_there_is_named():
    table = result_table.ResultTable({_cells(1)[0].to_text(): 1.0})
    other = _SPACE.random_genotype(5)
    with pytest.raises(ValueError, match="must have the cell") as error:
        table.result(other)
    assert other.to_text() in str(error.value)


def test_both_formats_give_the_same_table(tmp_path):
    cells = _cells(5)
    csv, npz = tmp_path / "t.csv", tmp_path / "t.npz"
    results = np.arange(15.0).reshape(5, 3)
    lines = ["index,ops_01_02,cifar10_test,cifar100_test"]
    for index, cell in enumerate(cells):
        named = {
            (edge.source, node): edge.primitive
            for node, edges in enumerate(cell.normal.nodes, 1)
            for edge in edges
        }
        digits = "".join(
            str(_SPACE.primitives.index(named[edge])) for edge in _SPACE.edges
        )
        lines.append(f"{index},{digits},{results[index, 0]},0")
    csv.write_text("\n".join(lines))
    np.savez(npz, arch=[c.to_text() for c in cells], test_200=results)
    one, other = (result_table.read(path, _SPACE) for path in (csv, npz))
    for cell, value in zip(cells, results[:, 0], strict=True):
        assert one.result(cell) == other.result(cell) == value


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", b""),
        ("t.csv", b"ops,cifar10\n33333,1\n"),
        ("t.csv", b"ops,cifar10\n333339,1\n"),
        ("t.csv", b"ops,cifar10\n333333,good\n"),
        ("t.csv", b"ops,cifar10\n"),
        ("t.csv", b"ops,cifar100\n333333,1\n"),
        ("t.csv", b"\xff\xfe\x00"),
        ("t.npz", b""),
        ("t.npz", b"PK\x03\x04torn"),
    ],
)
def test_a_torn_or_other_file_is_one_clear_line(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match="whole .csv or .npz file") as error:
        result_table.read(path, _SPACE)
    assert "\n" not in str(error.value)


def test_a_table_of_another_space_is_refused(tmp_path):
    path = tmp_path / "t.npz"
    np.savez(path, arch=["|tanh~0|"], test_200=[[1.0, 1.0, 1.0]])
    with pytest.raises(ValueError, match="must have num_inputs, num_nodes"):
        result_table.read(path, _SPACE)
