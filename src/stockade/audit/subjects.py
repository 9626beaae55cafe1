"""A key for each person, in a store of its own: what is written under a key can be read as long as the key is there.

A subject's key is a small file, read whenever it is needed and remembered by no process. Destroying it makes everything
unreadable that was ever written under it, wherever copies of the log may be, and changes no octet of the log: every
proof holds as before. Keep no backup of this store for longer than you may keep what is personal.
"""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from secrets import token_bytes

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from stockade.audit.durable import locked, sync_folder, write_durably
from stockade.events import Ref

KEY_SIZE = 32  # AES-256
NONCE_SIZE = 12
ERASED = "(erased)"


@dataclass(frozen=True, slots=True)
class SubjectKey:
    """The key of one person. ``id`` tells it from one that was destroyed before; it says nothing about the key."""

    id: str
    key: bytes = field(repr=False)


class Subjects:
    """The keys in one directory. Safe for any number of processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def encrypt(self, value: str, subject: Ref) -> dict[str, str]:
        """The value in a box that only this subject's key opens (AES-256-GCM, NIST SP 800-38D); made if need be."""
        key = self.find(str(subject)) or self._make(str(subject))
        nonce, name = token_bytes(NONCE_SIZE), str(subject)
        box = AESGCM(key.key).encrypt(nonce, value.encode("utf-8", "surrogatepass"), name.encode())
        return {"personal": name, "key": key.id, "box": b64encode(nonce + box).decode()}

    def decrypt(self, box: dict[str, str]) -> str:
        """What is in a box; ``(erased)`` when its key was destroyed, or it is not as it was made."""
        key = self.find(box["personal"])
        if key is None or key.id != box["key"]:
            return ERASED
        try:
            raw = b64decode(box["box"], validate=True)
            opened = AESGCM(key.key).decrypt(raw[:NONCE_SIZE], raw[NONCE_SIZE:], box["personal"].encode())
        except (ValueError, InvalidTag):
            return ERASED
        return opened.decode("utf-8", "surrogatepass")

    def find(self, subject: str) -> SubjectKey | None:
        """The key of a subject, as ``str(ref)`` names it; none when it was never made, or destroyed."""
        try:
            name, key = self._path(subject).read_text().split()
        except (FileNotFoundError, ValueError):  # gone, or about to go and zeros already
            return None
        return SubjectKey(name, bytes.fromhex(key))

    def destroy(self, subject: str) -> bool:
        """Destroy the key of a subject, for good; False when there is none."""
        path = self._path(subject)
        if not self.folder.is_dir():
            return False
        with locked(self.folder):
            if self.find(subject) is None:
                return False
            with path.open("r+b") as file:
                file.write(bytes(path.stat().st_size))
                os.fsync(file.fileno())
            path.unlink()
            sync_folder(self.folder)
        return True

    def _make(self, subject: str) -> SubjectKey:
        """A new key, on disk when this returns; or the one that another process was faster to make."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(self.folder):
            if (found := self.find(subject)) is not None:
                return found
            made = SubjectKey(token_bytes(8).hex(), token_bytes(KEY_SIZE))
            write_durably(self._path(subject), f"{made.id}\n{made.key.hex()}\n".encode())
        return made

    def _path(self, subject: str) -> Path:
        return self.folder / sha256(subject.encode("utf-8", "surrogatepass")).hexdigest()
