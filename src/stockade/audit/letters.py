"""What the recorder and those who report to it say to one another over a Unix socket: a line of JSON each.

::

    {"hello":"worker 0"}                          → {"welcome":4711}      who reports here, and which process records
    {"must":{…event…},"within":5.0}               → {"entry":17}          it is on disk
    {"keep":[{…event…},…],"lost":0,…}             → {"kept":2}            they are, however long that took
    {…,"mark":"…"}                                                        said beside events: see ``marks``
    {"bye":true}                                                          nothing is left that was not handed over
    {"error":"Unavailable","message":"…","remedy":"…"}                    the answer to what cannot be recorded
"""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

from stockade.audit.marks import MARK, carried
from stockade.errors import StockadeError, Tampered, Unavailable
from stockade.events import Event

MAX_LETTER: Final = 1_000_000
"""Octets of a line."""
_PEER: Final = struct.Struct("3i")
_KINDS: Final[Mapping[str, type[StockadeError]]] = {"Unavailable": Unavailable, "Tampered": Tampered}


def letter(**fields: object) -> bytes:
    """Anything but events."""
    return json.dumps(fields, separators=(",", ":")).encode("ascii") + b"\n"


def must(event: Event, within: float) -> bytes:
    """An event that must be recorded within so many seconds."""
    return b'{"must":%s,"within":%r,"mark":"%s"}\n' % (carried(event), within, MARK.encode())


def keep(bodies: list[bytes], lost: int, since: float, until: float) -> bytes:
    """Events as ``carried`` writes them, and the count of those that were lost before them, from when to when."""
    text = b'{"keep":[%s],"lost":%d,"since":%r,"until":%r,"mark":"%s"}\n'
    return text % (b",".join(bodies), lost, since, until, MARK.encode())


def refusal(error: StockadeError) -> bytes:
    """Why something is not recorded."""
    kind = "Tampered" if isinstance(error, Tampered) else "Unavailable"
    return letter(error=kind, message=error.message, remedy=error.remedy)


def read(lines: BinaryIO) -> dict[str, Any]:
    """The next letter; an empty one at the end. Raises ValueError for what is none."""
    line = lines.readline(MAX_LETTER + 1)
    if not line.endswith(b"\n"):
        return {}
    found = json.loads(line)
    if not isinstance(found, dict):
        raise ValueError("not a letter")  # noqa: TRY004  what was sent is wrong, not what was called
    return found


def answered(found: Mapping[str, Any]) -> Mapping[str, Any]:
    """An answer, unless it is an error: that is raised."""
    if "error" in found:
        kind = _KINDS.get(str(found["error"]), Unavailable)
        raise kind(str(found.get("message", "")), remedy=str(found.get("remedy", "")))
    return found


@contextmanager
def place_of(path: Path) -> Iterator[str]:
    """An address for a socket at this path, which may be longer than the 107 octets that an address has room for."""
    fd = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{fd}/{path.name}"
    finally:
        os.close(fd)


def listening(path: Path) -> socket.socket:
    """A socket at this path, for its owner alone, in the place of one that was left there. Raises OSError."""
    path.unlink(missing_ok=True)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with place_of(path) as address:
            made.bind(address)
        path.chmod(0o600)
        made.listen(128)
    except OSError:
        made.close()
        raise
    return made


def connected(path: Path, timeout: float | None) -> socket.socket:
    """A connection to whoever records here. Raises OSError when nobody does."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.settimeout(timeout)
        with place_of(path) as address:
            made.connect(address)
    except OSError:
        made.close()
        raise
    return made


def recorder_at(path: Path, timeout: float = 1.0) -> int:
    """The process that records here; 0 when none does."""
    try:
        with closing(connected(path, timeout)) as connection, connection.makefile("rb") as lines:
            connection.sendall(letter(hello=""))
            return int(read(lines).get("welcome", 0))
    except (OSError, ValueError):
        return 0


def peer_of(connection: socket.socket) -> int:
    """The user whose process is at the other end, as the kernel knows it."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    return int(_PEER.unpack(raw)[1])
