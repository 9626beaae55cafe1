"""Private keys and web tokens as they are written: one spelling for each, and whether they open anything alone."""

from __future__ import annotations

import binascii
import json
import re
from base64 import b64decode, urlsafe_b64decode
from typing import Final

_ARMOUR: Final = re.compile(r"-----(?:BEGIN|END) [A-Z0-9 ]+-----")
_HEADER: Final = re.compile(r"^[A-Za-z-]{1,40}: .*$", re.MULTILINE)
_NOT_BASE64: Final = re.compile(r"[^A-Za-z0-9+/=]")
_OPENSSH: Final = b"openssh-key-v1\0"


def plain(pem: str) -> str:
    """A key in one spelling, whether its lines were broken, escaped or indented: so that the same key is the same."""
    unescaped = pem.replace("\\r", "").replace("\\n", "\n").replace("\r", "")
    return "\n".join(line.strip(" \t+,\"'") for line in unescaped.splitlines() if line.strip(" \t+,\"'"))


def is_key(pem: str) -> bool:
    """Whether there is something between the lines of armour that could be a key; examples have dots there."""
    return len(_octets(pem)) >= 32


def is_encrypted(pem: str) -> bool:
    """Whether a passphrase is needed: PKCS #8 (RFC 5958), OpenSSL's header (RFC 1421) or OpenSSH's own format."""
    if "ENCRYPTED" in pem[:256] or "PGP" in pem[:64]:
        return True
    if "Encryption: " in pem[:256]:  # PuTTY
        return "Encryption: none" not in pem[:256]
    octets = _octets(pem)
    if octets.startswith(_OPENSSH):  # the name of the cipher comes first, behind its length
        return octets[len(_OPENSSH) + 4 :][:4] != b"none"
    return False


def _octets(pem: str) -> bytes:
    body = _NOT_BASE64.sub("", _HEADER.sub("", _ARMOUR.sub("", plain(pem))))
    try:
        return b64decode(body[: len(body) // 4 * 4])
    except binascii.Error:
        return b""


def expires(token: str) -> float | None:
    """When a JSON web token ends (RFC 7519 ``exp``); None when it does not say. Raises ValueError when it is none."""
    header, _, rest = token.partition(".")
    claims = _part(rest.partition(".")[0])
    if "alg" not in _part(header):
        raise ValueError("it has no algorithm")
    end = claims.get("exp")
    return float(end) if isinstance(end, int | float) else None


def _part(text: str) -> dict[str, object]:
    try:
        read = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict):
        raise ValueError("it is no JSON web token")  # noqa: TRY004  what is wrong is the text
    return read
