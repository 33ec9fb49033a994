"""A file as an array of C: the same bytes, and text that compiles."""

import re
import shutil
import subprocess

import pytest

from darts_tf import export


@pytest.fixture(scope="module")
def header(small, tmp_path_factory):
    path = tmp_path_factory.mktemp("c") / "network.h"
    return export.export_c_array(small.int8, path)


def test_the_array_has_the_bytes_of_the_file(small, header):
    text = header.read_text()
    body = text[text.index("{\n") : text.index("};")]
    content = bytes(int(byte, 16) for byte in re.findall("0x(..)", body))
    assert content == small.int8.read_bytes()
    assert f"network_size = {len(content)};" in text
    assert f"network_arena_size = {export.count_ram(small.int8)};" in text


def test_the_comment_says_what_goes_in_and_out(header):
    comment = header.read_text().split("*/")[0]
    assert "input: uint8 1x16x16x3, value = 1 * (level - 0)" in comment
    assert "output: uint8 1x2, value = 0.00390625 * (level - 0)" in comment
    # A name of a class must not end the comment.
    assert "classes: cat, * / dog" in comment


@pytest.mark.parametrize("compiler", ["cc", "c++"])
def test_compilers_take_it(small, header, compiler, tmp_path):
    if shutil.which(compiler) is None:
        pytest.skip(f"no {compiler} on this machine")
    suffix = ".c" if compiler == "cc" else ".cc"
    source = tmp_path / f"main{suffix}"
    source.write_text(
        '#include <stdio.h>\n#include <stdint.h>\n#include "network.h"\n'
        "int main(void) {\n"
        "  unsigned place = (unsigned)((uintptr_t)network % 16);\n"
        '  printf("%u %u", network_size, place);\n'
        "  return network_arena_size == 0;\n}\n"
    )
    program = tmp_path / "main"
    subprocess.run(
        [compiler, "-Wall", "-Werror", f"-I{header.parent}", source]
        + ["-o", program],
        check=True,
    )
    printed = subprocess.run([program], check=True, capture_output=True)
    assert printed.stdout.decode() == f"{small.int8.stat().st_size} 0"


def test_what_cannot_be_written_is_refused(small, header, tmp_path):
    with pytest.raises(ValueError, match="identifier of C.*'2nd-net'"):
        export.export_c_array(small.int8, tmp_path / "a.h", "2nd-net")
    with pytest.raises(FileExistsError, match=r"must not exist yet"):
        export.export_c_array(small.int8, header)
    with pytest.raises(ValueError, match=r"a \.tflite file"):
        export.export_c_array("network.keras", tmp_path / "a.h")
