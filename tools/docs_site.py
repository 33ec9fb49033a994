"""What MkDocs does beside its own work to make the site of `docs/`.

`mkdocs.yml` names this file as a hook. The pages of `docs/` are written to be
read in the repository, so the site needs two things that are not there:

- a reference, made of the public paths of each package and the docstrings
  behind them;
- the files outside `docs/` that pages link to: sources, shown as pages.
"""

import pathlib
import posixpath
import re
import sys

from mkdocs.structure import files as files_lib

ROOT = pathlib.Path(__file__).parents[1]
if str(ROOT) not in sys.path:  # MkDocs runs this file by its path
    sys.path.append(str(ROOT))

from tools import public_paths  # noqa: E402

_LINK = re.compile(r"\]\((?![a-z]+:|#)([^)\s#]+)(#[^)\s]*)?\)")
_FENCE = "``````"


def on_config(config):
    """Adds the reference to the navigation."""
    names = [*public_paths.PACKAGES, "trainers"]
    pages = [{name: f"api/{name}.md"} for name in names]
    config.nav.append({"Reference": pages})
    return config


def on_files(files, config):
    """Adds the pages of the reference, and those of linked files."""
    pages = {
        f"api/{package}.md": _reference(
            package, public_paths.docstring(package), paths
        )
        for package, paths in public_paths.pages().items()
    }
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
