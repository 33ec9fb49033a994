import json

import pytest

from trainers import count
from trainers import options


def test_a_cell_is_counted_in_both_forms_and_broken_down(tmp_path, capsys):
    path = tmp_path / "counts.json"
    config = options.resolve(
        count.Config,
        overrides={"genotype": "DARTS_V2", "output": str(path)},
    )
    rows = count.run(config)
    # Published: by running the official code.
    assert [row["parameters"] for row in rows] == [3_349_342, 4_718_752]
    assert rows[0]["parameters_with_auxiliary"] == 3_825_768
    assert rows[1]["multiply_adds"] == 529_911_552
    assert json.loads(path.read_text()) == rows
    printed = capsys.readouterr().out
    assert "| DARTS_V2 | cifar | 3,349,342 | 3,825,768 | 528,359," in printed
    assert printed.count("cell_0 ") == 2


def test_all_means_each_published_convolutional_cell(capsys):
    config = options.resolve(
        count.Config,
        overrides={
            "form": "cifar",
            "filters": 2,
            "num_cells": 3,
            "image_size": 8,
        },
    )
    rows = count.run(config)
    names = [row["genotype"] for row in rows]
    assert "DARTS_V1" in names
    assert not [name for name in names if name.startswith("RECURRENT")]
    assert "does not fit" in capsys.readouterr().out
    with pytest.raises(ValueError, match="form='mnist'"):
        count.Config(form="mnist")
