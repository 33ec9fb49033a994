"""The documentation is true: arguments, examples, code blocks and links."""

import dataclasses
import doctest
import importlib
import inspect
import pathlib
import re
import shlex

import keras
import numpy as np
import pytest
import tensorflow as tf

import darts_tf
from tests import public_names_test

ROOT = pathlib.Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINKING_PAGES = [
    *PAGES,
    *(ROOT / name for name in ("CONTRIBUTING.md", "CHANGELOG.md")),
    ROOT / "benchmarks" / "NOTES.md",
]
PUBLIC = {
    path: value
    for path, value in public_names_test.symbols().items()
    if inspect.isclass(value) or inspect.isfunction(value)
}
each_symbol = pytest.mark.parametrize("path", PUBLIC)
# Whose examples are written as inside of the module.
IMPORTED_AS_MODULES = ("darts_tf.data.", "darts_tf.visualize.")
CODE_BLOCK = re.compile(
    r"^(?P<skip><!-- not run: .+? -->\n\s*)?"
    r"```python\n(?P<code>.*?)^```$",
    re.M | re.S,
)
SHELL_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.M | re.S)
FENCED = re.compile(r"^(```+).*?^\1$", re.M | re.S)
TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
LINK = re.compile(r"\]\(([^)\s]+)[^)]*\)|(?:href|src)=\"([^\"]+)\"")


def page_name(page):
    return str(page.relative_to(ROOT))


def parameters(symbol):
    """Returns the parameter names as the `Args` section writes them."""
    # A Keras class has a `__new__(*args, **kwargs)` of its own, so the
    # constructor is asked directly.
    is_class = inspect.isclass(symbol)
    if is_class and issubclass(symbol, tuple):
        return list(symbol._fields)
    signature = inspect.signature(symbol.__init__ if is_class else symbol)
    stars = {
        inspect.Parameter.VAR_POSITIONAL: "*",
        inspect.Parameter.VAR_KEYWORD: "**",
    }
    names = [
        stars.get(parameter.kind, "") + name
        for name, parameter in signature.parameters.items()
    ]
    return names[1:] if is_class else names


def documented_parameters(doc):
    section = re.search(r"^Args:\n((?:[ ]{4}.*\n|\n)+)", doc + "\n", re.M)
    if section is None:
        return []
    return re.findall(r"^[ ]{4}(\*{0,2}\w+):", section.group(1), re.M)


def code_blocks(page):
    """Yields the line number and the code of each block that is run."""
    text = page.read_text()
    for match in CODE_BLOCK.finditer(text):
        if match["skip"] is None:
            yield text.count("\n", 0, match.start("code")), match["code"]


def test_something_is_public():
    assert PUBLIC


@each_symbol
def test_args_section_lists_exactly_the_parameters(path):
    documented = documented_parameters(inspect.getdoc(PUBLIC[path]))
    assert documented == parameters(PUBLIC[path])


@each_symbol
def test_examples_exist_and_run(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    symbol, finder = PUBLIC[path], doctest.DocTestFinder()
    scope = {"np": np, "tf": tf, "keras": keras, "darts_tf": darts_tf}
    if path.startswith(IMPORTED_AS_MODULES):
        scope.update(vars(inspect.getmodule(symbol)))
    runner = doctest.DocTestRunner(
        optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    )
    report = []
    for test in finder.find(symbol, symbol.__name__, globs=scope):
        runner.run(test, out=report.append)
    assert runner.failures == 0, "".join(report)
    assert ">>>" in inspect.getdoc(symbol), "an example is missing"


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_code_blocks_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "__main__"}
    for line, code in code_blocks(page):
        # Blank lines in front make a traceback show the line of the page.
        exec(compile("\n" * line + code, page, "exec"), namespace)


@pytest.mark.parametrize("page", LINKING_PAGES, ids=page_name)
def test_commands_and_their_flags_exist(page):
    # They are run, with smaller numbers, by the tests of the trainers.
    for block in SHELL_BLOCK.findall(page.read_text()):
        for line in re.split(r"\n|&&", block.replace("\\\n", " ")):
            words = shlex.split(line, comments=True)
            if words[:2] != ["python", "-m"] or "." not in words[2]:
                continue
            module = importlib.import_module(words[2])
            flags = dict(
                word[2:].partition("=")[::2]
                for word in words[3:]
                if word.startswith("--")
            )
            presets = getattr(module, "PRESETS", {})
            assert flags.pop("preset", None) in (None, *presets), line
            if not flags:
                continue
            fields = {f.name for f in dataclasses.fields(module.Config)}
            fields |= {f"no{name}" for name in fields} | {"helpshort"}
            assert set(flags) <= fields, line


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_tests_that_are_named_exist(page):
    for path, test in TEST.findall(page.read_text()):
        assert (ROOT / path).is_file(), path
        assert not test or f"def {test}(" in (ROOT / path).read_text(), test


@pytest.mark.parametrize("page", LINKING_PAGES, ids=page_name)
def test_relative_links_lead_somewhere(page):
    text = FENCED.sub("", page.read_text())
    targets = ["".join(groups) for groups in LINK.findall(text)]
    relative = [
        target.partition("#")[0]
        for target in targets
        if not re.match(r"[a-z]+:|#", target)
    ]
    missing = [t for t in relative if not (page.parent / t).exists()]
    assert not missing
