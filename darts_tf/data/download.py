"""Fetches a published file once, and only if it is the right one."""

import hashlib
import http.client
import os
import pathlib
import urllib.error
import urllib.request

_TIMEOUT = 3.0  # seconds that the host may stay silent


def fetch(url, path, sha256, advice):
    """Downloads a file and stores it under its name when it is whole.

    The checksum is taken before anything is written, and the file gets its
    name in one step at the end. Whatever goes wrong, `path` is either absent
    or complete.

    Args:
        url: String, where the file is published.
        path: String or path, where to store it. Missing folders are made.
        sha256: String, the checksum as 64 hexadecimal digits.
        advice: String, what to do without a network; ends the error message.

    Returns:
        `pathlib.Path`, the stored file.

    Raises:
        ConnectionError: If the host is not reached within 3 seconds, falls
            silent for as long, or has no such file.
        ValueError: If the checksum is another one.

    Example:

    >>> from darts_tf.data import download
    >>> download.fetch("http://127.0.0.1:1/a.txt", "a.txt", "0" * 64, "Copy.")
    Traceback (most recent call last):
    ...
    ConnectionError: Cannot download 'http://127.0.0.1:1/a.txt' (...). Copy.
    """
    path = pathlib.Path(path)
    content = _read(url, advice)
    received = hashlib.sha256(content).hexdigest()
    if received != sha256:
        raise ValueError(
            f"The file for {str(path)!r} must have the SHA-256 {sha256}; it "
            f"was not kept. Received: {received} from {url!r}"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(path, content)
    return path


def _read(url, advice):
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT) as response:
            return response.read()
    # A connection that ends early is an HTTPException, and no OSError.
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        if isinstance(error, urllib.error.HTTPError):
            error.close()  # it holds the open connection
            reason = f"{error.code} {error.reason}"
        raise ConnectionError(
            f"Cannot download {url!r} ({reason}). {advice}"
        ) from error


def _write(path, content):
    # The process id keeps two processes from sharing a temporary file.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
