"""Follows a growing file by its lines, through rotation and truncation, and remembers how far it was read."""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from stockade.errors import ConfigurationError
from stockade.guard.logs.formats.line import MAX_LINE

CHUNK: Final = 262_144
HEAD: Final = 256
"""The first bytes of a file, by which it is known again under another name or inode."""
GRACE: Final = 5.0
"""Seconds for which a file that was rotated away is still read: its writer may not have noticed yet."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far a file was read: the file by its device, inode and the digest of its first ``length`` bytes."""

    device: int
    inode: int
    offset: int
    length: int
    head: str

    @classmethod
    def load(cls, path: Path) -> Position | None:
        """What was written down; None when there is nothing that can be read."""
        try:
            return cls(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def save(self, path: Path) -> None:
        """Write it down in one step, for the owner alone."""
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(asdict(self), file)
        draft.replace(path)


class OpenFile:
    """One file that is being read; what follows its last newline waits until the line is whole."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("rb", buffering=0)
        found = os.fstat(self._file.fileno())
        if not stat.S_ISREG(found.st_mode):
            self._file.close()
            raise ConfigurationError(
                f"not a file: {path}", remedy="Give it a regular file; standard input can be replayed."
            )
        self.identity = (found.st_dev, found.st_ino)
        self.offset = 0
        self._head = self._first_bytes()
        self._partial = b""
        self._overlong = False

    def lines(self) -> Iterator[bytes]:
        """The whole lines that have been written since; of one that is too long, its beginning."""
        while chunk := self._file.read(CHUNK):
            *whole, self._partial = (self._partial + chunk).split(b"\n")
            for line in whole:
                self.offset += len(line) + 1
                if not self._overlong:
                    yield line[:MAX_LINE]
                self._overlong = False
            if len(self._partial) > MAX_LINE:
                yield from self._cut()

    def _cut(self) -> Iterator[bytes]:
        beginning, self._partial = self._partial, b""
        self.offset += len(beginning)
        if not self._overlong:
            yield beginning[:MAX_LINE]
        self._overlong = True

    def rest(self) -> Iterator[bytes]:
        """A last line without its newline, when no more will come."""
        if self._partial and not self._overlong:
            yield self._partial
        self.offset += len(self._partial)
        self._partial = b""

    def rewritten(self) -> bool:
        """Was it truncated, or is there something else in it now?"""
        if os.fstat(self._file.fileno()).st_size < self.offset + len(self._partial):
            return True
        head = self._first_bytes()
        if not head.startswith(self._head):
            return True
        self._head = head
        return False

    def start_at(self, offset: int) -> None:
        """Go on reading from here; at the beginning, from the first byte that is not a hole."""
        if offset == 0:  # a writer that does not append leaves a hole where the truncated text was
            with suppress(OSError):
                offset = os.lseek(self._file.fileno(), 0, os.SEEK_DATA)
        self._file.seek(offset)
        self.offset, self._partial, self._overlong = offset, b"", False
        self._head = self._first_bytes()

    def holds(self, position: Position) -> bool:
        """Is this the file in which a position was written down?"""
        size = os.fstat(self._file.fileno()).st_size
        head = os.pread(self._file.fileno(), min(position.length, HEAD), 0)
        return size >= position.offset and digest(head) == position.head

    def position(self) -> Position:
        """How far it was read."""
        return Position(*self.identity, self.offset, len(self._head), digest(self._head))

    def _first_bytes(self) -> bytes:
        return os.pread(self._file.fileno(), HEAD, 0)

    def close(self) -> None:
        """Let go of it."""
        self._file.close()


def digest(head: bytes) -> str:
    """The first bytes of a log without telling what they are."""
    return sha256(head).hexdigest()


def inode(path: Path) -> int | None:
    """The inode at a path; None when nothing is there any more."""
    try:
        return path.stat().st_ino
    except OSError:
        return None


LISTINGS: Final = 3
"""How often a folder is listed for the file that was read: one that is renamed meanwhile can escape a listing."""


class Tail:
    """The lines of a file that other programs write, rotate and truncate.

    ``position`` names a file where the place is kept, so that a restart goes on where it stopped, even when the log was
    rotated meanwhile. ``say`` takes what an operator should hear. Raises ConfigurationError for what is not a regular
    file.
    """

    def __init__(
        self,
        path: Path,
        *,
        position: Path | None = None,
        say: Callable[[str], None] = print,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path = path
        self.say = say
        self.clock = clock
        self._kept = position
        self._kept_last: Position | None = None
        self._file: OpenFile | None = None
        self._leaving: OpenFile | None = None
        self._leave_at = 0.0
        self._told: set[str] = set()
        self._start()

    @property
    def opened(self) -> bool:
        """Has the file been there yet?"""
        return self._file is not None

    def lines(self) -> Iterator[bytes]:
        """Every whole line since the last call, without its newline; nothing when there is none."""
        yield from self._drain_leaving()
        if self._file is None:
            self._file = self._open(self.path)
        if self._file is None:
            return
        if self._file.rewritten():
            self.say(f"{self.path}: truncated; reading it from its beginning")
            self._file.start_at(0)
        yield from self._file.lines()
        if self._rotated(self._file):
            yield from self._take_new(self._file)

    def _take_new(self, old: OpenFile) -> Iterator[bytes]:
        new = self._open(self.path)
        if new is None:
            return
        yield from old.lines()  # all that was written before there was a new file
        self.say(f"{self.path}: rotated; going on with the new file")
        yield from self._leave()
        self._leaving, self._leave_at, self._file = old, self.clock() + GRACE, new
        yield from new.lines()

    def _drain_leaving(self) -> Iterator[bytes]:
        if self._leaving is not None:
            yield from self._leaving.lines()
            if self.clock() >= self._leave_at:
                yield from self._leave()

    def _leave(self) -> Iterator[bytes]:
        if self._leaving is not None:
            yield from self._leaving.lines()
            yield from self._leaving.rest()
            self._leaving.close()
            self._leaving = None

    def _rotated(self, file: OpenFile) -> bool:
        try:
            found = self.path.stat()
        except OSError:
            return False
        return (found.st_dev, found.st_ino) != file.identity

    def _open(self, path: Path) -> OpenFile | None:
        try:
            return OpenFile(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            if str(error) not in self._told:
                self._told.add(str(error))
                self.say(f"{path}: cannot be opened: {error.strerror}; trying on")
            return None

    def _start(self) -> None:
        """Find the place that was kept: in the file itself, or in one that it was rotated or copied to."""
        kept = Position.load(self._kept) if self._kept else None
        if kept is None:
            return
        for _ in range(LISTINGS):
            found = next((f for path in self._namesakes(kept) if (f := self._holding(path, kept)) is not None), None)
            if found is not None:
                self._go_on(found, kept)
                return
        self.say(f"{self.path}: the place where reading had stopped is gone; reading from the beginning")

    def _holding(self, path: Path, kept: Position) -> OpenFile | None:
        """The file at this path, if it is the one in which the position was written down."""
        file = self._open(path)
        if file is not None and not file.holds(kept):
            file.close()
            return None
        return file

    def _go_on(self, file: OpenFile, kept: Position) -> None:
        file.start_at(kept.offset)
        if self._rotated(file) or not self.path.exists():
            self._leaving, self._leave_at = file, self.clock() + GRACE
        else:
            self._file = file

    def _namesakes(self, kept: Position) -> list[Path]:
        """The file and those named after it, the one with the inode first."""
        beside = [p for p in self.path.parent.glob(f"{self.path.name}?*") if p.is_file()]
        same = {p for p in [self.path, *beside] if inode(p) == kept.inode}
        return sorted([self.path, *beside], key=lambda p: (p not in same, p != self.path, p.name))

    def remember(self) -> None:
        """Write down how far was read."""
        file = self._file or self._leaving
        if self._kept is None or file is None:
            return
        position = file.position()
        if position != self._kept_last:
            position.save(self._kept)
            self._kept_last = position

    def close(self) -> None:
        """Write down how far was read, and let go of the files."""
        self.remember()
        for file in (self._leaving, self._file):
            if file is not None:
                file.close()
        self._leaving = self._file = None
