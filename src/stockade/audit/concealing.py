"""Keeps out of the log what must not stand there in clear: secrets, and what is personal.

::

    Concealer.create(Path("audit-secrets"))
    concealer = Concealer(Path("audit-secrets"))
    log = AuditLog(Path("audit"), Path("audit-signer"), script=concealer.script)
    log.append(Event(now, "token.use", details={"token": Secret(token), "name": Personal("Alice Jones", alice)}))

A ``Secret`` is written as its *fingerprint*, HMAC-SHA-256 (RFC 2104) under a key that nobody but the writer has: who
holds the secret can look it up, who holds the log learns nothing. A ``Personal`` value is encrypted under the key of
the person it is about, and can be erased by destroying that key. The directory belongs on another disk than the log,
and apart from the signer's::

    fingerprint       the key of fingerprints
    subjects/…        the keys of people
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from secrets import token_bytes
from typing import Any, Final

from stockade.audit.durable import write_durably
from stockade.audit.record import Script
from stockade.audit.subjects import Subjects
from stockade.errors import ConfigurationError
from stockade.events import Personal, Secret

FINGERPRINT: Final = "fingerprint"
SUBJECTS: Final = "subjects"
PREFIX: Final = "hmac-sha256:"
_BLOCK: Final = 64
_BOX: Final = frozenset({"personal", "key", "box"})


class Concealer:
    """The keys in one directory, and what is done with them."""

    def __init__(self, folder: Path) -> None:
        """Raises ConfigurationError when there is no key of fingerprints."""
        try:
            key = bytes.fromhex((folder / FINGERPRINT).read_text().strip())
        except (OSError, ValueError) as error:
            remedy = "Name the directory that was made for the secrets of this log."
            raise ConfigurationError(f"{folder} holds no key of fingerprints", remedy=remedy) from error
        padded = key.ljust(_BLOCK, b"\0")
        self._inner, self._outer = (sha256(bytes(each ^ pad for each in padded)) for pad in (0x36, 0x5C))
        self.subjects = Subjects(folder / SUBJECTS)
        self.script = Script(self._write)

    @staticmethod
    def made_in(folder: Path) -> bool:
        """Whether there are keys."""
        return (folder / FINGERPRINT).exists()

    @classmethod
    def create(cls, folder: Path) -> None:
        """Make the keys. Raises ConfigurationError when there are some already."""
        if cls.made_in(folder):
            raise ConfigurationError(
                f"{folder} already holds a key of fingerprints", remedy="Choose another directory."
            )
        (folder / SUBJECTS).mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        write_durably(folder / FINGERPRINT, token_bytes(32).hex().encode() + b"\n")

    def fingerprint(self, secret: str) -> str:
        """What stands in the log for a secret (RFC 2104; the first block of either hash is worked out once)."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(secret.encode("utf-8", "surrogatepass"))
        outer.update(inner.digest())
        return PREFIX + outer.hexdigest()

    def is_of(self, fingerprint: str, secret: str) -> bool:
        """Whether a fingerprint is that of a secret, compared in constant time."""
        return hmac.compare_digest(fingerprint.encode(), self.fingerprint(secret).encode())

    def reveal(self, value: Any) -> Any:
        """The details of an entry with what is personal in clear, or ``(erased)``."""
        if isinstance(value, Mapping):
            if value.keys() == _BOX and all(isinstance(each, str) for each in value.values()):
                return self.subjects.decrypt(dict(value))
            return {name: self.reveal(each) for name, each in value.items()}
        return [self.reveal(each) for each in value] if isinstance(value, list) else value

    def _write(self, value: object) -> object:
        if isinstance(value, Secret):
            return self.fingerprint(value.value)
        if isinstance(value, Personal):
            try:
                return self.subjects.encrypt(value.value, value.subject)
            except OSError:  # no room for a key: then the event is recorded without it, and still not in clear
                return repr(value)
        return str(value)
