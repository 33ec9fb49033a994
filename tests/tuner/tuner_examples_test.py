"""The examples in the docstrings of what is not exported run."""

import doctest

import numpy as np
import pytest

import darts_tf
from darts_tf.tuner import configuration
from darts_tf.tuner import selection


@pytest.mark.parametrize("module", [configuration, selection])
def test_examples_run(module):
    scope = {"np": np, "darts_tf": darts_tf}
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    result = doctest.testmod(module, extraglobs=scope, optionflags=flags)
    assert result.attempted
    assert not result.failed
