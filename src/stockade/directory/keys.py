"""Public keys as people paste them: OpenSSH (RFC 4253 section 6.6) and OpenPGP (RFC 9580), told apart and weighed."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Final

from stockade.directory.refusals import WeakKey

STRONG_BITS: Final = 3072
"""RSA below this is weak: less than 128 bits of security (NIST SP 800-57 part 1, table 2)."""
LEAST_BITS: Final = 2048
"""RSA below this is refused (NIST SP 800-131A)."""
LONGEST: Final = 65536


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key as it is kept: ``public`` in canonical form without comments, ``fingerprint`` as its own tools print it."""

    algorithm: str
    bits: int
    fingerprint: str
    public: str


def ssh_key(text: str) -> PublicKey:
    """One line of an ``authorized_keys`` or ``.pub`` file. Raises WeakKey for DSA, short RSA, options, and non-keys."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    words = text.split(maxsplit=2) if len(text) <= LONGEST else []
    if len(words) < 2 or text.strip().count("\n"):
        raise WeakKey("it is not one line of the form type key comment")
    kind, blob = words[0], words[1]
    if kind == "ssh-dss":
        raise WeakKey("DSA is broken")
    try:
        raw = base64.b64decode(blob, validate=True)
        if _type_of(raw) != kind.encode():
            raise WeakKey("it is not of the type that it says")
        if kind.startswith("sk-"):
            return _known(_SECURITY_KEYS.get(kind, ("", 0)), kind, raw)
        found = load_ssh_public_key(f"{kind} {blob}".encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise WeakKey("it is no OpenSSH public key of a kind still in use") from error
    return _known((_ALGORITHMS.get(type(found).__name__, ""), getattr(found, "key_size", 256)), kind, raw)


def openpgp_key(text: str) -> PublicKey:
    """An OpenPGP certificate, armoured. Raises WeakKey for DSA, short RSA, revoked ones, private keys and non-keys."""
    from pysequoia import Cert
    from pysequoia.packet import PacketPile

    if "PRIVATE KEY" in text:
        raise WeakKey("it is the private half, which nobody else may have; paste the public one")
    try:
        certificate = Cert.from_bytes(text[: LONGEST + 1].encode())
        primary = next(iter(PacketPile.from_bytes(bytes(certificate))))
    except (RuntimeError, ValueError, StopIteration) as error:
        raise WeakKey("it is no OpenPGP certificate") from error
    if certificate.is_revoked:
        raise WeakKey("it is revoked")
    algorithm = str(primary.key_algorithm).rpartition(".")[2].lower()
    rsa = algorithm.startswith("rsa")
    return _weighed(
        "rsa" if rsa else algorithm, _modulus(primary.body) if rsa else 256, certificate.fingerprint, str(certificate)
    )


def _modulus(body: bytes) -> int:
    """The bits of an RSA key in a packet of version 4 or 6 (RFC 9580 sections 3.2 and 5.5.2)."""
    start = 10 if body[0] == 6 else 6
    return int.from_bytes(body[start : start + 2], "big")


def _type_of(raw: bytes) -> bytes:
    """The type that stands in the key itself, by which it is used whatever stands before it (RFC 4253, section 6.6)."""
    return raw[4 : 4 + int.from_bytes(raw[:4], "big")]


def _known(weighed: tuple[str, int], kind: str, raw: bytes) -> PublicKey:
    algorithm, bits = weighed
    if not algorithm:
        raise WeakKey(f"{kind[:64]} is broken, or not known")
    fingerprint = base64.b64encode(hashlib.sha256(raw).digest()).decode().rstrip("=")
    return _weighed(algorithm, bits, f"SHA256:{fingerprint}", f"{kind} {base64.b64encode(raw).decode()}")


def _weighed(algorithm: str, bits: int, fingerprint: str, public: str) -> PublicKey:
    if algorithm in {"dsa", "elgamalencrypt", "elgamalencryptsign"}:
        raise WeakKey(f"{algorithm.upper()} is broken")
    if algorithm == "rsa" and bits < LEAST_BITS:
        raise WeakKey(f"RSA of {bits} bits can be broken")
    return PublicKey(algorithm[:32], bits, fingerprint, public)


_ALGORITHMS: Final = {"Ed25519PublicKey": "ed25519", "ECPublicKey": "ecdsa", "RSAPublicKey": "rsa"}
_SECURITY_KEYS: Final = {
    "sk-ssh-ed25519@openssh.com": ("ed25519-sk", 256),
    "sk-ecdsa-sha2-nistp256@openssh.com": ("ecdsa-sk", 256),
}
