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


def test_examples_run():
    results = doctest.testmod(late)
    assert results.attempted
    assert not results.failed
