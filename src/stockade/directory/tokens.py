"""Tokens: how they are made, told apart and kept.

A token is a prefix that says what it is (``stk_pat_``, ``stk_dep_``, ``stk_job_`` …), 32 random characters of base 62
(190 bits), and 6 characters of CRC-32 over all before, so that a scanner or a typing error is told apart without a
look-up. Kept is only its SHA-256: with 190 bits of chance in it, there is nothing for a slow hash to slow down.
"""

from __future__ import annotations

import hashlib
import secrets
import string
from zlib import crc32

from stockade.directory.accounts import CredentialKind
from stockade.directory.secret import Secret

PREFIXES = {
    CredentialKind.PERSONAL: "stk_pat_",
    CredentialKind.PROJECT: "stk_prj_",
    CredentialKind.GROUP: "stk_grp_",
    CredentialKind.DEPLOY: "stk_dep_",
    CredentialKind.IMPERSONATION: "stk_imp_",
    CredentialKind.TRIGGER: "stk_trg_",
    CredentialKind.CI_JOB: "stk_job_",
    CredentialKind.REGISTRATION: "stk_reg_",
    CredentialKind.RUNNER: "stk_run_",
    CredentialKind.APPLICATION: "stk_app_",
    CredentialKind.GRANT: "stk_oat_",
}
_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM, _CHECK = 32, 6
_LENGTH = len("stk_pat_") + _RANDOM + _CHECK


def make_token(kind: CredentialKind) -> Secret:
    """A new token, or secret made like one, of a kind; raises KeyError for kinds that have none."""
    body = PREFIXES[kind] + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM))
    return Secret(body + _checksum(body))


def make_code() -> Secret:
    """A new session cookie or one-time code: 256 bits, fit for a URL or a cookie (RFC 4648 section 5)."""
    return Secret(secrets.token_urlsafe(32))


def token_kind(text: str) -> CredentialKind | None:
    """The kind of token that the text has the shape of; None when it is no token of ours."""
    if len(text) != _LENGTH or not text.isascii() or text[-_CHECK:] != _checksum(text[:-_CHECK]):
        return None
    return next((kind for kind, prefix in PREFIXES.items() if text.startswith(prefix)), None)


def digest(secret: str) -> str:
    """What is kept of a token, cookie or code: its SHA-256 in hexadecimal."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _checksum(body: str) -> str:
    number, digits = crc32(body.encode()), ""
    for _ in range(_CHECK):
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits
