"""Stub of rules_python: nothing to fetch."""

def py_repositories():
    """Declares no repository."""
