"""One file of entries that grows: written whole or not at all, and watched for strangers' hands."""

from __future__ import annotations

import os
from pathlib import Path

from stockade.audit.durable import sync_folder
from stockade.audit.layout import segment_path


class Segment:
    """The segment that is being written. ``first`` is the number of its first entry, ``size`` its octets on disk."""

    def __init__(self, log: Path, first: int) -> None:
        """Open it at its end, or begin it. Raises OSError."""
        self.first = first
        self.name = segment_path(first)
        self.path = log / self.name
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = not self.path.exists()
        self._fd = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        self.size = os.fstat(self._fd).st_size
        if fresh:
            sync_folder(self.path.parent)

    def write(self, data: bytes) -> None:
        """Add ``data`` at the end; on disk when this returns.

        Raises OSError after taking back whatever part was written, as when the disk is full.
        """
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self._fd, rest) :]
            os.fdatasync(self._fd)
        except OSError:
            self.cut(self.size)
            raise
        self.size += len(data)

    def cut(self, size: int) -> None:
        """Drop everything behind the first ``size`` octets. Raises OSError."""
        os.ftruncate(self._fd, size)
        os.fdatasync(self._fd)
        self.size = size

    def read(self, start: int, end: int) -> bytes:
        """Octets as the disk has them, not the memory of the machine; fewer when the file has become shorter."""
        os.posix_fadvise(self._fd, start, end - start, os.POSIX_FADV_DONTNEED)
        parts, at = [], start
        while at < end and (part := os.pread(self._fd, end - at, at)):
            parts.append(part)
            at += len(part)
        return b"".join(parts)

    def trouble(self) -> str:
        """What somebody else has done to the file since it was last written; nothing when all is well."""
        mine = os.fstat(self._fd)
        try:
            there = self.path.lstat()
        except FileNotFoundError:
            return "deleted"
        if (there.st_dev, there.st_ino) != (mine.st_dev, mine.st_ino):
            return "replaced"
        if mine.st_size != self.size:
            return "shortened" if mine.st_size < self.size else "lengthened"
        return ""

    def seal(self) -> None:
        """Close it for good."""
        os.fchmod(self._fd, 0o400)
        self.close()

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)
