"""Security keys and passkeys as a second factor: what a browser is asked, and whether its answer is right (WebAuthn
level 3).
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from stockade.directory.accounts import Account
from stockade.directory.refusals import WrongFactor

LONGEST: Final = 16_384
"""Octets of an answer."""
_HANDLE: Final = re.compile(r"[A-Za-z0-9_=-]{1,1400}")
PATIENCE: Final = 120_000
"""Milliseconds that a person has to touch the key."""


@dataclass(frozen=True, slots=True)
class Site:
    """The origin that browsers see, such as ``https://git.example.org:8443``: an answer given to another is refused."""

    origin: str

    @property
    def host(self) -> str:
        """The relying party's id: the host alone."""
        return self.origin.partition("://")[2].rpartition("@")[2].partition(":")[0]


@dataclass(frozen=True, slots=True)
class SecurityKey:
    """What is kept of one: its ``handle``, its ``public`` key, and the ``counter`` of its signatures."""

    handle: str
    public: str
    counter: int


def registration(site: Site, account: Account, known: Iterable[str], challenge: bytes) -> str:
    """The options, as JSON, with which a browser makes a new credential, on none of the ``known`` keys."""
    from webauthn import generate_registration_options, options_to_json
    from webauthn.helpers.structs import (
        AuthenticatorSelectionCriteria,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    return options_to_json(
        generate_registration_options(
            rp_id=site.host,
            rp_name="Stockade",
            user_name=account.name,
            user_id=f"stockade/{account.id}".encode(),
            challenge=challenge,
            timeout=PATIENCE,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.DISCOURAGED,
                user_verification=UserVerificationRequirement.DISCOURAGED,
            ),
            exclude_credentials=_described(known),
        )
    )


def registered(answer: str, site: Site, challenge: bytes) -> SecurityKey:
    """The key that a browser has made. Raises WrongFactor."""
    from webauthn import verify_registration_response

    with _refusing():
        found = verify_registration_response(
            credential=_read(answer),
            expected_challenge=challenge,
            expected_rp_id=site.host,
            expected_origin=site.origin,
        )
    return SecurityKey(_text(found.credential_id), _text(found.credential_public_key), found.sign_count)


def assertion(site: Site, known: Iterable[str], challenge: bytes) -> str:
    """The options, as JSON, with which a browser has one of the ``known`` keys sign."""
    from webauthn import generate_authentication_options, options_to_json
    from webauthn.helpers.structs import UserVerificationRequirement

    return options_to_json(
        generate_authentication_options(
            rp_id=site.host,
            challenge=challenge,
            timeout=PATIENCE,
            allow_credentials=_described(known),
            user_verification=UserVerificationRequirement.DISCOURAGED,
        )
    )


def handle_of(answer: str) -> str:
    """Which key the answer says it is of: base64url, and nothing that a database chokes on. Raises WrongFactor."""
    handle = str(_read(answer).get("id", ""))
    if not _HANDLE.fullmatch(handle):
        raise WrongFactor("no answer of a security key")
    return handle


def asserted(answer: str, site: Site, challenge: bytes, key: SecurityKey) -> int:
    """The new count of signatures, when the key has signed the challenge. Raises WrongFactor, for a count that does
    not go up too: then there are two of the key (WebAuthn section 6.1.1).
    """
    from webauthn import verify_authentication_response

    with _refusing():
        found = verify_authentication_response(
            credential=_read(answer),
            expected_challenge=challenge,
            expected_rp_id=site.host,
            expected_origin=site.origin,
            credential_public_key=_octets(key.public),
            credential_current_sign_count=key.counter,
        )
    return found.new_sign_count


@contextmanager
def _refusing() -> Iterator[None]:
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        yield
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise WrongFactor("the security key's answer does not fit") from error


def _read(answer: str) -> dict[str, object]:
    try:
        found = json.loads(answer) if len(answer) <= LONGEST else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise WrongFactor("no answer of a security key")
    return found


def _described(handles: Iterable[str]) -> list:  # type: ignore[type-arg]
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

    return [PublicKeyCredentialDescriptor(id=_octets(handle)) for handle in handles]


def _text(octets: bytes) -> str:
    return urlsafe_b64encode(octets).decode().rstrip("=")


def _octets(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
