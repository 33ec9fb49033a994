"""Imports that wait until a module is used, so that commands answer at once.

TensorFlow takes seconds to import. A command is asked for its help, or given
a flag with a typo, more often than it is run; so whatever leads to TensorFlow
is imported in this block, which costs nothing until the first attribute of a
module is asked for:

    from trainers import late

    with late.imports():
        import keras

        import darts_tf
        from darts_tf.data import streams

The statements are the usual ones, for readers and tools alike. They may name
modules only, and no class may be derived from one of theirs at the top of the
same file: that would use it.
"""

import builtins
import contextlib
import importlib
import sys
import types
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any


@contextlib.contextmanager
def imports() -> Iterator[None]:
    """Makes the import statements of a `with` block wait.

    Modules that are imported already are what they are.

    Example:

    >>> from trainers import late
    >>> with late.imports():
    ...     import colorsys
    >>> colorsys.rgb_to_hsv(0.0, 0.0, 1.0)[2]
    1.0
    """
    before = builtins.__import__
    builtins.__import__ = _import
    try:
        yield
    finally:
        builtins.__import__ = before


def _import(
    name: str,
    globals: Mapping[str, Any] | None = None,
    locals: Mapping[str, Any] | None = None,
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> Any:
    """Does what `__import__` does, without importing."""
    if not fromlist:  # `import a.b` binds `a`
        return _module(name.partition(".")[0])
    return types.SimpleNamespace(
        **{part: _module(f"{name}.{part}") for part in fromlist}
    )


def _module(name: str) -> types.ModuleType:
    return sys.modules.get(name) or _LateModule(name)


class _LateModule(types.ModuleType):
    """Stands for a module; imports it when an attribute is asked for."""

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self.__name__), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(importlib.import_module(self.__name__), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(importlib.import_module(self.__name__), name)

    def __dir__(self) -> list[str]:
        return dir(importlib.import_module(self.__name__))
