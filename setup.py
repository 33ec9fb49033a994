"""Builds the package; everything about it stands in pyproject.toml.

This file exists for tools that still look for it: an editable install by an
old pip, and build systems that call `python setup.py`.
"""

import setuptools

setuptools.setup()
