"""The main of every Bazel test target: hands the test file to pytest."""

import os
import sys

import pytest


class DeselectedTests:
    """Counts the tests that the markers left out, such as the slow ones."""

    def __init__(self):
        self.count = 0

    def pytest_deselected(self, items):
        self.count += len(items)


def main(arguments):
    """Runs pytest and returns the exit status of the target."""
    deselected = DeselectedTests()
    # Bazel's folder is read-only, so pytest gets no cache.
    status = pytest.main(
        ["-p", "no:cacheprovider", *arguments], plugins=[deselected]
    )
    # A file of slow tests only is fine, a file without any test is not.
    if status == pytest.ExitCode.NO_TESTS_COLLECTED and deselected.count:
        return 0
    return int(status)


if __name__ == "__main__":
    # Keras writes to the home folder, and Bazel lets a test write here only.
    os.environ["HOME"] = os.environ["TEST_TMPDIR"]
    sys.exit(main(sys.argv[1:]))
