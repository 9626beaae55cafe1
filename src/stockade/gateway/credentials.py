"""What a request shows to prove who asks: HTTP Basic, a bearer token, a token header, or a session cookie."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from stockade.directory import Secret
from stockade.directory.tokens import token_kind
from stockade.gateway.cookies import SESSION, cookie_in
from stockade.guard.request import CREDENTIAL_HEADERS, CREDENTIAL_PARAMETERS, parameters

Kind = Literal["password", "token", "bearer", "session", "unreadable"]
LONGEST: Final = 4096


@dataclass(frozen=True, slots=True)
class Shown:
    """One credential as shown, not looked at yet: a ``password`` or ``token`` comes with a name (RFC 7617), a
    ``bearer`` token (RFC 6750) and a ``session`` come alone. What is ``unreadable`` proves nothing, and is refused: who
    shows it must not pass for somebody who shows nothing, least of all as a success that clears a count of failures.
    """

    kind: Kind
    secret: Secret
    name: str = ""

    @property
    def cheap(self) -> bool:
        """Is it looked up by a fast hash, so that it may be done before the guard?"""
        return self.kind not in {"password", "unreadable"}


UNREADABLE: Final = Shown("unreadable", Secret(""))
_OTHERS: Final = frozenset(name.encode() for name in CREDENTIAL_HEADERS)


def shown(headers: Iterable[tuple[bytes, bytes]], query: bytes = b"", *, secure: bool = False) -> Shown | None:
    """The credential that these header lines carry, or the query; None when there is none. ``secure``: over HTTPS."""
    cookies, others = b"", False
    for name, value in headers:
        if name == b"authorization" and value:
            return _authorization(value.decode("latin-1")) or UNREADABLE
        if name == b"private-token" and value:
            return Shown("bearer", Secret(value.decode("latin-1")[:LONGEST]))
        if name == b"cookie":
            cookies += b";" + value
        others = others or (name in _OTHERS and bool(value))
    if others or (query and _in_query(query.decode("latin-1"))):
        return UNREADABLE
    cookie = cookie_in(cookies.decode("latin-1"), SESSION, secure=secure) if cookies else None
    return Shown("session", Secret(cookie)) if cookie else None


def _in_query(query: str) -> bool:
    return any(value for name in CREDENTIAL_PARAMETERS for value in parameters(query, name))


def _authorization(value: str) -> Shown | None:
    scheme, _, rest = value.partition(" ")
    if scheme.lower() == "bearer" and token_kind(rest.strip()) is not None:
        return Shown("bearer", Secret(rest.strip()))
    return _basic(rest) if scheme.lower() == "basic" and len(rest) <= 2 * LONGEST else None


def _basic(text: str) -> Shown | None:
    try:
        name, colon, secret = base64.b64decode(text.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    if not colon:
        return None
    return Shown("password" if token_kind(secret) is None else "token", Secret(secret), name)
