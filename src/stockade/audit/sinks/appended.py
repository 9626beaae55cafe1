"""A file that can only grow: a copy of the entries on another disk, sealed with the append-only flag where it can be.

With the flag set the kernel refuses to overwrite, cut, rename or remove the file, to everybody, until somebody with
``CAP_LINUX_IMMUTABLE`` takes it off: so run the carrier without that capability, and set the flag once by hand.
"""

from __future__ import annotations

import json
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from stockade.audit.record import parse
from stockade.audit.sinks.attributes import append_only, set_append_only
from stockade.audit.sinks.parcels import Parcel
from stockade.errors import ConfigurationError, Tampered, Unavailable

FLAGS: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
TAIL: Final = 1 << 18
"""Octets from the end in which the last entry lies, whatever heads come after it."""


class AppendedFile:
    """Entries as lines, and now and then ``{"head":"…"}`` with a signed head."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd, self._next = -1, 0
        self._cut = ""
        self.remark = ""

    def open(self, at: int) -> int:
        """See ``Sink``. What the file holds counts, whatever is remembered."""
        self.close()
        try:
            self._fd = os.open(self._path, FLAGS, 0o600)
            if not stat.S_ISREG(os.fstat(self._fd).st_mode):
                raise ConfigurationError(f"{self._path} is no file", remedy="Name another.")
            self._next = self._last() + 1
            unsealed = "" if append_only(self._fd) else set_append_only(self._fd)
        except OSError as error:
            raise Unavailable(f"{self._path} cannot be written: {error.strerror}") from error
        if self._next < at:
            self._cut = f"it held {self._next} entries, and once had {at}: somebody has cut it"
        self.remark = "; ".join(filter(None, [self._cut, unsealed]))
        return self._next

    def write(self, parcel: Parcel) -> int:
        """See ``Sink``; on disk when this returns."""
        if self._fd < 0:
            raise Unavailable(f"{self._path} is not open")
        if parcel.first > self._next:
            return self._next
        rest = parcel.after(self._next)
        head = json.dumps({"head": parcel.head.decode()}).encode() + b"\n" if parcel.head else b""
        try:
            self._append(rest.body + head)
        except OSError as error:
            raise Unavailable(f"{self._path} cannot be written: {error.strerror}") from error
        self._next = max(self._next, parcel.end)
        return self._next

    def close(self) -> None:
        """See ``Sink``."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1

    def _append(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._fd, rest) :]
        os.fdatasync(self._fd)

    def _last(self) -> int:
        """The number of the last whole entry, -1 when there is none; ends a line that was torn."""
        size = os.fstat(self._fd).st_size
        if not size:
            return -1
        tail = os.pread(self._fd, TAIL, max(0, size - TAIL))
        if not tail.endswith(b"\n"):
            self._append(b"\n")
        for line in reversed(tail.split(b"\n")[:-1]):
            with suppress(Tampered):
                return parse(line).index
        raise Tampered(f"{self._path} holds something else than entries", remedy="Name another file.")


def path_of(url_path: str) -> Path:
    """The path in a ``file:`` URL. Raises ConfigurationError when it is none."""
    if not url_path.startswith("/"):
        raise ConfigurationError("the path of a file sink begins with /", remedy="Write file:///var/log/copy.jsonl.")
    return Path(url_path)
