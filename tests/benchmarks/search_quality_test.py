"""Tests of the benchmark of searches."""

import json

import numpy as np
import pytest

import darts_tf
from benchmarks import search_quality


def _table(path):
    space = darts_tf.SearchSpace.nas_bench_201()
    names = space.primitives
    rng = np.random.default_rng(0)
    digits = np.indices((5,) * 6).reshape(6, -1).T
    edge = [[f"{names[d]}~{s}|" for d in range(5)] for s, _ in space.edges]
    texts = [
        "|{}+|{}{}+|{}{}{}".format(*(edge[k][d] for k, d in enumerate(row)))
        for row in digits
    ]
    results = rng.uniform(10, 95, (len(texts), 3))
    np.savez(path, arch=texts, test_200=results)
    return dict(zip(texts, results[:, 0], strict=True))


@pytest.mark.slow
def test_searches_are_judged_and_go_on_where_they_were(tmp_path, monkeypatch):
    truth = _table(tmp_path / "table.npz")
    arguments = {
        "table": str(tmp_path / "table.npz"),
        "workdir": str(tmp_path / "quality"),
        "methods": "first_order,slow=--hypergradient=exact",
        "seeds": 1,
        "dataset": "digits",
        "max_samples": 80,
        "image_size": 8,
        "filters": 2,
        "epochs": 2,
        "batch_size": 16,
        "cells": 5,
    }
    config = search_quality.Config(**arguments)
    results = search_quality.run(config)
    written = json.loads((tmp_path / "quality/results.json").read_text())
    assert written == json.loads(json.dumps(results))
    assert [row["method"] for row in results["methods"]] == [
        "first_order",
        "slow",
    ]
    ranked = sorted(truth.values(), reverse=True)
    for name in ("first_order", "slow"):
        one = results["searches"][name]["0"]
        assert [e["epoch"] for e in one["epochs"]] == [0, 1, 2]
        assert one["result"] == pytest.approx(truth[one["cell"]])
        assert ranked[one["rank"] - 1] == pytest.approx(one["result"])
        assert -1 <= one["spearman"] <= 1
    assert results["references"]["best cell"] == round(ranked[0], 2)
    assert "3x3 everywhere" in (tmp_path / "quality/results.md").read_text()
    assert (tmp_path / "quality/results.svg").exists()
    monkeypatch.setattr(search_quality, "_search", None)  # nothing is left
    assert search_quality.run(config) == results


@pytest.mark.parametrize("methods", ["unknown", "a b=--epochs=1", "=x"])
def test_other_methods_are_refused(methods):
    with pytest.raises(ValueError, match="Received"):
        search_quality.methods(methods)
