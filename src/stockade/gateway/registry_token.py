"""The tokens that a container registry believes: signed by a key of ours, good for two minutes.

The claims are those of the Docker Registry v2 authentication specification; the registry knows the key by its
certificate, which comes along in ``x5c`` (RFC 7515, section 4.1.6).
"""

from __future__ import annotations

import base64
import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LIFETIME: Final = 120
"""Seconds; a token that is older than that opens nothing."""
SKEW: Final = 5
ISSUER: Final = "stockade"
SERVICE: Final = "stockade-registry"
CREDENTIAL: Final = "stockade.credential"
MADE: Final = "stockade.made"
_ALGORITHM: Final = "ES256"
_PEM: Final = serialization.Encoding.PEM


@dataclass(frozen=True, slots=True)
class Access:
    """What a token opens: ``actions`` such as ``pull`` and ``push`` on the image ``name``."""

    type: str
    name: str
    actions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Holder:
    """An account's name, ``""`` being anybody's, and the credential that a token was got with, which was ``made``
    then.
    """

    account: str
    credential: str
    made: float


class Signer:
    """Signs with a key, and reads what it has signed."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self._key = key
        self._public = key.public_key()
        self._chain = [base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()]
        self.certificate = certificate.public_bytes(_PEM).decode()

    @classmethod
    def kept(cls, file: Path) -> Signer:
        """The key in this file, made there on the first time; only its owner may read it."""
        if not file.exists():
            _write_new(file)
        pem = file.read_bytes()
        key = serialization.load_pem_private_key(pem, None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError(f"{file} holds no elliptic-curve key")
        return cls(key, x509.load_pem_x509_certificate(pem))

    def sign(
        self, subject: str, access: Sequence[Access], now: float, *, credential: str = "", made: float = 0.0
    ) -> str:
        """A token for an account's name, or ``""`` for anybody; ``credential`` says by which of its own it was got, and
        ``made`` since when it had that.
        """
        moment = int(now)
        claims = {
            "iss": ISSUER,
            "sub": subject,
            "aud": SERVICE,
            "iat": moment,
            "nbf": moment - SKEW,
            "exp": moment + LIFETIME,
            "jti": str(uuid.uuid4()),
            "access": [{"type": a.type, "name": a.name, "actions": list(a.actions)} for a in access],
            CREDENTIAL: credential,
            MADE: made,
        }
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM, headers={"x5c": self._chain})

    def holder(self, token: str) -> Holder | None:
        """Whose token this is; None when it is none of ours, or too old."""
        try:
            claims = jwt.decode(token, self._public, [_ALGORITHM], audience=SERVICE, issuer=ISSUER)
        except jwt.InvalidTokenError:
            return None
        return Holder(str(claims.get("sub", "")), str(claims.get(CREDENTIAL, "")), float(claims.get(MADE, 0.0)))


def _write_new(file: Path) -> None:
    """A new key with its certificate; complete or not there, also when two processes do this at once."""
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as new:
        new.write(private + _certificate(key).public_bytes(_PEM))
    try:
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _certificate(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ISSUER)])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
