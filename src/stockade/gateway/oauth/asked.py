"""What an application asks for at ``/oauth/authorize``, and what it is told (RFC 6749, section 4.1).

Whoever names no application of ours, or another place to go back to, is told on a page and sent nowhere: an open
redirect would be theirs to use (RFC 9700, section 4.11). Everything else is told where people are sent back to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, urlencode

from stockade.directory import Scope
from stockade.directory.builtin.applications import Application
from stockade.directory.builtin.grants import Consent
from stockade.directory.pkce import METHOD, is_challenge

FIELDS: Final = 30
Fields = Mapping[str, list[str]]


class Misled(Exception):
    """Nobody can be sent back; ``text`` is for the person."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class Declined(Exception):
    """The application is told ``error``, a word of RFC 6749, section 4.1.2.1, and in ``text`` what to mend."""

    def __init__(self, error: str, text: str) -> None:
        super().__init__(text)
        self.error, self.text = error, text


def fields_of(query: str) -> Fields:
    """The parameters of a query or a form, each with all its values; raises ValueError for too many."""
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True, max_num_fields=FIELDS, errors="strict"):
        found.setdefault(name, []).append(value)
    return found


def one(fields: Fields, name: str) -> str | None:
    """The value of a parameter, None when it is left out; one without a value is left out (RFC 6749, section 3.1).

    Raises ValueError when it is there twice.
    """
    values = fields.get(name, [])
    if len(values) > 1:
        raise ValueError(f"{name} is there more than once.")
    return values[0] or None if values else None


def client_in(fields: Fields) -> str:
    """The client id. Raises Misled."""
    try:
        client = one(fields, "client_id")
    except ValueError as error:
        raise Misled(str(error)) from error
    if client is None:
        raise Misled("The link that led you here names no application.")
    return client


def place_in(fields: Fields, application: Application) -> str | None:
    """Where to send people back to, as the application names it: exactly as it was registered, or not at all. Raises
    Misled.
    """
    try:
        place = one(fields, "redirect_uri")
    except ValueError as error:
        raise Misled(str(error)) from error
    if place not in {None, application.redirect}:
        raise Misled(
            f"The link that led you here would send you to a place that {application.known.name} has not named."
        )
    return place


def consent_in(fields: Fields, application: Application, place: str | None) -> Consent:
    """What somebody is to agree to. Raises Declined."""
    try:
        kind, scope, challenge, method, _ = (
            one(fields, name) for name in ("response_type", "scope", "code_challenge", "code_challenge_method", "state")
        )
    except ValueError as error:
        raise Declined("invalid_request", str(error)) from error
    if kind is None:
        raise Declined("invalid_request", "response_type is missing.")
    if kind != "code":
        raise Declined("unsupported_response_type", "The response_type is code here.")
    _check_challenge(challenge, method, application)
    return Consent(application, _scopes(scope, application), place, challenge)


def _check_challenge(challenge: str | None, method: str | None, application: Application) -> None:
    if challenge is None:
        if application.public:
            raise Declined("invalid_request", "code_challenge is missing: a public client must use PKCE.")
        if method is not None:
            raise Declined("invalid_request", "code_challenge is missing.")
    elif method != METHOD:
        raise Declined("invalid_request", f"The code_challenge_method is {METHOD} here.")
    elif not is_challenge(challenge):
        raise Declined("invalid_request", "code_challenge is no SHA-256 in base64url without padding.")


def _scopes(text: str | None, application: Application) -> frozenset[Scope]:
    """What is asked for: all that the application is registered for, when it does not say."""
    asked = frozenset(text.split(" ")) - {""} if text else application.known.scopes
    if not asked <= application.known.scopes:
        raise Declined("invalid_scope", f"This application may ask for {' '.join(sorted(application.known.scopes))}.")
    return frozenset(map(Scope, asked)) or application.known.scopes


def sent_back(redirect: str, issuer: str, fields: Fields, **told: str) -> str:
    """Where people are sent, with what the application is told: its own ``state`` again, and ``iss``, so that it knows
    who says so (RFC 9207).
    """
    state = fields.get("state", [])
    told |= {"state": state[0]} if len(state) == 1 and state[0] else {}
    return f"{redirect}{'&' if '?' in redirect else '?'}{urlencode(told | {'iss': issuer})}"
