"""What users may rely on: a name that comes or goes is seen here.

`public_names.txt` holds what is public. After a change on purpose,

    python -m tests.public_names_test

writes it anew, and its difference belongs to the change.
"""

import importlib
import inspect
import pathlib
import types

import darts_tf
from tools import public_paths

LIST = pathlib.Path(__file__).parent / "public_names.txt"
PARTS = """
    callbacks checks classifier data distribution environment export files
    interop layers models optimizers relaxations search spaces tuner version
    visualize zoo
""".split()


def symbols(once=True):
    """Returns a dictionary from public paths to what they lead to."""
    result = {}
    for paths in public_paths.pages(once).values():
        for path in paths:
            package, _, name = path.rpartition(".")
            if package == "darts_tf.zoo":
                module = darts_tf.zoo
            else:
                module = importlib.import_module(package)
            result[path] = getattr(module, name)
    return result


def members(symbol):
    """Returns the public attributes of a class that this library defines."""
    return sorted(
        {
            name
            for kind in symbol.__mro__
            if kind.__module__.split(".")[0] == "darts_tf"
            for name in vars(kind)
            if not name.startswith("_")
        }
    )


def listed():
    """Returns a line for each public class and function, and its members."""
    lines = list(symbols(once=False))
    for path, symbol in symbols().items():
        if inspect.isclass(symbol):
            lines += [f"{path}.{name}" for name in members(symbol)]
    return lines


def test_the_public_names_are_those_that_users_know():
    expected, found = set(LIST.read_text().split()), set(listed())
    assert found - expected == set(), "new names"
    assert expected - found == set(), "names that users miss"


def test_the_package_shows_its_parts_and_nothing_else():
    names = [name for name in vars(darts_tf) if not name.startswith("_")]
    modules = [
        name
        for name in names
        if isinstance(getattr(darts_tf, name), types.ModuleType)
    ]
    assert sorted(modules) == PARTS
    public = {path.split(".")[1] for path in symbols()}
    assert set(names) - set(modules) <= public


def test_no_public_name_has_a_word_of_the_implementation():
    words = {"view", "views", "term", "terms", "pack", "packing", "parts"}
    words |= {"draws", "joint", "traced"}
    bad = [
        path
        for path in listed()
        if words & set(path.rpartition(".")[2].split("_"))
    ]
    assert not bad


if __name__ == "__main__":
    LIST.write_text("\n".join(sorted(listed())) + "\n")
