#!/usr/bin/env bash
# Builds and tests everything with Bazel, without a network.
#
#     apt-get install bazel-bootstrap        # Debian; Bazel 4.2.3
#     . .venv/bin/activate                   # holds the packages of `.[dev]`
#     tools/bazel/offline.sh                 # or: offline.sh //tests:docs_test
#
# The Python that is active runs the tests and brings the packages. The stubs
# beside this script stand in for the repositories that Bazel would download:
# rules_python, and rules_cc and rules_java, which Bazel loads on its own
# account. Each stub hands on the rules that are built into old Bazel.
#
# BAZEL names another Bazel, BAZEL_JOBS the number of parallel jobs (1: one
# TensorFlow test can use every core). Bazel's output stays in a folder of the
# user's cache, so that a second run builds only what changed.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/../.."

bazel=${BAZEL:-bazel}
jobs=${BAZEL_JOBS:-1}
targets=("${@:-//...}")

if ! command -v "$bazel" >/dev/null; then
  echo "Bazel is expected on the PATH. Received: BAZEL=$bazel" >&2
  exit 1
fi
if ! python3 -c 'import pytest, tensorflow' 2>/dev/null; then
  echo "python3 is expected to have the packages of '.[dev]': activate the" \
    "virtual environment. Received: python3=$(command -v python3)" >&2
  exit 1
fi

# --batch: no server stays behind.
startup=(--batch)
common=(
  --override_repository="remote_coverage_tools=$here/stubs/remote_coverage_tools"
  --override_repository="rules_cc=$here/stubs/rules_cc"
  --override_repository="rules_java=$here/stubs/rules_java"
  --override_repository="rules_python=$here/stubs/rules_python"
  --symlink_prefix=/
  --jobs="$jobs"
  --action_env=PATH
)

# Bazel's own finder of Python looks on the PATH, so that is handed on.
"$bazel" "${startup[@]}" build "${common[@]}" "${targets[@]}"
"$bazel" "${startup[@]}" test "${common[@]}" --test_env=PATH \
  --local_test_jobs="$jobs" --test_output=errors "${targets[@]}"
