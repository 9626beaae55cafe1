"""Proof Key for Code Exchange (RFC 7636): who redeems a code is who asked for it. ``S256`` alone is spoken; ``plain``
protects nothing from whoever saw the request (RFC 9700, section 2.1.1).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import Final

METHOD: Final = "S256"
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}")


def is_challenge(text: str) -> bool:
    """Whether the text can be a SHA-256 in base64url without padding (RFC 7636, section 4.2)."""
    return _CHALLENGE.fullmatch(text) is not None


def challenge_of(verifier: str) -> str:
    """What a client shows of its verifier beforehand (RFC 7636, section 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def proves(verifier: str | None, challenge: str | None) -> bool:
    """Whether this verifier goes with this challenge. None goes with none only: a verifier without a challenge means
    that somebody has taken the challenge out of the request on its way (RFC 9700, section 2.1.1).
    """
    if verifier is None or challenge is None:
        return verifier is challenge
    return _VERIFIER.fullmatch(verifier) is not None and hmac.compare_digest(challenge_of(verifier), challenge)
