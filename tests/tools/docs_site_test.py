"""The site of the documentation is whole."""

import doctest
import pathlib
import re
import subprocess
import sys

import pytest

from tools import public_paths

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


def test_the_reference_has_public_paths_and_names_each_object_once():
    pages = public_paths.pages()
    assert "darts_tf.ConvNetwork" in pages["darts_tf"]
    assert "darts_tf.layers.MixedOp" in pages["darts_tf.layers"]
    assert "darts_tf.optimizers.SGD" in pages["darts_tf.optimizers"]
    assert "darts_tf.zoo.get" in pages["darts_tf"]
    assert all(pages.values())
    # The network is at the first of the packages that export it.
    assert "darts_tf.models.ConvNetwork" not in pages["darts_tf.models"]
    assert not doctest.testmod(public_paths).failed
    everywhere = public_paths.pages(once=False)["darts_tf.models"]
    assert "darts_tf.models.ConvNetwork" in everywhere


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
    # Each public name has its entry, by the path that users import, and it
    # shows its example as code.
    for package, paths in public_paths.pages().items():
        page = (tmp_path / f"site/api/{package}/index.html").read_text()
        found = re.findall(r'<h2 id="([\w.]+)"', page)
        assert [path for path in found if "." in path] == paths
    page = (tmp_path / "site/api/darts_tf/index.html").read_text()
    assert '<span class="gp">&gt;&gt;&gt; </span>' in page
    # A link to a source leads to its page.
    concepts = (tmp_path / "site/concepts/index.html").read_text()
    link = "../source/darts_tf/search/search_model.py/"
    assert f'href="{link}"' in concepts
    assert (
        (tmp_path / "site/concepts" / link / "index.html").resolve().is_file()
    )
