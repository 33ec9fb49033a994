"""Stub of rules_python: the packages are those of the interpreter.

Each package of the lock file becomes a library without files, so that the
labels in the BUILD files resolve, and a misspelt one is still an error.
"""

_PACKAGE = """
py_library(
    name = "{name}",
    visibility = ["//visibility:public"],
)
"""

def _pip_parse_impl(repository_ctx):
    lock = repository_ctx.read(repository_ctx.attr.requirements_lock)
    names = {}
    for line in lock.splitlines():
        if "==" in line and not line.startswith("#"):
            name = line.split("==")[0].split("[")[0].strip().lower()
            names[name.replace("-", "_").replace(".", "_")] = None
    for name in names:
        repository_ctx.file(name + "/BUILD", _PACKAGE.format(name = name))
    repository_ctx.file("BUILD", "")
    repository_ctx.file(
        "requirements.bzl",
        "def install_deps():\n    \"\"\"Installs nothing.\"\"\"\n",
    )

pip_parse = repository_rule(
    implementation = _pip_parse_impl,
    attrs = {
        "python_interpreter": attr.string(),
        "requirements_lock": attr.label(),
    },
)
