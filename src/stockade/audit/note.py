"""Signed notes: a text that a person can read, and below it who has signed it (C2SP signed-note, "Format").

::

    stockade.example/node1
    2
    Q0cQ/aG9uJ3QgY2FyZSAyQ0cQ/aG9uJ3QgY2FyZSAyQA=

    — stockade.example/node1 LxyaB…

The text ends with a newline; an empty line follows; then a line per signature: an em dash, the name of a key, and in
base64 the four octets of its identifier and the signature. The text may hold empty lines: the last one divides.

Signatures of unknown keys are passed over, so that witnesses and new keys can be added without asking anybody. A
signature of a known key that does not fit condemns the whole note.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Self

from stockade.audit.checkpoint import decode_base64
from stockade.audit.keys import PrivateKey, PublicKey
from stockade.errors import Tampered

MAX_SIZE: Final = 1_000_000
"""Octets of a note. The sixteen signatures that must be read at least (signed-note) take a tenth of it."""
MAX_SIGNATURES: Final = 64


@dataclass(frozen=True, slots=True)
class Signature:
    """One line below a note."""

    name: str
    id: bytes
    value: bytes

    def __str__(self) -> str:
        return f"— {self.name} {b64encode(self.id + self.value).decode()}\n"


@dataclass(frozen=True, slots=True)
class Signer:
    """A known key that has signed a note, and when, in seconds since the epoch, if its signature tells."""

    key: PublicKey
    time: int | None


@dataclass(frozen=True, slots=True)
class Note:
    """A text with signatures that nobody has looked at yet."""

    text: str
    signatures: tuple[Signature, ...]

    def __bytes__(self) -> bytes:
        return (self.text + "\n" + "".join(map(str, self.signatures))).encode()

    @classmethod
    def signed(cls, text: str, keys: Iterable[PrivateKey], now: float) -> Self:
        """Sign a text with each of the keys."""
        return cls(text, tuple(Signature(k.name, k.public_key.id, k.sign(text, now)) for k in keys))

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read a note without believing it. Raises Tampered when it is none."""
        if len(raw) > MAX_SIZE:
            raise Tampered(f"a note of {len(raw):,} octets is too long to be one")
        try:
            whole = raw.decode()
        except UnicodeDecodeError:
            raise Tampered("a note is UTF-8, this is not") from None
        if any(c < " " and c != "\n" for c in whole):
            raise Tampered("a note holds no control characters, this one does")
        text, divider, below = whole.rpartition("\n\n")
        lines = below.split("\n")
        if not (divider and below.endswith("\n") and 1 < len(lines) <= MAX_SIGNATURES + 1):
            raise Tampered("a note is a text, an empty line and signatures, and ends with a newline")
        return cls(text + "\n", tuple(map(_signature, lines[:-1])))

    def signers(self, keys: Sequence[PublicKey]) -> list[Signer]:
        """Those of the keys that have signed it, in the order of ``keys``; none when no signature is of a known key.

        Raises Tampered when a signature that names one of them does not fit.
        """
        found: dict[PublicKey, Signer] = {}
        for signature in self.signatures:
            for key in keys:
                if (key.name, key.id) == (signature.name, signature.id):
                    found[key] = Signer(key, key.check(self.text, signature.value))
        return [found[key] for key in keys if key in found]


def _signature(line: str) -> Signature:
    dash, name, encoded = [*line.split(" "), "", ""][:3]
    raw = decode_base64(encoded) if line == f"{dash} {name} {encoded}" else b""
    if dash != "—" or not name or "+" in name or len(raw) < 5:
        raise Tampered(f"not the line of a signature: {line[:60]!r}")
    return Signature(name, raw[:4], raw[4:])
