"""The examples of the tuner run, those of minutes too, as they are written."""

import doctest
import time

import numpy as np
import pytest

import darts_tf
from darts_tf.tuner import configuration
from darts_tf.tuner import display
from darts_tf.tuner import selection
from tests import docs_test


@pytest.mark.parametrize("module", [configuration, display, selection])
def test_examples_run(module, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    scope = {"np": np, "darts_tf": darts_tf}
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    result = doctest.testmod(module, extraglobs=scope, optionflags=flags)
    assert result.attempted
    assert not result.failed


@pytest.mark.slow
def test_the_example_in_the_docstring_reaches_what_it_says(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    scope = {"darts_tf": darts_tf}
    examples = doctest.DocTestParser().get_examples(darts_tf.DartsTuner.__doc__)
    assert any(doctest.SKIP in example.options for example in examples)
    for example in examples:
        # All of them, whatever a quick run leaves out; what Keras prints
        # meanwhile is not written down.
        if example.want:
            exec(f"found = {example.source}", scope)
            assert repr(scope["found"]) == example.want.strip()
        else:
            exec(example.source, scope)
    assert scope["accuracy"] > 0.9


@pytest.mark.slow
def test_the_page_reaches_what_it_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    page = docs_test.ROOT / "docs" / "keras_tuner.md"
    blocks = docs_test.CODE_BLOCK.finditer(page.read_text())
    codes = [match["code"] for match in blocks]
    scope, start = {"__name__": "__main__"}, time.process_time()
    for number, code in enumerate(codes):
        exec(compile(code, page, "exec"), scope)
        if number == 0:
            # Of two cores for two minutes.
            assert time.process_time() - start < 240
    assert scope["accuracy"] > 0.9
    printed = capsys.readouterr().out
    for trial in (1, 2):
        for line in ("searching, 3 epochs", "training the cell, 20 epochs"):
            assert f"Trial {trial} of 2: {line}\n" in printed
    assert "300 samples" in printed
    assert "network_filters" not in printed
