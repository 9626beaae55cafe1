"""One growing file: its whole lines, how far it was read, and whether it is still the file that it was."""

from __future__ import annotations

import os
import stat
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from stockade.errors import ConfigurationError
from stockade.lines.line import MAX_LINE

CHUNK: Final = 262_144
HEAD: Final = 1_024
"""The first octets of a file, by which it is known again under another name or inode."""


class Line(NamedTuple):
    """A whole line without its newline, and the offset in its file at which it begins."""

    offset: int
    octets: bytes


@dataclass(frozen=True, slots=True)
class Position:
    """How far a file was read; the file by its inode, and by the digest of its first ``length`` octets."""

    inode: int
    offset: int
    length: int
    head: str


class OpenFile:
    """A file that is being read; what follows its last newline waits until the line is whole.

    ``read_when`` is the time of its last change, in nanoseconds, when it was read to its end or opened.
    """

    def __init__(self, path: Path) -> None:
        """Open it at its beginning. Raises OSError, and ConfigurationError for what is no regular file."""
        self.path = path
        self._file = path.open("rb", buffering=0)
        found = os.fstat(self._file.fileno())
        if not stat.S_ISREG(found.st_mode):
            self._file.close()
            raise ConfigurationError(f"not a file: {path}", remedy="Name a regular file: a stream has no places.")
        self.identity = (found.st_dev, found.st_ino)
        self.offset = 0
        self.read_when = found.st_mtime_ns
        self._lines = deque[bytes]()
        self._partial, self._cut = b"", 0
        self._head = self._first_octets()

    def take(self, most: int) -> list[Line]:
        """At most so many whole lines that were not taken yet; of one that is too long, its beginning."""
        taken: list[Line] = []
        while len(taken) < most:
            if not self._lines and not self._read():
                break
            while self._lines and len(taken) < most:
                line = self._lines.popleft()
                cut, self._cut = self._cut, 0
                taken.append(Line(self.offset, line[:MAX_LINE]))
                self.offset += cut + len(line) + 1
        return taken

    def _read(self) -> bool:
        """Read on; answers whether there is a whole line now."""
        while not self._lines:
            chunk = self._file.read(CHUNK)
            if not chunk:
                self.read_when = os.fstat(self._file.fileno()).st_mtime_ns
                return False
            *whole, self._partial = (self._partial + chunk).split(b"\n")
            self._lines.extend(whole)
            if not whole and len(self._partial) > 2 * MAX_LINE:  # its beginning is enough, its end must still come
                self._cut += len(self._partial) - MAX_LINE
                self._partial = self._partial[:MAX_LINE]
        return True

    def rest(self) -> list[Line]:
        """A last line without its newline, when no more will come."""
        if not self._partial or self._lines:
            return []
        line = Line(self.offset, self._partial[:MAX_LINE])
        self.offset += self._cut + len(self._partial)
        self._partial, self._cut = b"", 0
        return [line]

    def rewritten(self) -> bool:
        """Was it truncated, or is there something else in it now?"""
        read = self.offset + self._cut + len(self._partial) + sum(len(line) + 1 for line in self._lines)
        if os.fstat(self._file.fileno()).st_size < read:
            return True
        head = self._first_octets()
        if not head.startswith(self._head):
            return True
        self._head = head
        return False

    def start_at(self, offset: int) -> None:
        """Go on reading from here; at the beginning, from the first octet that is not a hole."""
        if offset == 0:  # a writer that does not append leaves a hole where the truncated text was
            with suppress(OSError):
                offset = os.lseek(self._file.fileno(), 0, os.SEEK_DATA)
        self._file.seek(offset)
        self.offset, self._partial, self._cut = offset, b"", 0
        self._lines.clear()
        self._head = self._first_octets()

    def holds(self, position: Position) -> bool:
        """Is this the file in which a position was written down, or a copy of it?"""
        size = os.fstat(self._file.fileno()).st_size
        head = os.pread(self._file.fileno(), min(position.length, HEAD), 0)
        return size >= position.offset and digest(head) == position.head

    def position(self) -> Position:
        """How far its lines were taken."""
        return Position(self.identity[1], self.offset, len(self._head), digest(self._head))

    def _first_octets(self) -> bytes:
        return os.pread(self._file.fileno(), HEAD, 0)

    def close(self) -> None:
        """Let go of it."""
        self._file.close()


def digest(head: bytes) -> str:
    """The first octets of a log without telling what they are."""
    return sha256(head).hexdigest()
