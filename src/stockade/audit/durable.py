"""Small files that are replaced in one step and outlive a power cut."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stockade.errors import Tampered


class Swapped:
    """A small file that changes only from what it is believed to be: compare, and swap."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> bytes:
        """What is in it; nothing when it has never been written."""
        return self.path.read_bytes() if self.path.exists() else b""

    def swap(self, old: bytes, new: bytes) -> None:
        """Replace ``old`` by ``new``, on disk when this returns. Raises Tampered when it does not hold ``old``."""
        with locked(self.path.with_name(self.path.name + ".lock")):
            if self.read() != old:
                raise Tampered(
                    f"{self.path} is not what this signer has left there",
                    remedy="Another process signs for this log, or the file was restored. Find out before going on.",
                )
            write_durably(self.path, new)


def write_durably(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Replace a file in one step; on disk when this returns."""
    temporary = path.with_name(f".{path.name}.new")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
    with os.fdopen(fd, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a directory durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Until the end of the block, no other thread or process is in such a block about this directory or file."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | (0 if path.is_dir() else os.O_CREAT), 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
