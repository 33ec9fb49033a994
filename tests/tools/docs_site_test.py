"""The site of the documentation is whole."""

import pathlib
import re
import subprocess
import sys

import pytest

import darts_tf

ROOT = pathlib.Path(__file__).parents[2]


def test_every_page_is_in_the_navigation():
    listed = re.findall(
        r": ([\w/]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.M
    )
    pages = [
        str(path.relative_to(ROOT / "docs"))
        for path in (ROOT / "docs").rglob("*.md")
    ]
    assert sorted(listed) == sorted(pages)


@pytest.mark.slow
def test_site_builds_without_a_warning(tmp_path):
    pytest.importorskip("mkdocs")
    pytest.importorskip("material")
    pytest.importorskip("mkdocstrings_handlers.python")
    process = subprocess.run(
        [
            sys.executable,
            *("-m", "mkdocs", "build", "--strict", "--quiet"),
            *("--config-file", ROOT / "mkdocs.yml"),
            *("--site-dir", tmp_path / "site"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    # Each public name has its entry, and it shows its example as code.
    page = (tmp_path / "site/api/darts_tf/index.html").read_text()
    for name, value in vars(darts_tf).items():
        if isinstance(value, type) or callable(value):
            assert re.search(rf'<h2 id="[\w.]+\.{name}"', page), name
    assert '<span class="gp">&gt;&gt;&gt; </span>' in page
    # A link to a source leads to its page.
    concepts = (tmp_path / "site/concepts/index.html").read_text()
    link = "../source/darts_tf/search/search_model.py/"
    assert f'href="{link}"' in concepts
    assert (
        (tmp_path / "site/concepts" / link / "index.html").resolve().is_file()
    )
