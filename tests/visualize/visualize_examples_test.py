import doctest
import importlib
import inspect
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


@pytest.mark.parametrize(
    "symbol",
    [
        value
        for name, value in sorted(vars(visualize).items())
        if inspect.isclass(value) or inspect.isfunction(value)
    ],
    ids=lambda symbol: symbol.__name__,
)
def test_every_public_symbol_has_an_example(symbol):
    # All examples of its module are run above.
    assert "Example:" in inspect.getdoc(symbol)
    assert ">>> " in inspect.getdoc(symbol)
