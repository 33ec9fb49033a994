"""Writes a text file so that a reader never meets half of one."""

import os
import pathlib


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Replaces a text file in one step.

    The text goes to a temporary file in the same folder, reaches the disk,
    and only then takes the name of the target. After a crash or on a full
    disk the old content is still there, whole.

    Args:
        path: String or path, the file to write. Its folder must exist.
        text: String, the whole new content; stored as UTF-8, its line ends
            unchanged.

    Raises:
        OSError: If the folder is missing or cannot be written.

    Example:

    >>> import pathlib, tempfile
    >>> from darts_tf.spaces import atomic_file
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name, "note.txt")
    >>> atomic_file.write_text(path, "done")
    >>> path.read_text()
    'done'
    >>> folder.cleanup()
    """
    path = pathlib.Path(path)
    # The process id keeps two processes from sharing a temporary file.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
