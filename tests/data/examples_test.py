import doctest
import importlib
import pkgutil

import numpy as np
import pytest
import tensorflow as tf

from darts_tf import data

MODULES = [module.name for module in pkgutil.iter_modules(data.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_the_data_pipelines_run(name):
    module = importlib.import_module(f"darts_tf.data.{name}")
    results = doctest.testmod(
        module,
        extraglobs={"np": np, "tf": tf},
        optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE,
    )
    assert results.attempted
    assert not results.failed
