"""A table of what cells of a space reach, so that a search can be judged."""

import csv
import os
import pathlib
import reprlib
import zipfile
from collections.abc import Mapping

import numpy as np

from darts_tf.spaces import genotype as genotype_lib
from darts_tf.spaces import search_space


class ResultTable:
    """What each cell of a space reaches, by the text of the genotype.

    Args:
        results: Mapping from `Genotype.to_text()` of a cell to its result, the
            larger the better, such as an accuracy in percent.

    Raises:
        ValueError: If it is empty, or a result is not a finite number.

    Example:

    >>> from darts_tf.spaces import result_table
    >>> table = result_table.ResultTable(
    ...     {"|none~0|": 10.0, "|skip_connect~0|": 60.0, "|conv~0|": 90.0}
    ... )
    >>> found = darts_tf.Genotype.from_text("|skip_connect~0|")
    >>> table.result(found), table.rank(found), table.best()
    (60.0, 2, ('|conv~0|', 90.0))
    >>> round(table.expected_best(2), 3)  # of 9 pairs
    71.111
    """

    def __init__(self, results: Mapping[str, float]):
        self._results = {text: float(value) for text, value in results.items()}
        values = np.array(list(self._results.values()))
        if not values.size or not np.isfinite(values).all():
            raise ValueError(
                "`results` must have a finite number for each of at least one "
                f"cell. Received: results={reprlib.repr(results)}"
            )
        self._ascending = np.sort(values)

    def __len__(self) -> int:
        return len(self._results)

    def result(self, genotype: genotype_lib.Genotype) -> float:
        """Returns what a cell reaches.

        Args:
            genotype: `Genotype`.

        Raises:
            ValueError: If the table does not have the cell.
        """
        text = genotype.to_text()
        if text not in self._results:
            raise ValueError(
                f"The table must have the cell; it has {len(self)}, such as "
                f"{next(iter(self._results))}. Received: genotype={text}"
            )
        return self._results[text]

    def rank(self, genotype: genotype_lib.Genotype) -> int:
        """Returns the place of a cell, from 1, the best.

        Args:
            genotype: `Genotype`.

        Raises:
            ValueError: If the table does not have the cell.
        """
        result = self.result(genotype)
        return int((self._ascending > result).sum()) + 1

    def best(self) -> tuple[str, float]:
        """Returns the text and the result of the best cell."""
        text = max(self._results, key=self._results.__getitem__)
        return text, self._results[text]

    def expected_best(self, count: float) -> float:
        """Returns what the best of some cells drawn at random reaches.

        It is the expectation of the largest result of `count` cells that are
        drawn independently: the sum over the sorted results r_i of
        r_i ((i / n)^count - ((i - 1) / n)^count).

        Args:
            count: Positive number of cells; it need not be whole.
        """
        steps = np.arange(len(self) + 1) / len(self)
        return float(self._ascending @ np.diff(steps**count))


def read(
    path: str | os.PathLike[str],
    space: search_space.SearchSpace,
    column: str = "cifar10",
) -> ResultTable:
    r"""Reads the results of a space in which all edges are kept.

    Args:
        path: String or path of a file. Either `.csv`, with a column whose name
            begins with `ops`, a digit for each edge in the order of
            `space.edges`, which counts the primitives; and a column that is
            called as `column` or begins so. Or `.npz`, as NumPy writes it,
            with `arch`, the texts of the cells, `test_200`, a column of
            results for each set of data, in the order `cifar10`, `cifar100`,
            `imagenet16_120`.
        space: A `SearchSpace`, which must hold each cell.
        column: String, which results. Defaults to `"cifar10"`.

    Raises:
        ValueError: If it is no such file, or one of another space.
        OSError: If the file cannot be read.

    Example:

    >>> import pathlib, tempfile
    >>> from darts_tf.spaces import result_table
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name, "table.csv")
    >>> _ = path.write_text("ops,cifar10_test\\n333333,93.76\\n")
    >>> space = darts_tf.SearchSpace.nas_bench_201()
    >>> result_table.read(path, space).best()[1]
    93.76
    >>> folder.cleanup()
    """
    path = pathlib.Path(path)
    try:
        rows = (
            _read_csv(path, space, column)
            if path.suffix.lower() == ".csv"
            else _read_npz(path, column)
        )
        first = next(iter(rows), None)
        if first is not None:
            space.validate(genotype_lib.Genotype.from_text(first))
        return ResultTable(rows)
    except (ValueError, KeyError, IndexError, EOFError, csv.Error) as error:
        raise _error(path, error) from error
    except zipfile.BadZipFile as error:
        raise _error(path, error) from error


def _error(path: pathlib.Path, error: Exception) -> ValueError:
    return ValueError(
        "The table must be a whole .csv or .npz file of the results of the "
        f"space's cells ({error}). Received: path={str(path)!r}"
    )


def _read_npz(path: pathlib.Path, column: str) -> dict[str, float]:
    names = ("cifar10", "cifar100", "imagenet16_120")
    if column not in names:
        raise ValueError(f"a column is one of {names}, not {column!r}")
    with path.open("rb") as file:
        arrays = np.load(file, allow_pickle=False)
        texts, results = arrays["arch"], arrays["test_200"]
    return {
        str(text): float(row[names.index(column)])
        for text, row in zip(texts, results, strict=True)
    }


def _read_csv(
    path: pathlib.Path, space: search_space.SearchSpace, column: str
) -> dict[str, float]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        header = list(reader.fieldnames or ())
        ops = [name for name in header if name.startswith("ops")]
        found = [name for name in header if name == column] or [
            name for name in header if name.startswith(f"{column}_")
        ]
        if len(ops) != 1 or len(found) != 1:
            raise ValueError(
                f"it needs one column of ops and one of {column!r}, and has "
                f"{header}"
            )
        return {
            _text(row[ops[0]], space, reader.line_num): float(row[found[0]])
            for row in reader
        }


def _text(digits: str, space: search_space.SearchSpace, line: int) -> str:
    """Returns the text of the cell that some digits stand for."""
    known = len(space.primitives)
    if len(digits) != len(space.edges) or not all(
        digit.isdecimal() and int(digit) < known for digit in digits
    ):
        raise ValueError(
            f"line {line} needs {len(space.edges)} digits below {known}, and "
            f"has {digits!r}"
        )
    nodes: dict[int, list[genotype_lib.Edge]] = {n: [] for n in space.nodes}
    for digit, (source, target) in zip(digits, space.edges, strict=True):
        edge = genotype_lib.Edge(space.primitives[int(digit)], source)
        nodes[target].append(edge)
    cell = genotype_lib.Cell(
        tuple(map(tuple, nodes.values())), space.concat, space.num_inputs
    )
    return genotype_lib.Genotype(normal=cell).to_text()
