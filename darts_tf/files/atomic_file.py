"""Writes a file so that a reader never meets half of one."""

import contextlib
import errno
import os
import pathlib
import re
import time
from collections.abc import Generator

# A temporary file, with the number of the process that writes it.
_TEMPORARY = re.compile(r"\..+\.(\d+)\.tmp(\.[^.]*)?")
# No file of this library takes so long to write, in seconds.
_LONG = 3600


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
            wrote no file; it names the file.

    Example:

    >>> import pathlib, tempfile
    >>> from darts_tf.files import atomic_file
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
    except OSError as error:
        raise not_written(path, error) from error
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
    >>> from darts_tf.files import atomic_file
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


def not_written(path: str | os.PathLike[str], error: OSError) -> OSError:
    """Returns an error that says which file could not be written.

    A full disk is found out while a file is written, and then the error of
    the system does not name it.

    Args:
        path: String or path, the file.
        error: What was raised.

    Returns:
        An `OSError` of the same number.

    Example:

    >>> from darts_tf.files import atomic_file
    >>> atomic_file.not_written("a.npz", OSError(28, "No space left on device"))
    OSError(28, "'a.npz' could not be written (No space left on device)")
    """
    return OSError(
        error.errno or errno.EIO,
        f"{os.fspath(path)!r} could not be written ({error.strerror or error})",
    )


def remove_leftovers(folder: str | os.PathLike[str]) -> None:
    """Removes the temporary files of processes that were killed.

    Those of other processes that are running stay.

    Args:
        folder: String or path, a folder in which files were written by this
            module. It may be missing.

    Raises:
        OSError: If a file cannot be removed.

    Example:

    >>> import pathlib, tempfile
    >>> from darts_tf.files import atomic_file
    >>> folder = tempfile.TemporaryDirectory()
    >>> pathlib.Path(folder.name, ".config.999999999.tmp.json").touch()
    >>> atomic_file.remove_leftovers(folder.name)
    >>> list(pathlib.Path(folder.name).iterdir())
    []
    >>> folder.cleanup()
    """
    if not os.path.isdir(folder):
        return
    for file in pathlib.Path(folder).iterdir():
        match = _TEMPORARY.fullmatch(file.name)
        if match and not _is_written(file, int(match[1])):
            file.unlink(missing_ok=True)


def _is_written(file: pathlib.Path, process: int) -> bool:
    """Tells whether another process may be writing a temporary file."""
    # A new process may have got the number of a dead one: this process, as in
    # a container, or any other, whose file would not be so old.
    if process == os.getpid():
        return False
    with contextlib.suppress(FileNotFoundError):
        if time.time() - file.stat().st_mtime > _LONG:
            return False
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        pass  # there is one, of another user
    return True


def _sync_folder(folder: pathlib.Path) -> None:
    """Makes the new name outlive a power failure, where that is possible."""
    if os.name != "posix":
        return  # elsewhere a folder cannot be opened
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
