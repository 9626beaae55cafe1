"""Passwords verified a moment ago: Git sends one with every request, and argon2id is slow on purpose."""

from __future__ import annotations

import hmac
import os
from collections import OrderedDict
from threading import Lock


class Verified:
    """Remembers, for a short time, that a password matched a stored hash; failures are never remembered.

    What is remembered hangs on the stored hash itself, read afresh for each request, so a changed password is a
    different question and is answered anew at once. Entries are named by an HMAC under a key of this process: neither
    the password nor anything that could be tried against guesses outside the process is kept. Bounded; the longest
    unused goes first.
    """

    def __init__(self, *, capacity: int = 1024, lifetime: float = 60.0) -> None:
        self._capacity = capacity
        self._lifetime = lifetime
        self._key = os.urandom(32)
        self._when: OrderedDict[bytes, float] = OrderedDict()
        self._lock = Lock()

    def remembers(self, stored: str, password: bytes, now: float) -> bool:
        """Whether this very pair was verified within the lifetime, in seconds, before ``now``."""
        name = self._name(stored, password)
        with self._lock:
            when = self._when.get(name)
            if when is None or not 0 <= now - when <= self._lifetime:
                self._when.pop(name, None)
                return False
            self._when.move_to_end(name)
            return True

    def remember(self, stored: str, password: bytes, now: float) -> None:
        """Note that the pair was verified at ``now``."""
        name = self._name(stored, password)
        with self._lock:
            self._when[name] = now
            self._when.move_to_end(name)
            if len(self._when) > self._capacity:
                self._when.popitem(last=False)

    def __len__(self) -> int:
        return len(self._when)

    def _name(self, stored: str, password: bytes) -> bytes:
        return hmac.digest(self._key, stored.encode() + b"\0" + password, "sha256")
