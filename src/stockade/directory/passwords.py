"""Passwords: argon2id, the same time for everybody, and no more at once than the machine has processors."""

from __future__ import annotations

import base64
import os
from collections.abc import Container
from threading import BoundedSemaphore
from typing import NoReturn
from unicodedata import normalize

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from stockade.directory.refusals import UnknownCredentials, WeakPassword
from stockade.directory.tokens import token_kind
from stockade.directory.verified import Verified
from stockade.errors import Tampered
from stockade.events import Ref

SHORTEST, LONGEST = 8, 1024  # NIST SP 800-63B section 5.1.1.2 asks for at least 8, and that 64 be allowed
_LEAKED = "It is known from a leak of another site, and what leaked is tried first: choose another."
_RULE = f"Use {SHORTEST} to {LONGEST} characters that are neither the account's name nor a token."


class Passwords:
    """Hashes and verifies passwords by argon2id with the parameters of RFC 9106 section 4, second choice, unless told.

    One verification takes 64 MiB and tens of milliseconds, so at most ``at_once`` of them run together; others wait.
    None of those in ``breached`` may be chosen.
    """

    def __init__(
        self,
        hasher: PasswordHasher | None = None,
        *,
        at_once: int | None = None,
        breached: Container[bytes] | None = None,
    ) -> None:
        self._breached: Container[bytes] = () if breached is None else breached
        self._hasher = hasher or PasswordHasher()
        self._turn = BoundedSemaphore(at_once or os.cpu_count() or 1)
        self._verified = Verified()
        self._nobody = _hash_of_nothing(self._hasher)

    def hash(self, password: str, *, name: str) -> str:
        """The hash to keep for the account ``name``; raises WeakPassword."""
        secret = _prepared(password)
        if not secret or len(password) < SHORTEST or password.casefold() == name or token_kind(password):
            raise WeakPassword(_RULE)
        if secret in self._breached:
            raise WeakPassword(_LEAKED)
        with self._turn:
            return self._hasher.hash(secret)

    def verify(self, stored: str, password: str, now: float, *, holder: Ref | None = None) -> None:
        """Return when the password is the one hashed in ``stored``.

        Raises UnknownCredentials, naming ``holder`` for the record, and Tampered when ``stored`` is no hash.
        """
        secret = _prepared(password) or b""
        if self._verified.remembers(stored, secret, now):
            return
        if not self._matches(stored, secret):
            raise UnknownCredentials("wrong password", holder)
        self._verified.remember(stored, secret, now)

    def refuse(self, password: str, refusal: UnknownCredentials) -> NoReturn:
        """Raise the refusal after as long as a wrong password takes: for who does not exist, or has no password."""
        self._matches(self._nobody, _prepared(password) or b"")
        raise refusal

    def rehash(self, password: str) -> str:
        """The hash to keep for a password that has just been verified, by the parameters used now."""
        with self._turn:
            return self._hasher.hash(_prepared(password) or b"")

    def outdated(self, stored: str) -> bool:
        """Whether the hash was made with other parameters than are used now."""
        return self._hasher.check_needs_rehash(stored)

    def _matches(self, stored: str, secret: bytes) -> bool:
        try:
            with self._turn:
                return self._hasher.verify(stored, secret)
        except InvalidHashError as error:
            raise Tampered("A stored password is not an argon2 hash.", remedy="Look who wrote it; reset it.") from error
        except VerificationError:
            return False


def _prepared(password: str) -> bytes | None:
    """The bytes to hash: NFKC (NIST SP 800-63B section 5.1.1.2), so that every keyboard agrees. None when it can be
    no password.
    """
    if len(password) > LONGEST:
        return None
    try:
        return normalize("NFKC", password).encode()
    except UnicodeEncodeError:
        return None


def _hash_of_nothing(hasher: PasswordHasher) -> str:
    """A well-formed hash that no password has, to be verified when there is none to verify."""
    salt, tag = (
        base64.b64encode(os.urandom(size)).rstrip(b"=").decode() for size in (hasher.salt_len, hasher.hash_len)
    )
    costs = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${costs}${salt}${tag}"
