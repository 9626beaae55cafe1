"""A file for new secrets, which nobody but its owner can read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from stockade.errors import ConfigurationError


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
        os.write(fd, line.encode())
        os.fsync(fd)

    return write
