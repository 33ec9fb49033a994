"""The lists that exist twice agree, and each dependency is explained."""

import pathlib
import re
import tomllib

import pytest

ROOT = pathlib.Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCK = ROOT / "tools" / "bazel" / "requirements_lock.txt"


def requirement_name(requirement):
    name = re.match(r"[\w.-]+", requirement).group()
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("group", ["test", "lint", "onnx", "docs"])
def test_extra_and_dependency_group_are_alike(group):
    extras = PYPROJECT["project"]["optional-dependencies"]
    groups = PYPROJECT["dependency-groups"]
    assert extras[group] == groups[group]


@pytest.mark.parametrize("requirement", PYPROJECT["project"]["dependencies"])
def test_dependency_is_explained(requirement):
    page = (ROOT / "docs" / "dependencies.md").read_text()
    explained = re.findall(r"^\| `(.+?)` \|", page, re.M)
    assert requirement_name(requirement) in map(requirement_name, explained)


def test_bazel_lock_holds_every_requirement():
    project = PYPROJECT["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["test"]
    pinned = re.findall(r"^[\w.-]+(?=(?:\[.*\])?==)", LOCK.read_text(), re.M)
    assert set(map(requirement_name, wanted)) <= set(
        map(requirement_name, pinned)
    )
