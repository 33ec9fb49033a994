"""Reads the genotypes of a file, whichever program wrote it."""

import codecs
import pathlib
import re

from darts_tf.spaces import genotype as genotype_lib
from darts_tf.spaces import genotype_json
from darts_tf.spaces import genotype_text

# Not where a Python file defines what a genotype is.
_START = re.compile(r"(?<!\w)(?<!class )Genotype\(")
_QUOTED_OR_BRACKET = re.compile(r"""'[^'\n]*'|"[^"\n]*"|[()\[\]{}]""")
# Windows writes these before a text, and PowerShell writes UTF-16.
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def read_genotypes(path):
    """Returns the genotypes in a file, in order.

    It is the JSON of one genotype, as `darts_tf.Genotype.save` writes it, or a
    text with published forms: a genotype alone, on one line or on several, a
    Python file that defines some, or the log of a search, which has one for
    each epoch, as in

        2018-06-01 12:00:00,123 genotype = Genotype(normal=[...], ...)

    Args:
        path: String or path of the file.

    Returns:
        Tuple of `darts_tf.Genotype`, the last of which a search ended with.

    Raises:
        ValueError: If there is no genotype in the file, or one is damaged.
        OSError: If the file cannot be read.

    Example:

    >>> with open("log.txt", "w") as file:
    ...     print("genotype =", darts_tf.zoo.DARTS_V2.to_text(), file=file)
    >>> darts_tf.interop.read_genotypes("log.txt")[-1] == darts_tf.zoo.DARTS_V2
    True
    """
    path = pathlib.Path(path).expanduser()
    with path.open("rb") as file:
        start = file.read(64)
    marks = (_MARKS[mark] for mark in _MARKS if start.startswith(mark))
    encoding = next(marks, "utf-8")
    with path.open(encoding=encoding, errors="replace") as file:
        if start.decode(encoding, "ignore").lstrip().startswith("{"):
            return (_from_json(file, path),)
        genotypes = tuple(_from_lines(file, path))
    if not genotypes:
        raise ValueError(
            "A file of genotypes has the JSON of one, or lines with "
            f"`Genotype(...)`. Received: path={str(path)!r}, which has none"
        )
    return genotypes


def _from_json(file, path):
    # One more than allowed: a huge file is refused, and not read.
    text = file.read(genotype_json.MAX_LENGTH + 1)
    try:
        return genotype_lib.Genotype.from_json(text)
    except ValueError as error:
        raise ValueError(
            f"`path` must be a genotype file ({error}). "
            f"Received: path={str(path)!r}"
        ) from error


def _from_lines(file, path):
    """Yields the genotypes of a text, which may be as long as it will."""
    text, depth, begun = "", 0, 0
    for number, line in enumerate(file, 1):
        place = 0
        while depth or (match := _START.search(line, place)):
            if not depth:
                text, depth, begun = match[0], 1, number
                place = match.end()
            end, depth = _close(line, place, depth)
            text, place = text + line[place:end], end
            if depth and len(text) <= genotype_text.MAX_LENGTH:
                break  # it goes on in the next line
            yield _from_text(text, begun, path)
    if depth:
        yield _from_text(text, begun, path)


def _close(line, place, depth):
    """Returns how far the open brackets reach, and how many stay open."""
    for match in _QUOTED_OR_BRACKET.finditer(line, place):
        depth += (match[0] in "([{") - (match[0] in ")]}")
        if not depth:
            return match.end(), 0
    return len(line), depth


def _from_text(text, number, path):
    try:
        return genotype_lib.Genotype.from_text(text)
    except ValueError as error:
        raise ValueError(f"In line {number} of {path}: {error}") from error
