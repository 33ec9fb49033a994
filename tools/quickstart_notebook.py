"""Writes docs/quickstart.ipynb from the Python part of docs/quickstart.md.

    python tools/quickstart_notebook.py

The notebook is the page, cell by cell; a test compares them, and the slow
tests run it.
"""

import json
import pathlib
import re

DOCS = pathlib.Path(__file__).parents[1] / "docs"
_START = "## The same in Python\n"
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)


def notebook():
    """Returns the text of the notebook."""
    page = (DOCS / "quickstart.md").read_text(encoding="utf-8")
    text = page[page.index(_START) :].replace(_START, "# Quickstart\n", 1)
    cells = []
    for k, part in enumerate(_BLOCK.split(text)):
        if not part.strip():
            continue
        lines = part.strip().splitlines(keepends=True)
        cell = {"id": f"cell-{k}", "metadata": {}, "source": lines}
        if k % 2:  # what the pattern captured
            cell |= {
                "cell_type": "code",
                "execution_count": None,
                "outputs": [],
            }
        else:
            cell["cell_type"] = "markdown"
        cells.append(cell)
    content = {
        "cells": cells,
        "metadata": {
            "kernelspec": {
                "display_name": "Python 3",
                "language": "python",
                "name": "python3",
            }
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(content, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    (DOCS / "quickstart.ipynb").write_text(notebook(), encoding="utf-8")
