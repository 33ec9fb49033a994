"""Writes tables in Markdown."""


def table(header, rows):
    """Returns a table.

    Args:
        header: List of strings, the names of the columns.
        rows: List of lists of as many values; `None` leaves a cell empty.

    Returns:
        String, lines that end with a line break.

    Example:

    >>> print(table(["form", "s"], [["merged", 1.5], ["plain", None]]), end="")
    | form | s |
    |---|---|
    | merged | 1.5 |
    | plain | |
    """
    lines = [header, *rows]
    written = ["".join(f"| {_text(v)}" for v in line) + "|" for line in lines]
    written.insert(1, "|" + "---|" * len(header))
    return "".join(f"{line}\n" for line in written)


def _text(value):
    return "" if value is None else f"{value} "


def write(path, text):
    """Writes a text to a file, if there is one.

    Args:
        path: String, or `None`.
        text: String.
    """
    if path is not None:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
