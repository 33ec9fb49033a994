"""What users may import: the public paths, page by page of the reference.

A package that imports names makes these public, under its own path. Of the
others, the modules listed here are public, and what is defined in them. All of
it is read off the sources, so that nothing has to be imported.
"""

import ast
import pathlib

ROOT = pathlib.Path(__file__).parents[1]

# The pages, in the order of the navigation.
PACKAGES = (
    "darts_tf",
    "darts_tf.layers",
    "darts_tf.models",
    "darts_tf.search",
    "darts_tf.optimizers",
    "darts_tf.callbacks",
    "darts_tf.distribution",
    "darts_tf.tuner",
    "darts_tf.data",
    "darts_tf.export",
    "darts_tf.interop",
    "darts_tf.visualize",
)
# Where users import a module of a package: `from darts_tf.data import streams`.
MODULES = {
    "darts_tf": ("spaces/zoo.py",),
    "darts_tf.search": ("hypergradient.py",),
    "darts_tf.data": (
        "augmentation.py",
        "corpus.py",
        "image_classification.py",
        "imagenet_augmentation.py",
        "lazy_images.py",
        "splitting.py",
        "streams.py",
        "text_streams.py",
    ),
}


def pages(once=True):
    """Returns the public paths of all packages.

    Args:
        once: Boolean, whether what two packages export is listed at the first
            of them only. Defaults to `True`.

    Returns:
        A dictionary from the paths of the packages to lists of paths.

    Example:

    >>> pages()["darts_tf.optimizers"][0]
    'darts_tf.optimizers.Adam'
    """
    seen, result = set(), {}
    for package in PACKAGES:
        folder = ROOT / package.replace(".", "/")
        found = [
            (f"{package}.{name}", origin)
            for name, origin in _exported(folder / "__init__.py")
        ]
        for file in MODULES.get(package, ()):
            path = folder / file
            origin = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found += [
                (f"{package}.{path.stem}.{name}", (origin, name))
                for name in _defined(path)
            ]
        result[package] = []
        for path, origin in found:
            if not (once and origin in seen):
                seen.add(origin)
                result[package].append(path)
    return result


def docstring(package):
    """Returns the docstring of a package, or an empty string."""
    path = ROOT / package.replace(".", "/") / "__init__.py"
    return ast.get_docstring(_parse(path)) or ""


def _exported(path):
    """Yields the names that a package imports, and where they are defined."""
    for node in _parse(path).body:
        if isinstance(node, ast.ImportFrom):
            module = ROOT / str(node.module).replace(".", "/")
            for alias in node.names:
                # A module is not what a package exports but where.
                is_module = (module / f"{alias.name}.py").is_file()
                is_package = (module / alias.name).is_dir()
                if not (is_module or is_package or alias.name[0] == "_"):
                    yield alias.name, (node.module, alias.name)


def _defined(path):
    """Returns the names of the public classes and functions of a module."""
    return [
        node.name
        for node in _parse(path).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
    ]


def _parse(path):
    return ast.parse(path.read_text(encoding="utf-8"))
