import doctest
import importlib
import pkgutil

import pytest

from darts_tf import visualize

MODULES = [module.name for module in pkgutil.iter_modules(visualize.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_the_drawings_run(name):
    module = importlib.import_module(f"darts_tf.visualize.{name}")
    results = doctest.testmod(
        module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    )
    assert not results.failed
