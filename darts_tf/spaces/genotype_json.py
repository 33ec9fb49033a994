"""The JSON form of a genotype, as text and as plain Python values."""

import json
import reprlib
from collections.abc import Mapping
from collections.abc import Sequence
from typing import cast

from darts_tf import checks

# The name of the file in the folder of a run.
FILE = "genotype.json"
FORMAT = "darts_tf.genotype"
VERSION = 1
# The largest genotype of the largest space, with names of the largest length,
# takes a third of it; DARTS_V2 takes 631 characters.
MAX_LENGTH = 1_000_000


def write(cells: Mapping[str, Mapping[str, object]]) -> str:
    """Returns JSON with one line for each node.

    Args:
        cells: The config of each cell, by cell type.
    """
    head = [f'  "format": "{FORMAT}"', f'  "version": {VERSION}']
    body = [_cell_lines(name, config) for name, config in cells.items()]
    return "{\n" + ",\n".join(head + body) + "\n}\n"


def _cell_lines(cell_type: str, config: Mapping[str, object]) -> str:
    nodes = cast("Sequence[object]", config["nodes"])
    lines = ",\n".join(f"      {json.dumps(node)}" for node in nodes)
    return (
        f'  "{cell_type}": {{\n'
        f'    "num_inputs": {json.dumps(config["num_inputs"])},\n'
        f'    "nodes": [\n{lines}\n    ],\n'
        f'    "concat": {json.dumps(config["concat"])}\n'
        "  }"
    )


def read(text: object, cell_types: Sequence[str]) -> dict[str, object]:
    """Reads JSON and returns what it holds for each cell type.

    Args:
        text: String, the JSON.
        cell_types: Strings, the cell types that may occur.

    Returns:
        A dictionary of cell configs by cell type, not yet validated.

    Raises:
        ValueError: If the text is no JSON, or not of this format and version.
    """
    if not isinstance(text, str) or len(text) > MAX_LENGTH:
        raise ValueError(
            f"`text` must be a string of at most {MAX_LENGTH} characters. "
            f"Received: text={reprlib.repr(text)}"
        )
    try:
        content: object = json.loads(
            text,
            object_pairs_hook=_distinct_keys,
            parse_constant=_refuse_constant,
        )
    # The decoder descends into nested brackets by recursion.
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"`text` must be the JSON of a genotype ({error}). "
            f"Received: text={reprlib.repr(text)}"
        ) from error
    fields = checks.mapping(
        content, "genotype", ("format", "version"), cell_types
    )
    if fields["format"] != FORMAT:
        raise ValueError(
            f'`format` must be "{FORMAT}". '
            f"Received: format={reprlib.repr(fields['format'])}"
        )
    checks.integer(fields["version"], "version", VERSION, VERSION)
    return {name: fields[name] for name in cell_types if name in fields}


def _distinct_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Refuses a key that stands twice, of which JSON would keep the last."""
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError(
            f"keys must differ. Received: {reprlib.repr([k for k, _ in pairs])}"
        )
    return result


def _refuse_constant(name: str) -> object:
    raise ValueError(f"numbers must be finite. Received: {name}")
