"""Writes a TFLite file as an array of C, for a microcontroller."""

import pathlib
import re

from ai_edge_litert import interpreter as litert

from darts_tf.export import assets
from darts_tf.export import memory
from darts_tf.export import networks
from darts_tf.export import saved_model

_PER_LINE = 12


def export_c_array(tflite, path, name="network"):
    """Writes a `.tflite` file as a C header, to be compiled into a program.

    A microcontroller has no file system: the bytes of the file become an
    array in flash memory, aligned as LiteRT for Microcontrollers reads it. The
    header also has the size of the arena that `count_ram` finds, and in its
    comment what goes in, what comes out and the names of the classes.

    Args:
        tflite: String or path, a file written by `export_tflite`; one of the
            precision `"int8"` is what microcontrollers compute fast.
        path: String or path, the file `.h` to write; it must not exist yet.
        name: String, the name of the array in C. Defaults to `"network"`.

    Returns:
        The file as a `pathlib.Path`.

    Raises:
        FileExistsError: If there is something at the path.
        OSError: If there is no `.tflite` file.
        ValueError: If the name is not an identifier of C, or the first path
            not that of a `.tflite` file.

    Example:

    >>> import tempfile
    >>> network = darts_tf.ConvNetwork(
    ...     darts_tf.zoo.DARTS_V2, filters=2, num_cells=1
    ... )
    >>> network.build((None, 8, 8, 1))
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = darts_tf.export.export_saved_model(network, folder.name + "/net")
    >>> file = darts_tf.export.export_tflite(path, folder.name + "/net.tflite")
    >>> header = darts_tf.export.export_c_array(file, folder.name + "/net.h")
    >>> "const unsigned char network[]" in header.read_text()
    True
    >>> folder.cleanup()
    """
    if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError(
            "`name` must be an identifier of C: letters, digits and "
            f"underscores. Received: name={name!r}"
        )
    networks.check_file(tflite, "a .tflite file")
    path = saved_model.check_new(path)
    content = pathlib.Path(tflite).read_bytes()
    lines = [
        ", ".join(f"0x{byte:02x}" for byte in content[at : at + _PER_LINE])
        for at in range(0, len(content), _PER_LINE)
    ]
    guard = f"{name.upper()}_H_"
    text = "\n".join(
        [
            "/*",
            *(f" * {line}" for line in _facts(tflite)),
            " */",
            f"#ifndef {guard}",
            f"#define {guard}",
            "",
            "#ifdef __cplusplus",
            f"#define {guard}ALIGNED alignas(16)",
            "#else",
            f"#define {guard}ALIGNED _Alignas(16)",
            "#endif",
            "",
            "/* Bytes for the tensors, without what single kernels need. */",
            f"static const unsigned int {name}_arena_size = "
            f"{memory.count_ram(tflite)};",
            f"static const unsigned int {name}_size = {len(content)};",
            f"{guard}ALIGNED static const unsigned char {name}[] = {{",
            *(f"    {line}," for line in lines),
            "};",
            "",
            f"#endif  /* {guard} */",
            "",
        ]
    )
    path.write_text(text, encoding="utf-8")
    return path


def _facts(tflite):
    """Returns lines that say what goes in and what comes out."""
    interpreter = litert.Interpreter(str(tflite))
    lines = []
    for direction, details in (
        ("input", interpreter.get_input_details()),
        ("output", interpreter.get_output_details()),
    ):
        for each in details:
            shape = "x".join(map(str, each["shape"]))
            scale, zero = each["quantization"]
            line = f"{direction}: {each['dtype'].__name__} {shape}"
            if scale:
                line += f", value = {scale:.9g} * (level - {zero})"
            lines.append(line)
    labels = assets.read_assets(tflite).get("labels.txt")
    if labels is not None:
        # Nothing in a name must end the comment.
        names = ", ".join(labels.splitlines()).replace("*/", "* /")
        lines.append(f"classes: {names}")
    return lines
