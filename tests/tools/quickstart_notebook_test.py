"""The notebook is the page of the quickstart, and runs."""

import json
import os
import pathlib

import pytest

from tools import quickstart_notebook

ROOT = pathlib.Path(__file__).parents[2]
PATH = ROOT / "docs" / "quickstart.ipynb"


def test_notebook_is_made_of_the_page():
    assert PATH.read_text() == quickstart_notebook.notebook(), (
        "run python tools/quickstart_notebook.py"
    )


def test_notebook_has_each_block_of_the_page():
    cells = json.loads(PATH.read_text())["cells"]
    code = "".join(
        "".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"
    )
    for name in ("DartsSearchModel", "ConvNetwork", "export_tflite"):
        assert name in code
    assert cells[0]["source"][0] == "# Quickstart\n"


@pytest.mark.slow
def test_notebook_runs(tmp_path, monkeypatch):
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    notebook = nbformat.read(PATH, as_version=4)
    nbclient.NotebookClient(
        notebook,
        timeout=900,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    ).execute()
    assert (tmp_path / "cell.svg").exists()
    assert (tmp_path / "network.tflite").exists()
