"""What MkDocs does beside its own work to make the site of `docs/`.

`mkdocs.yml` names this file as a hook. The pages of `docs/` are written to be
read in the repository, so the site needs two things that are not there:

- a reference, made of what each part of the package exports and the
  docstrings behind it;
- the files outside `docs/` that pages link to: sources, shown as pages.
"""

import ast
import pathlib
import posixpath
import re

from mkdocs.structure import files as files_lib

ROOT = pathlib.Path(__file__).parents[1]
PARTS = sorted(path.parent for path in ROOT.glob("darts_tf/*/__init__.py"))
_LINK = re.compile(r"\]\((?![a-z]+:|#)([^)\s#]+)(#[^)\s]*)?\)")
_FENCE = "``````"


def on_config(config):
    """Adds the reference to the navigation."""
    names = ["darts_tf", *(f"darts_tf.{part.name}" for part in PARTS)]
    pages = [{name: f"api/{name}.md"} for name in [*names, "trainers"]]
    config.nav.append({"Reference": pages})
    return config


def on_files(files, config):
    """Adds the pages of the reference, and those of linked files."""
    pages, seen = {}, set()
    for folder in (ROOT / "darts_tf", *PARTS):
        name = ".".join(folder.relative_to(ROOT).parts)
        objects = [path for path in _objects(name, folder) if path not in seen]
        seen.update(objects)  # each has one place in the reference
        pages[f"api/{name}.md"] = _reference(name, _docstring(folder), objects)
    pages["api/trainers.md"] = _trainers_page()
    waiting = [
        path
        for file in files.documentation_pages()
        for path in _linked(f"docs/{file.src_uri}", file.content_string)
    ]
    while waiting:
        path = waiting.pop()
        uri = _site_uri(path)
        if not path.startswith("docs/") and uri not in pages:
            pages[uri] = _source_text(path)
            if path.endswith(".md"):
                waiting.extend(_linked(path, pages[uri]))
    for uri, text in pages.items():
        files.append(files_lib.File.generated(config, uri, content=text))
    return files


def on_page_markdown(markdown, page, config, files):
    """Makes links lead to where the site has the files."""
    uri = page.file.src_uri
    if uri.startswith("api/"):
        return markdown
    origin = f"docs/{uri}"
    if uri.startswith("source/"):
        origin = uri.removeprefix("source/").removesuffix(".md")
        if not origin.endswith(".md"):
            return markdown  # the text of a program

    def replace(match):
        path = _target(origin, match[1])
        if not (ROOT / path).is_file():
            return match[0]
        there = posixpath.relpath(
            _site_uri(path), posixpath.dirname(uri) or "."
        )
        return f"]({there}{match[2] or ''})"

    return _LINK.sub(replace, markdown)


def _linked(origin, text):
    """Returns the files of the repository that a page links to."""
    text = re.sub(r"(?ms)^```.*?^```$", "", text)
    paths = [_target(origin, link) for link, _ in _LINK.findall(text)]
    return [path for path in paths if (ROOT / path).is_file()]


def _target(origin, link):
    return posixpath.normpath(posixpath.join(posixpath.dirname(origin), link))


def _site_uri(path):
    """Returns where a file of the repository stands in the site."""
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    return f"source/{path}.md"


def _source_text(path):
    text = (ROOT / path).read_text(encoding="utf-8")
    if path.endswith(".md"):
        return text
    language = pathlib.Path(path).suffix.removeprefix(".")
    return (
        f"---\nsearch:\n  exclude: true\n---\n# {path}\n\n"
        f"{_FENCE}{language}\n{text}{_FENCE}\n"
    )


def _docstring(folder):
    return ast.get_docstring(_parse(folder / "__init__.py")) or ""


def _objects(name, folder):
    """Returns what a part exports, or else what is public in its modules."""
    exported = [
        f"{node.module}.{alias.name}"
        for node in _parse(folder / "__init__.py").body
        if isinstance(node, ast.ImportFrom) and node.module != "darts_tf"
        for alias in node.names
        # A module, such as the zoo, is not what it exports but where.
        if not (
            ROOT / node.module.replace(".", "/") / f"{alias.name}.py"
        ).is_file()
        and not alias.name.startswith("_")
    ]
    return exported or [
        f"{name}.{path.stem}.{node.name}"
        for path in sorted(folder.glob("*.py"))
        for node in _parse(path).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
    ]


def _parse(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def _trainers_page():
    modules = [
        f"trainers.{path.stem}"
        for path in sorted((ROOT / "trainers").glob("*.py"))
        if "options.main(" in path.read_text(encoding="utf-8")
        and path.stem != "options"
    ]
    return _reference(
        "trainers",
        "The commands. `python -m trainers.NAME --helpshort` lists the flags.",
        modules,
    )


def _reference(name, text, objects):
    lines = [f"# {name}", "", text]
    for path in objects:
        lines += ["", f"::: {path}"]
    return "\n".join([*lines, ""])
