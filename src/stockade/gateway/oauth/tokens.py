"""``/oauth/token`` and ``/oauth/revoke``: where applications get tokens and give them back (RFC 6749, RFC 7009).

No person and no browser comes here: an application shows who it is by its own secret, or by PKCE alone when it can keep
none. Cookies mean nothing here.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import unquote_plus

from starlette.responses import JSONResponse, Response

from stockade.directory import AccountBlocked, UnknownCredentials
from stockade.directory.builtin.applications import Application
from stockade.directory.builtin.grants import LIFETIME, Tokens
from stockade.errors import Unavailable
from stockade.gateway.forms import BadForm, posted
from stockade.gateway.identity import Visitors
from stockade.gateway.oauth.asked import Fields, fields_of, one
from stockade.gateway.threads import queried
from stockade.guard.asgi import Headers, Receive, Scope, Send
from stockade.guard.paths import normal

TOKEN, REVOKE = "/oauth/token", "/oauth/revoke"
NO_STORE: Final = {"cache-control": "no-store", "pragma": "no-cache"}


class Told(Exception):
    """The application is told ``error``, a word of RFC 6749, section 5.2, and in ``text`` what to mend."""

    def __init__(self, error: str, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.error, self.text, self.status = error, text, status


class TokenDoor:
    """What applications call."""

    paths = (TOKEN, REVOKE)

    def __init__(self, visitors: Visitors, refresh_idle: float) -> None:
        self.visitors, self.directory, self.idle = visitors, visitors.directory, refresh_idle
        self.kinds: Mapping[str | None, Callable[[Scope, Application, Fields], Awaitable[Tokens]]] = {
            "authorization_code": self._redeemed,
            "refresh_token": self._refreshed,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request of an application."""
        try:
            answer = await self._answer(scope, receive)
        except Told as told:
            answer = _said(told)
        except (ValueError, BadForm) as bad:
            answer = _said(Told("invalid_request", str(bad)))
        except (UnknownCredentials, AccountBlocked):
            answer = _said(Told("invalid_grant", "It is used up, expired, ended, or somebody else's."))
        except Unavailable as down:
            answer = _said(Told("temporarily_unavailable", down.message, 503))
        await answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        if scope["method"] != "POST":
            return Response(status_code=405, headers={"allow": "POST"})
        fields = fields_of(await posted(scope, receive))
        application = await self._client(scope, fields)
        if normal(scope["path"]) == REVOKE:
            return await self._given_back(scope, application, fields)
        kind = one(fields, "grant_type")
        if kind not in self.kinds:
            raise Told("unsupported_grant_type", f"The grant_type is {' or '.join(map(str, self.kinds))} here.")
        return _tokens(await self.kinds[kind](scope, application, fields))

    async def _client(self, scope: Scope, fields: Fields) -> Application:
        """Which application this is."""
        client, secret = _shown(Headers(scope["headers"]).get("authorization"), fields)
        now, source = self.visitors.clock(), self.visitors.source(scope)
        try:
            return await queried(self.directory.authenticate_application, client, secret, now, source=source)
        except (UnknownCredentials, AccountBlocked) as error:
            raise Told("invalid_client", "No application is known by these credentials.", 401) from error

    async def _redeemed(self, scope: Scope, application: Application, fields: Fields) -> Tokens:
        code = _needed(fields, "code")
        place, verifier = one(fields, "redirect_uri"), one(fields, "code_verifier")
        now, source = self.visitors.clock(), self.visitors.source(scope)
        return await queried(
            self.directory.redeem, application, code, place, verifier, now, idle=self.idle, source=source
        )

    async def _refreshed(self, scope: Scope, application: Application, fields: Fields) -> Tokens:
        """Other tokens with the scopes that were granted, whichever of them are asked for (RFC 6749, section 6)."""
        refresh, asked = _needed(fields, "refresh_token"), frozenset((one(fields, "scope") or "").split())
        if not asked <= application.known.scopes:
            raise Told("invalid_scope", "This application may not ask for so much.")
        now, source = self.visitors.clock(), self.visitors.source(scope)
        return await queried(
            self.directory.refresh_grant, refresh, now, application=application, idle=self.idle, source=source
        )

    async def _given_back(self, scope: Scope, application: Application, fields: Fields) -> Response:
        """End what the token belongs to. A token that is none is no error (RFC 7009, section 2.2)."""
        token, now, source = _needed(fields, "token"), self.visitors.clock(), self.visitors.source(scope)
        await queried(self.directory.give_back, application, token, now, source=source)
        return Response(status_code=200, headers=NO_STORE)


def _needed(fields: Fields, name: str) -> str:
    found = one(fields, name)
    if found is None:
        raise ValueError(f"{name} is missing.")
    return found


def _shown(header: str | None, fields: Fields) -> tuple[str, str | None]:
    """The client id and the secret, from the header or from the form and never from both (RFC 6749, section 2.3)."""
    client, secret = one(fields, "client_id"), one(fields, "client_secret")
    if not header:
        return _needed(fields, "client_id"), secret
    if secret is not None:
        raise ValueError("The application shows two secrets: one is enough.")
    name, shown = _basic(header)
    if client not in {None, name}:
        raise ValueError("The application gives two client ids.")
    return name, shown


def _basic(header: str) -> tuple[str, str]:
    """HTTP Basic, both halves encoded as in a form (RFC 6749, section 2.3.1)."""
    scheme, _, text = header.partition(" ")
    try:
        name, colon, secret = base64.b64decode(text.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        name, colon, secret = "", "", ""
    if scheme.lower() != "basic" or not colon:
        raise Told("invalid_client", "An application shows its secret by HTTP Basic, or in the form.", 401)
    return unquote_plus(name), unquote_plus(secret)


def _tokens(got: Tokens) -> Response:
    grant, access, refresh = got
    body: dict[str, Any] = {
        "access_token": access,
        "token_type": "Bearer",
        "expires_in": int(LIFETIME),
        "refresh_token": refresh,
        "scope": " ".join(sorted(grant.scopes)),
    }
    return JSONResponse(body, headers=NO_STORE)


def _said(told: Told) -> Response:
    headers = dict(NO_STORE)
    if told.status == 401:
        headers["www-authenticate"] = 'Basic realm="Stockade"'
    return JSONResponse({"error": told.error, "error_description": told.text}, told.status, headers)
