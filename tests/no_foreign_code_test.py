"""Nothing in the library runs code that came in as data."""

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parents[1]
FILES = sorted(
    path
    for folder in ("darts_tf", "trainers")
    for path in (ROOT / folder).rglob("*.py")
)
MODULES = {"pickle", "dill", "shelve", "marshal", "subprocess", "pty", "code"}
CALLS = {"eval", "exec", "compile", "__import__", "system", "popen"}
# Both are also names of harmless methods.
METHODS = {"compile", "eval"}


def forbidden(tree):
    """Yields what a file should not have."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            names = []
        yield from (n for n in names if n.partition(".")[0] in MODULES)
        if isinstance(node, ast.Call):
            yield from _forbidden_call(node)


def _forbidden_call(node):
    function = node.func
    if isinstance(function, ast.Name) and function.id in CALLS:
        yield function.id
    if isinstance(function, ast.Attribute):
        if function.attr in CALLS - METHODS:
            yield function.attr
    for keyword in node.keywords:
        is_true = getattr(keyword.value, "value", None) is True
        if keyword.arg in ("allow_pickle", "shell") and is_true:
            yield keyword.arg
        if keyword.arg in ("weights_only", "safe_mode") and not is_true:
            yield keyword.arg


def test_there_are_files():
    assert len(FILES) > 50


@pytest.mark.parametrize(
    "path", FILES, ids=lambda path: str(path.relative_to(ROOT))
)
def test_no_pickle_no_eval_no_shell(path):
    assert not list(forbidden(ast.parse(path.read_text())))


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from subprocess import run",
        "eval('1')",
        "os.system('ls')",
        "np.load(path, allow_pickle=True)",
        "torch.load(path, weights_only=False)",
        "load_model(path, safe_mode=False)",
    ],
)
def test_the_search_finds_what_it_looks_for(code):
    assert list(forbidden(ast.parse(code)))
