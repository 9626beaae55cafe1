"""The container registry's door: its token service at ``/jwt/auth``, and ``/v2/`` for who would still be let in."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Final

from starlette.responses import JSONResponse, Response

from stockade.directory import AccountBlocked, Authenticated, UnknownAccount, UnknownCredentials
from stockade.errors import Refused, Unavailable
from stockade.events import Ref
from stockade.gateway.identity import Banned, Visitors
from stockade.gateway.origin import origin_of
from stockade.gateway.proxy import Proxy
from stockade.gateway.registry_record import ImageRecord
from stockade.gateway.registry_scopes import granted, wanted
from stockade.gateway.registry_token import LIFETIME, SERVICE, Access, Holder, Signer
from stockade.gateway.threads import queried
from stockade.guard.asgi import JUDGED, App, Message, Receive, Scope, Send
from stockade.guard.request import parameters

TOKENS: Final = "/jwt/auth"
PREFIX: Final = "/v2"
CODES: Final = {401: "UNAUTHORIZED", 403: "DENIED", 429: "TOOMANYREQUESTS", 503: "UNAVAILABLE"}
_REALM: Final = re.compile(rb'realm="[^"]*"')


@dataclass(frozen=True, slots=True)
class Registry:
    """A registry that believes ``signer``, and listens at ``url``."""

    url: str
    signer: Signer


class TokenService:
    """``GET /jwt/auth?service=…&scope=repository:NAME:pull,push``: proof of who you are becomes a short-lived token."""

    def __init__(self, visitors: Visitors, signer: Signer) -> None:
        self.visitors, self.signer = visitors, signer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with a token, or in the registry's own form of error."""
        await (await self._answer(scope))(scope, receive, send)

    async def _answer(self, scope: Scope) -> Response:
        if scope["method"] != "GET":
            return error(405, "Tokens are asked for with GET.")
        query = scope["query_string"].decode("latin-1")
        if any(service != SERVICE for service in parameters(query, "service")):
            return error(400, "This is not the token service of that registry.")
        try:
            who = await self.visitors.authenticate(scope)
        except UnknownCredentials as refused:
            return error(401, refused.message, **{"www-authenticate": 'Basic realm="Stockade", charset="UTF-8"'})
        except Refused as refused:
            return error(403, refused.message)
        except Unavailable as down:
            return error(503, down.message, **{"retry-after": "5"})
        access = [await self._granted(each, who) for each in wanted(parameters(query, "scope"))]
        return self._token(who, [each for each in access if each.actions])

    async def _granted(self, access: Access, who: Authenticated | None) -> Access:
        return granted(access, await queried(self.visitors.directory.allowed, who, access.name, "registry"))

    def _token(self, who: Authenticated | None, access: list[Access]) -> Response:
        now = self.visitors.clock()
        subject, credential, made = (who.account.name, str(who.by.ref), who.by.made) if who else ("", "", 0.0)
        signed = self.signer.sign(subject, access, now, credential=credential, made=made)
        issued = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
        body = {"token": signed, "access_token": signed, "expires_in": LIFETIME, "issued_at": issued}
        return JSONResponse(body, headers={"cache-control": "no-store"})


class RegistryDoor:
    """``/v2/``: passed on to the registry, unless the token is of somebody who would not be let in any more."""

    def __init__(self, visitors: Visitors, registry: Registry, proxy: Proxy) -> None:
        self.visitors, self.signer, self.proxy = visitors, registry.signer, proxy
        self.record = ImageRecord(visitors)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what may pass; a challenge names the token service as the client reaches it."""
        token = bearer(scope)
        holder = self.signer.holder(token) if token else None
        refused = await self._refused(holder)
        if refused is not None:
            await refused(scope, receive, send)
            return
        realm = f'realm="{origin_of(scope, self.visitors.guard.addresses)}{TOKENS}"'.encode("latin-1")

        async def challenge(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.record(scope, message["status"], holder)
                if message["status"] == 401:
                    message = {**message, "headers": [_with_realm(line, realm) for line in message["headers"]]}
            await send(message)

        await self.proxy(scope, receive, challenge)

    async def _refused(self, holder: Holder | None) -> Response | None:
        if holder is None or not holder.account:
            return None
        recheck, now = self.visitors.directory.recheck, self.visitors.clock()
        try:
            account = await queried(recheck, holder.account, Ref.parse(holder.credential), holder.made, now)
            await self.visitors.refuse_banned_user(account.name)
        except (UnknownAccount, UnknownCredentials, Banned):
            return error(403, "This account may not use the registry, or not any more with what it has shown.")
        except AccountBlocked as blocked:
            return error(403, blocked.message)
        except Unavailable:
            return error(503, "Accounts cannot be looked up now.")
        return None


def bearer(scope: Scope) -> str | None:
    """The bearer token of a request (RFC 6750, section 2.1)."""
    value: bytes = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
    scheme, _, token = value.partition(b" ")
    return token.strip().decode("latin-1") if scheme.lower() == b"bearer" else None


def error(status: int, message: str, **headers: str) -> Response:
    """A refusal as registries say it (OCI distribution specification, section on error codes)."""
    body = {"errors": [{"code": CODES.get(status, "UNSUPPORTED"), "message": message}]}
    return JSONResponse(body, status, {"cache-control": "no-store", **headers})


def in_its_words(app: App) -> App:
    """Around the guard: say what it refuses to registry clients in the registry's form."""

    async def speaking(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        text = bytearray()
        held: list[Message] = []

        async def said(message: Message) -> None:
            if JUDGED in scope:
                await send(message)
            elif message["type"] == "http.response.start":
                held.append(message)
            else:
                text.extend(message.get("body", b""))
                await _in_json(held[0], text.decode(errors="replace").strip(), send)

        await app(scope, receive, said)

    return speaking


async def _in_json(start: Message, text: str, send: Send) -> None:
    answer = error(start["status"], text)
    ours = {b"content-type", b"content-length", b"cache-control"}
    kept = [line for line in start["headers"] if line[0] not in ours]
    await send({**start, "headers": [*answer.raw_headers, *kept]})
    await send({"type": "http.response.body", "body": bytes(answer.body)})


def _with_realm(line: tuple[bytes, bytes], realm: bytes) -> tuple[bytes, bytes]:
    name, value = line
    return (name, _REALM.sub(lambda _: realm, value, count=1)) if name == b"www-authenticate" else line
