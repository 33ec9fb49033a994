import doctest
import subprocess
import sys
import types

from trainers import late

_SCRIPT = """
import sys
from trainers import late

with late.imports():
    import wave
    import email.mime
    from email.mime import text
    from email import charset as renamed

assert not {"wave", "email"} & {*sys.modules}, sys.modules
assert renamed.Charset("utf-8").input_charset == "utf-8"
assert text.MIMEText("a").get_payload() == "a"
assert "wave" not in sys.modules
text.MIMEText = 3  # as a test replaces something
import email.mime.text
assert email.mime.text.MIMEText == 3
del text.MIMEText
assert not hasattr(email.mime.text, "MIMEText")
assert "open" in dir(wave)
import colorsys  # at once again
assert "colorsys" in sys.modules
"""


def test_modules_are_imported_when_they_are_used():
    subprocess.run([sys.executable, "-c", _SCRIPT], check=True)


def test_a_module_that_is_there_is_not_replaced():
    with late.imports():
        import subprocess as ours
        from collections import abc

    assert ours is subprocess
    assert abc is sys.modules["collections.abc"]
    assert type(abc) is types.ModuleType


_WITHOUT_PACKAGE = """
import pathlib, sys
from trainers import late

folder = pathlib.Path(sys.argv[1], "parts", "inner")
folder.mkdir(parents=True)
(folder.parent / "__init__.py").write_text("raise AssertionError")
(folder / "data.py").write_text("import fractions\\nHALF = 0.5")
sys.path.insert(0, sys.argv[1])
with late.without_package():
    from parts.inner import data
assert data.HALF == 0.5
assert data.fractions.Fraction(1, 2) == data.HALF
assert "parts" not in sys.modules
for name in ("parts.inner.missing", "missing.inner.data"):
    package, _, module = name.rpartition(".")
    try:
        with late.without_package():
            exec(f"from {package} import {module}")
    except (ModuleNotFoundError, FileNotFoundError) as error:
        assert "missing" in str(error), error
    else:
        raise AssertionError(name)
import colorsys  # as usual again
assert "colorsys" in sys.modules
"""


def test_a_file_of_data_is_imported_without_its_package(tmp_path):
    subprocess.run(
        [sys.executable, "-c", _WITHOUT_PACKAGE, str(tmp_path)], check=True
    )


def test_a_file_whose_package_is_there_is_not_imported_again():
    import darts_tf.spaces.paper

    with late.without_package():
        from darts_tf.spaces import paper

    assert paper is darts_tf.spaces.paper


def test_examples_run():
    results = doctest.testmod(late)
    assert results.attempted
    assert not results.failed
