"""Values that must be read again, kept so that the database alone does not give them away: AES-256-GCM (NIST SP
800-38D).
"""

from __future__ import annotations

import contextlib
import hmac
import os
from base64 import b64decode, b64encode
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from stockade.directory.secret import Secret
from stockade.errors import ConfigurationError, Tampered

SIZE: Final = 32
_NONCE: Final = 12


class Sealing:
    """Seals and opens values under one key of 32 octets, and names them by a keyed fingerprint.

    ``purpose`` says what a value is and whose, such as ``variable/12``: one that was moved elsewhere does not open.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != SIZE:
            raise ConfigurationError(
                f"A sealing key is {SIZE} octets long.", remedy="Remove the file to have one made."
            )
        self._cipher = AESGCM(hmac.digest(key, b"seal", "sha256"))
        self._naming = hmac.digest(key, b"fingerprint", "sha256")

    @classmethod
    def kept_in(cls, path: Path) -> Sealing:
        """The key in a file, which is made, for its owner alone, when it is not there. Raises ConfigurationError."""
        try:
            if not path.exists():
                _make(path)
            return cls(path.read_bytes())
        except OSError as error:
            raise ConfigurationError(
                f"The sealing key {path} cannot be read: {error.strerror}.",
                remedy="Without it, variables and second factors cannot be used: restore it from where it is saved.",
            ) from error

    def seal(self, value: str, purpose: str) -> str:
        """The value as text that only ``open`` with the same purpose can read."""
        nonce = os.urandom(_NONCE)
        return b64encode(nonce + self._cipher.encrypt(nonce, value.encode(), purpose.encode())).decode()

    def open(self, sealed: str, purpose: str) -> Secret:
        """The value again. Raises Tampered when it was not sealed here, or for another purpose."""
        try:
            raw = b64decode(sealed, validate=True)
            return Secret(self._cipher.decrypt(raw[:_NONCE], raw[_NONCE:], purpose.encode()).decode())
        except (InvalidTag, ValueError) as error:
            raise Tampered(
                f"What is kept as {purpose} was not sealed under this key.", remedy="Look who wrote it; set it anew."
            ) from error

    def fingerprint(self, value: str) -> str:
        """The same for the same value, and nothing that tells it or can be tried against guesses without the key."""
        return hmac.new(self._naming, value.encode("utf-8", "surrogatepass"), "sha256").hexdigest()


def _make(path: Path) -> None:
    """Put a new key there, whole or not at all; of several who do so at once, the first one's counts."""
    with NamedTemporaryFile(dir=path.parent, prefix=path.name) as file:
        file.write(os.urandom(SIZE))
        file.flush()
        os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(file.name, path)
