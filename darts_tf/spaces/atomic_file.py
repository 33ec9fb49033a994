"""Writes a file so that a reader never meets half of one."""

import contextlib
import os
import pathlib
from collections.abc import Generator


@contextlib.contextmanager
def replacing(
    path: str | os.PathLike[str],
    previous: str | os.PathLike[str] | None = None,
) -> Generator[pathlib.Path]:
    """Replaces a file in one step, at the end of a `with` block.

    The block writes a temporary file in the same folder, with the same
    suffix. Then it reaches the disk, and only then takes the name of the
    target. After a crash, an error in the block or on a full disk the old
    content is still there, whole.

    Args:
        path: String or path, the file to write. Its folder must exist.
        previous: Optional string or path in the same folder, where the old
            content is kept. For an instant it has only this name. Defaults
            to `None`, it is not kept.

    Yields:
        The temporary file as a `pathlib.Path`.

    Raises:
        OSError: If the folder is missing or cannot be written, or if the block
            wrote no file.

    Example:

    >>> import pathlib, tempfile
    >>> from darts_tf.spaces import atomic_file
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name, "numbers.bin")
    >>> with atomic_file.replacing(path) as temporary:
    ...     _ = temporary.write_bytes(b"123")
    >>> path.read_bytes()
    b'123'
    >>> folder.cleanup()
    """
    path = pathlib.Path(path)
    # The process id keeps two processes from sharing a temporary file.
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        if previous is not None and path.exists():
            os.replace(path, previous)
        os.replace(temporary, path)
        _sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Replaces a text file in one step, as `replacing` does.

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
    with (
        replacing(path) as temporary,
        open(temporary, "w", encoding="utf-8", newline="") as file,
    ):
        file.write(text)


def _sync_folder(folder: pathlib.Path) -> None:
    """Makes the new name outlive a power failure, where that is possible."""
    if os.name != "posix":
        return  # elsewhere a folder cannot be opened
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
