"""Keys that sign heads: their names, their identifiers, and what exactly each kind of them signs.

A key is known by a name and a four-octet identifier, which is the beginning of
SHA-256(name ‖ newline ‖ kind ‖ public key); together they are its public form (C2SP signed-note, "Signatures")::

    stockade.example/node1+2f1c9a07+AcTrQ…

=====  ==========  ===================================================================================================
kind   algorithm   what is signed
=====  ==========  ===================================================================================================
0x01   Ed25519     the text of the note as it stands (signed-note, "Ed25519 signatures"; RFC 8032)
0x04   Ed25519     a cosignature: ``cosignature/v1``, the time, the text (tlog-cosignature, "Ed25519 signed message")
0x06   ML-DSA-44   a cosignature: a binary structure with the name, the time, the origin, the size and the root
                   (tlog-cosignature, "ML-DSA-44 signed message"; FIPS 204)
=====  ==========  ===================================================================================================

A log signs with 0x01, which every reader of such logs understands, and with 0x06 beside it: that holds against quantum
computers, and carries the time, so an old head cannot be shown as today's. Witnesses sign with 0x04 or 0x06.

The private form is that of golang.org/x/mod/sumdb/note: ``PRIVATE+KEY+name+identifier+base64(kind ‖ seed)``.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from secrets import token_bytes
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from stockade.audit.checkpoint import Checkpoint, decode_base64
from stockade.errors import ConfigurationError, Tampered

ED25519: Final = 0x01
COSIGNATURE: Final = 0x04
MLDSA44: Final = 0x06
TIMED: Final = {COSIGNATURE, MLDSA44}
"""Kinds whose signatures begin with eight octets of seconds since the epoch."""

_PUBLIC_SIZE: Final = {ED25519: 32, COSIGNATURE: 32, MLDSA44: 1312}
_PRIVATE: Final = "PRIVATE+KEY+"


@dataclass(frozen=True)
class PublicKey:
    """Somebody whose signature can be checked."""

    name: str
    kind: int
    public: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Raises ConfigurationError for a name that no note can hold, and for a key of another length."""
        if not self.name or "+" in self.name or any(c.isspace() or not c.isprintable() for c in self.name):
            raise ConfigurationError(f"a key cannot be named {self.name!r}: no spaces, no plus sign, not empty")
        if len(self.public) != _PUBLIC_SIZE.get(self.kind):
            raise ConfigurationError(f"the key {self.name} is of no kind that is known here")

    @cached_property
    def id(self) -> bytes:
        """Four octets that tell keys of one name apart; not a secret, and easily imitated."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{b64encode(bytes([self.kind]) + self.public).decode()}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``name+identifier+key``. Raises ConfigurationError when that is no key, or not the one it says."""
        name, claimed, raw = _taken_apart(text)
        key = cls(name, raw[0], raw[1:])
        if key.id.hex() != claimed:
            raise ConfigurationError(f"the key {name}+{claimed} is damaged", remedy="Copy the whole line again.")
        return key

    def check(self, text: str, signature: bytes) -> int | None:
        """The time that is signed with it, if any. Raises Tampered unless this key has signed ``text``."""
        timed = self.kind in TIMED
        time = int.from_bytes(signature[:8], "big") if timed else None
        try:
            self._verify(signature[8:] if timed else signature, _message(self, text, time or 0))
        except InvalidSignature:
            raise Tampered(
                f"the signature of {self.name}+{self.id.hex()} does not fit what is signed",
                remedy="What was signed has been changed, or somebody else has signed it. Do not trust it.",
            ) from None
        return time

    def _verify(self, signature: bytes, message: bytes) -> None:
        if self.kind == MLDSA44:
            MLDSA44PublicKey.from_public_bytes(self.public).verify(signature, message)
        else:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)


@dataclass(frozen=True)
class PrivateKey:
    """Somebody who can sign. ``seed``, 32 octets, is the secret."""

    name: str
    kind: int
    seed: bytes = field(repr=False)

    @classmethod
    def generate(cls, name: str, kind: int = ED25519) -> Self:
        """A new key."""
        return cls(name, kind, token_bytes(32))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what ``secret_text`` wrote. Raises ConfigurationError, without repeating any of it."""
        if not text.startswith(_PRIVATE):
            raise ConfigurationError("a private key begins with PRIVATE+KEY+")
        name, claimed, raw = _taken_apart(text.removeprefix(_PRIVATE))
        if raw[0] not in _PUBLIC_SIZE or len(raw) != 33:
            raise ConfigurationError(f"the private key {name} is of no kind that is known here")
        key = cls(name, raw[0], raw[1:])
        if key.public_key.id.hex() != claimed:
            raise ConfigurationError(f"the private key {name}+{claimed} is damaged")
        return key

    @property
    def secret_text(self) -> str:
        """The key as a line for a file that nobody else can read."""
        parts = (self.name, self.public_key.id.hex(), b64encode(bytes([self.kind]) + self.seed).decode())
        return _PRIVATE + "+".join(parts)

    @cached_property
    def public_key(self) -> PublicKey:
        """What checks its signatures."""
        return PublicKey(self.name, self.kind, self._signer.public_key().public_bytes_raw())

    @cached_property
    def _signer(self) -> Ed25519PrivateKey | MLDSA44PrivateKey:
        if self.kind == MLDSA44:
            return MLDSA44PrivateKey.from_seed_bytes(self.seed)
        return Ed25519PrivateKey.from_private_bytes(self.seed)

    def sign(self, text: str, now: float) -> bytes:
        """The signature of a text; ``now``, in seconds since the epoch, goes into those that tell the time."""
        time = int(now)
        signature = self._signer.sign(_message(self, text, time))
        return (time.to_bytes(8, "big") if self.kind in TIMED else b"") + signature


def _taken_apart(text: str) -> tuple[str, str, bytes]:
    name, claimed, encoded = [*text.strip().split("+", 2), "", ""][:3]
    try:
        raw = decode_base64(encoded)
    except Tampered:
        raw = b""
    if not raw:
        raise ConfigurationError("a key is written name+identifier+base64", remedy="Copy the whole line again.")
    return name, claimed, raw


def _message(key: PublicKey | PrivateKey, text: str, time: int) -> bytes:
    """What a key of this kind signs to sign ``text``. Raises Tampered when it signs heads and ``text`` is none."""
    if key.kind == ED25519:
        return text.encode()
    if key.kind == COSIGNATURE:
        return f"cosignature/v1\ntime {time}\n{text}".encode()
    head, name = Checkpoint.parse(text), key.name.encode()
    origin = head.origin.encode()
    whose = bytes([len(name)]) + name + time.to_bytes(8, "big") + bytes([len(origin)]) + origin
    return b"subtree/v1\n\0" + whose + bytes(8) + head.size.to_bytes(8, "big") + head.root
