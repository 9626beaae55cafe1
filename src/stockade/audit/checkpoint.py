"""The head of a log in three lines: which log, how many entries, which root (C2SP tlog-checkpoint, "Note text").

::

    stockade.example/node1
    20852163
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

The first line is the *origin*, a name that nobody else gives a log; then the size in decimal and the root of the Merkle
tree in base64. Further lines are allowed and mean nothing here; we write none.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Self

from stockade.audit.merkle import HASH_SIZE
from stockade.errors import Tampered


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One head of one log."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """What is signed, with its final newline."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text of a note. Raises Tampered when it is no checkpoint."""
        lines = text.split("\n")
        if len(lines) < 4 or not all(lines[:-1]) or lines[-1]:
            raise Tampered("a checkpoint has an origin, a size and a root, each on a line of its own")
        origin, size = lines[0], lines[1]
        if not (size.isascii() and size.isdecimal() and str(int(size[:20])) == size):
            raise Tampered(f"the second line of a checkpoint is a size in decimal, not {size[:40]!r}")
        root = decode_base64(lines[2])
        if len(root) != HASH_SIZE:
            raise Tampered(f"the root in a checkpoint has {len(root)} octets, not {HASH_SIZE}")
        return cls(origin, int(size), root)


def decode_base64(text: str) -> bytes:
    """Base64 of RFC 4648 section 4, of the one spelling that encoding gives. Raises Tampered for any other."""
    try:
        decoded = b64decode(text, validate=True)
    except ValueError:
        decoded = b""
    if b64encode(decoded).decode() != text:
        raise Tampered(f"not base64: {text[:60]!r}")
    return decoded
