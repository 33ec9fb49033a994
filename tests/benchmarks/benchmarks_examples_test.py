"""The examples in the docstrings of the benchmarks run."""

import doctest

import pytest

from benchmarks import markdown
from benchmarks import profile_step


@pytest.mark.parametrize(
    "module", [markdown, profile_step], ids=lambda module: module.__name__
)
def test_examples_run(module):
    failed, tried = doctest.testmod(module)
    assert tried
    assert not failed
