"""Requests are signed as RFC 9421 has it: its own keys and examples (appendix B) come out to the octet."""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_der_public_key

from stockade.audit.keys import ED25519, PrivateKey
from stockade.audit.sinks.signatures import check_request, content_digest, signature_base, signed_headers
from stockade.errors import Refused

BODY = b'{"hello": "world"}'
"""Of ``test-request`` (B.2)."""
DATE = "Tue, 20 Apr 2021 02:07:55 GMT"
NOW = 1_618_884_473.0
PUBLIC = "MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs="
SECRET = "MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF"
"""``test-key-ed25519`` (B.1.4), as the RFC prints it for everybody."""
SHARED = "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ=="
"""``test-shared-secret`` (B.1.5)."""

B25 = (
    [("date", DATE), ("@authority", "example.com"), ("content-type", "application/json")],
    '("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"',
    "pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=",
)
"""Signing a request by HMAC."""
LISTED = '"date" "@method" "@path" "@authority" "content-type" "content-length"'
B26 = (
    [
        ("date", DATE),
        ("@method", "POST"),
        ("@path", "/foo"),
        ("@authority", "example.com"),
        ("content-type", "application/json"),
        ("content-length", "18"),
    ],
    f'({LISTED});created=1618884473;keyid="test-key-ed25519"',
    "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==",
)
"""Signing a request by Ed25519."""


def ed25519() -> Ed25519PrivateKey:
    found = load_der_private_key(b64decode(SECRET), None)
    assert isinstance(found, Ed25519PrivateKey)
    return found


@pytest.fixture
def key() -> PrivateKey:
    """The RFC's key as one of ours."""
    return PrivateKey("test-key-ed25519", ED25519, ed25519().private_bytes_raw())


def by_ed25519(base: bytes) -> bytes:
    return ed25519().sign(base)


def by_hmac(base: bytes) -> bytes:
    return hmac.digest(b64decode(SHARED), base, "sha256")


def test_the_keys_of_the_rfc_belong_together(key: PrivateKey) -> None:
    assert load_der_public_key(b64decode(PUBLIC)) == ed25519().public_key()
    assert key.public_key.public == ed25519().public_key().public_bytes_raw()


@pytest.mark.parametrize(("vector", "sign"), [(B25, by_hmac), (B26, by_ed25519)], ids=["B.2.5", "B.2.6"])
def test_what_is_signed_is_what_the_rfc_signs(
    vector: tuple[list[tuple[str, str]], str, str], sign: Callable[[bytes], bytes]
) -> None:
    covered, parameters, signature = vector
    assert b64encode(sign(signature_base(covered, parameters))).decode() == signature
    turned = signature_base([*covered[1:], covered[0]], parameters)
    assert b64encode(sign(turned)).decode() != signature, "the order counts"


def test_a_body_has_the_digest_that_the_standards_print() -> None:
    assert content_digest(BODY) == "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"
    assert content_digest(BODY + b"\n") == "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:", "RFC 9530, B.1"


def test_our_requests_are_signed_over_the_base_of_the_rfc(key: PrivateKey) -> None:
    url = "https://www.example.com/path?param=value"
    headers = signed_headers("POST", url, BODY, key, NOW)
    label, _, parameters = headers["Signature-Input"].partition("=")
    assert parameters.startswith(
        '("@method" "@target-uri" "content-digest");created=1618884473;keyid="test-key-ed25519'
    )
    base = "\n".join([
        '"@method": POST',
        f'"@target-uri": {url}',  # as in section 2.2.2
        f'"content-digest": {content_digest(BODY)}',
        f'"@signature-params": {parameters}',
    ])  # fmt: skip
    signature = b64decode(headers["Signature"].removeprefix(f"{label}=:").removesuffix(":"))
    ed25519().public_key().verify(signature, base.encode())


URL = "https://www.example.com/path"


@pytest.mark.parametrize(
    ("method", "url", "body", "late"),
    [
        ("PUT", URL, BODY, 0.0),
        ("POST", f"{URL}?a", BODY, 0.0),
        ("POST", URL, BODY + b" ", 0.0),
        ("POST", URL, BODY, 301.0),
        ("POST", URL, BODY, -301.0),
    ],
)
def test_another_request_and_an_old_one_are_refused(
    key: PrivateKey, method: str, url: str, body: bytes, late: float
) -> None:
    given = {name.lower(): value for name, value in signed_headers("POST", URL, BODY, key, NOW).items()}
    check_request("POST", URL, given, BODY, key=key.public_key, now=NOW)
    with pytest.raises(Refused):
        check_request(method, url, given, body, key=key.public_key, now=NOW + late)


@pytest.mark.parametrize(
    "instead",
    [
        {"signature": f"stockade=:{B26[2]}:"},
        {"signature-input": f"stockade={B26[1]}"},
        {"signature-input": 'stockade=("@method");created=1618884473;keyid="test-key-ed25519";alg="ed25519"'},
    ],
)
def test_a_signature_of_something_else_or_of_less_is_refused(key: PrivateKey, instead: dict[str, str]) -> None:
    given = {name.lower(): value for name, value in signed_headers("POST", URL, BODY, key, NOW).items()}
    with pytest.raises(Refused):
        check_request("POST", URL, given | instead, BODY, key=key.public_key, now=NOW)
