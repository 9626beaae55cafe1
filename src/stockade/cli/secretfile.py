"""A file for new secrets, which nobody but its owner can read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from stockade.errors import ConfigurationError, Unavailable

_AGAIN = "Make room or name another file, and go on: what is lost is made once more."


def appending(file: Path) -> Callable[[str], None]:
    """Adds lines to a file that is made for its owner alone. Raises ConfigurationError when it cannot be written, and
    when others may read it.
    """
    try:
        fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be written: {error.strerror}") from error
    if os.fstat(fd).st_mode & 0o077:
        os.close(fd)
        raise ConfigurationError(f"others may read {file}", remedy=f"chmod 600 {file}")

    def write(line: str) -> None:
        """Raises Unavailable where it is not on disk, whole."""
        try:
            whole = os.write(fd, line.encode()) == len(line.encode())
            os.fsync(fd)
        except OSError as error:
            raise Unavailable(f"{file} cannot be written: {error.strerror}", remedy=_AGAIN) from error
        if not whole:
            raise Unavailable(f"{file} has taken half a secret: the disk is full", remedy=_AGAIN)

    return write
