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

Kind = Literal["password", "token", "bearer", "session"]
LONGEST: Final = 4096


@dataclass(frozen=True, slots=True)
class Shown:
    """One credential as shown, not looked at yet: a ``password`` or ``token`` comes with a name (RFC 7617), a
    ``bearer`` token (RFC 6750) and a ``session`` come alone.
    """

    kind: Kind
    secret: Secret
    name: str = ""

    @property
    def cheap(self) -> bool:
        """Is it looked up by a fast hash, so that it may be done before the guard?"""
        return self.kind != "password"


def shown(headers: Iterable[tuple[bytes, bytes]]) -> Shown | None:
    """The credential that these header lines carry; None when there is none that can be read."""
    cookies = b""
    for name, value in headers:
        if name == b"authorization":
            return _authorization(value.decode("latin-1"))
        if name == b"private-token":
            return Shown("bearer", Secret(value.decode("latin-1")[:LONGEST]))
        if name == b"cookie":
            cookies += b";" + value
    cookie = cookie_in(cookies.decode("latin-1"), SESSION) if cookies else None
    return Shown("session", Secret(cookie)) if cookie else None


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
