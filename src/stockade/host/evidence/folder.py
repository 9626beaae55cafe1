"""A folder that only grows: each file is written once, is on disk when that is said, and sealed where that is possible.

With the append-only flag (``chattr +a``, ioctl_iflags(2)) the kernel refuses to overwrite, rename or remove a file,
until somebody with ``CAP_LINUX_IMMUTABLE`` takes it off. A folder on another machine's disk is better; a store with
Object Lock is best.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from stockade.errors import Refused, Tampered, Unavailable
from stockade.host.evidence.store import Receipt

_GET, _SET, _APPEND = 0x80086601, 0x40086602, 0x20
_FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Folder:
    """See ``Store``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.place = str(path)
        self.remark = ""

    def put(self, name: str, octets: bytes) -> Receipt:
        """See ``Store``."""
        path = self._path / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            fd = os.open(path, _FLAGS, 0o400)
        except FileExistsError:
            raise Refused(f"{path} is there already, and nothing is written twice") from None
        except OSError as error:
            raise _away(path, error) from error
        try:
            _write(fd, octets)
            self.remark = seal(fd)
            _sync(path.parent)
        except OSError as error:
            raise _away(path, error) from error
        finally:
            os.close(fd)
        return Receipt()

    def names(self) -> Iterator[str]:
        """See ``Shelf``."""
        for folder, _, files in os.walk(self._path, onerror=_raise):
            for name in files:
                yield os.path.relpath(os.path.join(folder, name), self._path)

    def read(self, name: str, most: int) -> bytes:
        """See ``Shelf``."""
        path = self._path / name
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
            with os.fdopen(fd, "rb") as file:
                octets = file.read(most + 1)
        except FileNotFoundError:
            raise Tampered(f"{name} is gone from {self.place}", remedy="Look for another copy.") from None
        except OSError as error:
            raise Unavailable(f"{path} cannot be read: {error.strerror}") from error
        if len(octets) > most:
            raise Tampered(f"{name} in {self.place} is longer than it can be")
        return octets


def seal(fd: int, *, on: bool = True) -> str:
    """Set the append-only flag of a file, or take it off; answers why that is not possible, nothing when it is done."""
    try:
        flags = int.from_bytes(fcntl.ioctl(fd, _GET, bytes(8)), "little")
        wanted = flags | _APPEND if on else flags & ~_APPEND
        fcntl.ioctl(fd, _SET, wanted.to_bytes(8, "little"))
    except OSError:
        return "its files can be overwritten: only root may set the append-only flag, and not every file system has it"
    return ""


def _write(fd: int, octets: bytes) -> None:
    rest = memoryview(octets)
    while rest:
        rest = rest[os.write(fd, rest) :]
    os.fsync(fd)


def _sync(folder: Path) -> None:
    with suppress(OSError):
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _away(path: Path, error: OSError) -> Unavailable:
    remedy = "Make room or mend it, and go on where it stopped: the same command with --resume."
    return Unavailable(f"{path} cannot be written: {error.strerror}", remedy=remedy)


def _raise(error: OSError) -> None:
    raise Unavailable(f"{error.filename} cannot be read: {error.strerror}") from error
