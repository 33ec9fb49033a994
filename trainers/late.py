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

A file of plain data inside a package that leads to TensorFlow is imported
without the package, at once:

    with late.without_package():
        from darts_tf.spaces import paper
"""

import builtins
import contextlib
import importlib
import importlib.util
import pathlib
import sys
import types
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

_USUAL = builtins.__import__


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
    with _importing_with(_import):
        yield


@contextlib.contextmanager
def without_package() -> Iterator[None]:
    """Makes the import statements of a `with` block import single files.

    They have the form `from package.part import module`, and the module must
    import nothing of its package. If it is imported already, it is what it is;
    otherwise it is a copy of the one that the package will have.

    Example:

    >>> from trainers import late
    >>> with late.without_package():
    ...     from darts_tf.spaces import paper
    >>> paper.ConvSearch.epochs
    50
    """
    with _importing_with(_import_files):
        yield


@contextlib.contextmanager
def _importing_with(function: Callable[..., Any]) -> Iterator[None]:
    before = builtins.__import__
    builtins.__import__ = function
    try:
        yield
    finally:
        builtins.__import__ = before


def _import_files(
    name: str,
    globals: Mapping[str, Any] | None = None,
    locals: Mapping[str, Any] | None = None,
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> Any:
    """Does what `__import__` does for modules of a package, without it."""
    return types.SimpleNamespace(
        **{part: _file(f"{name}.{part}") for part in fromlist or ()}
    )


def _file(name: str) -> types.ModuleType:
    if name in sys.modules:
        return sys.modules[name]
    package, *parts = name.split(".")
    found = importlib.util.find_spec(package)  # looks for it, no more
    folders = found and found.submodule_search_locations
    if not folders:
        raise ModuleNotFoundError(f"No package named {package!r}", name=package)
    path = pathlib.Path(folders[0], *parts).with_suffix(".py")
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    module = importlib.util.module_from_spec(spec)
    with _importing_with(_USUAL):
        spec.loader.exec_module(module)
    return module


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
