"""Where everything is in the file: pure arithmetic, and the header that says which arithmetic it is.

::

    header   magic, checksum, layout, clients, rules, secret │ epoch, version of the networks
    names    one unit of 512 bytes for each place that a rule can have
    tags     one number a client: which client it is (0: nobody)
    banned   one float a client: until when any rule or person bans it
    texts    the client's key, for whoever lists bans
    cells    until, dies, spare, then the cells of every rule
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Final

from stockade.guard.arithmetic import CELLS
from stockade.guard.plan import FIRST

MAGIC: Final = b"STOCKADE"
LAYOUT: Final = 1
"""The number of this arithmetic; a file with a lower one is moved aside, and one with a higher one is left alone."""
HEADER: Final = 4096
LIVE: Final = 2048
"""Where, in the header, what changes begins."""
EPOCH, NETWORKS = 0, 1
"""What changes: how often a rule's place was taken back, and how often the banned networks changed."""
WAYS: Final = 32
"""How many clients share a bucket: full enough before one must go, small enough to look through."""
UNIT: Final = 512
TEXT: Final = 96
SECRET: Final = 32

_STATIC: Final = struct.Struct(f"=IIII{SECRET}s")


@dataclass(frozen=True, slots=True)
class Geometry:
    """How many clients and how many places for rules a file has, and what follows from that."""

    clients: int
    rules: int

    @classmethod
    def for_at_least(cls, clients: int, rules: int) -> Geometry:
        """Whole buckets."""
        return cls(-(-clients // WAYS) * WAYS, rules)

    @property
    def width(self) -> int:
        """Cells of one client."""
        return FIRST + CELLS * self.rules

    @property
    def tags(self) -> int:
        """Where the tags begin."""
        return HEADER + UNIT * self.rules

    @property
    def banned(self) -> int:
        """Where the ends of the bans begin."""
        return self.tags + 8 * self.clients

    @property
    def texts(self) -> int:
        """Where the clients' keys begin."""
        return self.banned + 8 * self.clients

    @property
    def cells(self) -> int:
        """Where the cells begin."""
        return self.texts + TEXT * self.clients

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        return self.cells + 8 * self.width * self.clients


def written(geometry: Geometry, secret: bytes) -> bytes:
    """The header of a new file, without the magic, which is written last."""
    body = _STATIC.pack(LAYOUT, WAYS, geometry.clients, geometry.rules, secret)
    return zlib.crc32(body).to_bytes(4, "little") + body


def read(header: bytes) -> tuple[int, Geometry, bytes] | None:
    """Layout, geometry and secret; None when the header is damaged."""
    body = header[12 : 12 + _STATIC.size]
    if len(body) < _STATIC.size or zlib.crc32(body).to_bytes(4, "little") != header[8:12]:
        return None
    layout, _, clients, rules, secret = _STATIC.unpack(body)
    return layout, Geometry(clients, rules), secret
