"""A request that is signed (RFC 9421, HTTP Message Signatures): who has sent this, to where, when, with which body.

::

    Content-Digest: sha-256=:…:
    Signature-Input: stockade=("@method" "@target-uri" "content-digest");created=1800000000;keyid="…";alg="ed25519"
    Signature: stockade=:…:

Whoever receives it needs only the public key. ``created`` is signed too, so that a copy cannot be shown later as new.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from stockade.audit.checkpoint import decode_base64
from stockade.audit.keys import ED25519, PrivateKey, PublicKey
from stockade.errors import ConfigurationError, Refused

LABEL: Final = "stockade"
COMPONENTS: Final = ("@method", "@target-uri", "content-digest")
PATIENCE: Final = 300.0
"""Seconds that a request may be old, or in the future by the receiver's clock."""
_INPUT: Final = re.compile(r'stockade=(\(([^()]*)\);created=(\d{1,12});keyid="([^"]*)";alg="ed25519")')
_VALUE: Final = re.compile(r"stockade=:([A-Za-z0-9+/=]+):")


def content_digest(body: bytes) -> str:
    """The header ``Content-Digest`` (RFC 9530)."""
    return f"sha-256=:{b64encode(sha256(body).digest()).decode()}:"


def signed_headers(method: str, url: str, body: bytes, key: PrivateKey, now: float) -> dict[str, str]:
    """The headers that sign a request. ``now`` is in seconds since the epoch. Raises ConfigurationError."""
    if key.kind != ED25519:
        raise ConfigurationError(
            f"the key {key.name} does not sign requests", remedy="Make one with `stockade audit key`."
        )
    named = f"{key.name}+{key.public_key.id.hex()}"
    listed = " ".join(f'"{each}"' for each in COMPONENTS)
    parameters = f'({listed});created={int(now)};keyid="{named}";alg="ed25519"'
    digest = content_digest(body)
    signature = Ed25519PrivateKey.from_private_bytes(key.seed).sign(_signed(method, url, digest, parameters))
    return {
        "Content-Digest": digest,
        "Signature-Input": f"{LABEL}={parameters}",
        "Signature": f"{LABEL}=:{b64encode(signature).decode()}:",
    }


def check_request(
    method: str, url: str, headers: Mapping[str, str], body: bytes, *, key: PublicKey, now: float
) -> None:
    """For who receives: raises Refused unless ``key`` has signed this request, of now. Header names in lower case."""
    given, value = _INPUT.fullmatch(headers.get("signature-input", "")), _VALUE.fullmatch(headers.get("signature", ""))
    if not given or not value or given[2] != " ".join(f'"{each}"' for each in COMPONENTS):
        raise Refused("the request is not signed, or does not sign what it should")
    if headers.get("content-digest") != content_digest(body):
        raise Refused("the body is not the one that was signed")
    if abs(now - int(given[3])) > PATIENCE:
        raise Refused(f"the request was signed {now - int(given[3]):,.0f} s ago")
    try:
        signed = _signed(method, url, content_digest(body), given[1])
        Ed25519PublicKey.from_public_bytes(key.public).verify(decode_base64(value[1]), signed)
    except InvalidSignature:
        raise Refused(f"the request is not signed by {key.name}") from None


def signature_base(covered: Iterable[tuple[str, str]], parameters: str) -> bytes:
    """What is signed (RFC 9421 section 2.5): the names and values of what is covered, and the parameters."""
    lines = [f'"{name}": {value}' for name, value in (*covered, ("@signature-params", parameters))]
    return "\n".join(lines).encode()


def _signed(method: str, url: str, digest: str, parameters: str) -> bytes:
    return signature_base(zip(COMPONENTS, (method, url, digest), strict=True), parameters)
