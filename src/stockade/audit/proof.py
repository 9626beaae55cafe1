"""One entry that proves itself: a small file that anybody can check, without the log (C2SP tlog-proof).

::

    c2sp.org/tlog-proof@v1
    extra eyJzZXEiOjcs…            the entry itself, in base64
    index 7
    gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=
    …                              the hashes beside the way from the entry to the root (RFC 6962 section 2.1.1)

    stockade.example/node1         the signed head
    …

What the format calls *extra* is not authenticated by itself: it is believed here because its hash is what the proof is
about.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from stockade.audit.checkpoint import Checkpoint, decode_base64
from stockade.audit.keys import PublicKey
from stockade.audit.merkle import check_inclusion, leaf_hash
from stockade.audit.note import MAX_SIZE, Note
from stockade.errors import Tampered

HEADER: Final = "c2sp.org/tlog-proof@v1"
MOST_HASHES: Final = 63


@dataclass(frozen=True, slots=True)
class Proof:
    """That ``entry`` is number ``index`` in the log whose signed head is ``note``."""

    index: int
    entry: bytes
    hashes: tuple[bytes, ...]
    note: bytes

    @property
    def text(self) -> str:
        """The file."""
        lines = [HEADER, f"extra {_encoded(self.entry)}", f"index {self.index}", *map(_encoded, self.hashes)]
        return "".join(f"{line}\n" for line in lines) + "\n" + self.note.decode()

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read a file without believing it. Raises Tampered when it is no proof, or has no entry with it."""
        if len(raw) > 2 * MAX_SIZE:
            raise Tampered(f"a proof of {len(raw):,} octets is too long to be one")
        try:
            above, _, note = raw.decode().partition("\n\n")
        except UnicodeDecodeError:
            raise Tampered("a proof is UTF-8, this is not") from None
        header, extra, index, *hashes = [*above.split("\n"), "", ""] if above.count("\n") < 2 else above.split("\n")
        if header != HEADER or not extra.startswith("extra ") or len(hashes) > MOST_HASHES:
            raise Tampered(f"a proof begins with {HEADER}, an entry and its number")
        entry = decode_base64(extra.removeprefix("extra "))
        return cls(_number(index), entry, tuple(map(decode_base64, hashes)), note.encode())

    def check(self, keys: Sequence[PublicKey]) -> Checkpoint:
        """The head that the entry is shown to be under. Raises Tampered unless it is, and all ``keys`` have signed."""
        note = Note.parse(self.note)
        if not keys or len(note.signers(keys)) != len(keys):
            raise Tampered("the head in the proof is not signed with the keys that were given")
        head = Checkpoint.parse(note.text)
        check_inclusion(self.index, head.size, leaf_hash(self.entry), head.root, self.hashes)
        return head


def _number(line: str) -> int:
    number = line.removeprefix("index ")[:20]
    if not (number.isascii() and number.isdecimal()) or f"index {int(number)}" != line:
        raise Tampered(f"not the number of an entry: {line[:40]!r}")
    return int(number)


def _encoded(raw: bytes) -> str:
    return b64encode(raw).decode()
