"""Second factors that are a matter of arithmetic: codes of an authenticator (RFC 6238), and codes for when it is lost.

Times are seconds since the epoch. A code counts once: whoever keeps the factor remembers the step of the last one.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from typing import Final
from urllib.parse import quote, urlencode

import pyotp

from stockade.directory.secret import Secret

PERIOD: Final = 30
"""Seconds of a step (RFC 6238 section 4.1)."""
WINDOW: Final = 1
"""Steps that a code may be early or late: clocks differ, and people type slowly (RFC 6238 section 5.2)."""
DIGITS: Final = 6
RECOVERY_CODES: Final = 10
_RECOVERY_OCTETS: Final = 10  # 80 bits: what is kept of a code is a plain digest


def new_totp_key() -> Secret:
    """A new key: 160 bits in base 32, as authenticators take it (RFC 4226 section 4, R6)."""
    return Secret(pyotp.random_base32())


def totp_step(key: str, code: str, now: float, *, last: int = 0) -> int | None:
    """The step whose code this is, within the window around ``now`` and later than ``last``; None when it is none."""
    digits = "".join(code.split())
    if len(digits) != DIGITS or not (digits.isascii() and digits.isdecimal()):
        return None
    totp, current = pyotp.TOTP(key, interval=PERIOD, digits=DIGITS), int(now // PERIOD)
    steps = range(max(last + 1, current - WINDOW), current + WINDOW + 1)
    right = [step for step in steps if hmac.compare_digest(totp.generate_otp(step), digits)]
    return right[0] if right else None


def totp_uri(key: str, account: str, issuer: str) -> Secret:
    """What a QR code says to an authenticator (the key URI format, ``otpauth://totp/…``)."""
    label = f"{quote(issuer, safe='')}:{quote(account, safe='')}"
    return Secret(f"otpauth://totp/{label}?{urlencode({'secret': key, 'issuer': issuer}, quote_via=quote)}")


def new_recovery_codes() -> list[Secret]:
    """Codes to be printed, each good once, such as ``kq3f-7xoz-…``."""
    return [_in_groups(secrets.token_bytes(_RECOVERY_OCTETS)) for _ in range(RECOVERY_CODES)]


def recovery_code(text: str) -> str:
    """The code as it is digested, however it was typed."""
    return "".join(c for c in text.lower() if c.isalnum())


def _in_groups(octets: bytes) -> Secret:
    text = base64.b32encode(octets).decode().lower()
    return Secret("-".join(text[at : at + 4] for at in range(0, len(text), 4)))
