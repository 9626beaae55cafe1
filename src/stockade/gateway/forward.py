"""Forward auth: another proxy asks before each request whether it may pass (nginx, Caddy, Traefik).

Only a declared proxy may ask, since whoever asks says for whom: nobody is believed by default, loopback included.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from stockade.gateway.credentials import shown
from stockade.gateway.exchange import Reply
from stockade.gateway.identity import Visitors
from stockade.guard.address import Client
from stockade.guard.answers import Answer
from stockade.guard.asgi import Headers, Receive, Scope, Send
from stockade.guard.decision import Decision
from stockade.guard.gate import Guard
from stockade.guard.paths import climbs, from_target
from stockade.guard.request import Request

log = logging.getLogger(__name__)
PREFIX: Final = "/forward-auth/"


@dataclass(frozen=True, slots=True)
class Dialect:
    """Under which names a proxy says what it was asked, and whether it drops the bodies of refusals."""

    method: bytes
    target: bytes
    address: bytes | None = None
    bodiless: bool = False


DIALECTS: Final[Mapping[str, Dialect]] = {
    f"{PREFIX}nginx": Dialect(b"x-original-method", b"x-original-uri", b"x-real-ip", bodiless=True),
    f"{PREFIX}caddy": Dialect(b"x-forwarded-method", b"x-forwarded-uri"),
    f"{PREFIX}traefik": Dialect(b"x-forwarded-method", b"x-forwarded-uri"),
}
LENGTH: Final = (b"content-length", b"0")
PASSED: Final = Reply(200, (LENGTH,), b"")
MOST_KNOWN: Final = 16384
SHORT: Final = 200

Fields = Mapping[bytes, bytes]


class ForwardAuth:
    """Answers ``/forward-auth/nginx``, ``/forward-auth/caddy`` and ``/forward-auth/traefik``.

    It is asked before every request of other servers, so it does no more than it must.
    """

    def __init__(self, guard: Guard, visitors: Visitors | None = None) -> None:
        self.guard, self.visitors = guard, visitors
        self._told: set[str] = set()
        self._addresses, self._chain = guard.addresses, guard.addresses.header.encode()
        self._known: dict[tuple[str, bytes], Client] = {}

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Judge the request that the proxy describes. Its body, if it sent one, is not read."""
        fields = joined(scope["headers"])
        reply = self.at_once(scope, fields) or await self._in_time(scope, fields)
        await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
        await send({"type": "http.response.body", "body": reply.body})

    def at_once(self, scope: Scope, fields: Fields) -> Reply | None:
        """The same where nothing has to be waited for, and None where something has: a store across a network, or
        finding out whose token it is. ``fields`` are the header's, joined.
        """
        guard = self.guard
        if guard.awaits or (self.visitors is not None and shown(scope["headers"], scope["query_string"]) is not None):
            return None
        asked = self._asked(scope, fields)
        return asked if isinstance(asked, Reply) else self._answer(scope, guard.decide(asked))

    async def _in_time(self, scope: Scope, fields: Fields) -> Reply:
        if self.visitors is not None:
            await self.visitors.glance(scope)
        asked = self._asked(scope, fields)
        return asked if isinstance(asked, Reply) else self._answer(scope, await self.guard.adecide(asked))

    def _asked(self, scope: Scope, fields: Fields) -> Request | Reply:
        """The request that the proxy describes, or what to tell a proxy that describes none."""
        dialect = DIALECTS.get(scope["path"])
        target = fields.get(dialect.target) if dialect else None
        client = self._client(scope, fields, dialect) if target is not None else None
        if dialect is None or target is None or client is None:
            return _reply(self._misled(scope, dialect, target))
        text, method = target.decode("latin-1"), fields.get(dialect.method, b"GET").decode("latin-1")
        if ("%" in text or ".." in text) and climbs(unquote(text.partition("?")[0])):
            return _reply(_for(dialect, _plain(403, "This path goes up: ask for where it leads.")))
        path, query = from_target(text), text.partition("?")[2]
        header = Headers(scope["headers"]).get
        return Request(client, method, path, header, query, identify=self.guard.identify)

    def _answer(self, scope: Scope, decision: Decision) -> Reply:
        guard = self.guard
        if not decision.allowed and guard.enabled:
            return _reply(_for(DIALECTS[scope["path"]], guard.refusal(decision)))
        if not (guard.policy.has_quotas and guard.answers.tells(decision)):
            return PASSED
        return Reply(200, (LENGTH, *guard.answers.quota_fields(decision, guard.clock())), b"")

    def _client(self, scope: Scope, fields: Fields, dialect: Dialect | None) -> Client | None:
        """Whose request it is about; None when who asks is nobody's proxy, or does not say."""
        addresses = self.guard.addresses
        if addresses is not self._addresses:
            self._addresses, self._chain = addresses, addresses.header.encode()
            self._known.clear()
        chain = fields.get(self._chain)
        if chain is None and dialect is not None and dialect.address is not None:
            chain = fields.get(dialect.address)
        if not chain or not scope.get("client"):
            return None
        asked = scope["client"][0], chain
        client = self._known.get(asked) or self._resolved(*asked)
        return client if client.proxied else None

    def _resolved(self, peer: str, chain: bytes) -> Client:
        text = chain.decode("latin-1")
        client = self._addresses.resolve(peer, lambda _name: text)
        if len(chain) <= SHORT:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[peer, chain] = client
        return client

    def _misled(self, scope: Scope, dialect: Dialect | None, target: bytes | None) -> Answer:
        peer = scope["client"][0] if scope.get("client") else "somebody"
        if dialect is None:
            return _plain(404, f"There is no {scope['path'][:100]}: ask {', '.join(DIALECTS)}.")
        if peer not in self.guard.addresses.trusted:
            text = f'{peer} asks for others and is no declared proxy: set trusted_proxies = ["{peer}"] if it is yours.'
        elif target is None:
            text = f"The proxy {peer} does not say what was asked for: it has to set {dialect.target.decode()}."
        else:
            text = f"The proxy {peer} does not say for whom it asks: it has to set {self.guard.addresses.header}."
        if text not in self._told and len(self._told) < 1000:
            self._told.add(text)
            log.error("forward auth: %s", text)
        return _for(dialect, _plain(403, text))


def joined(lines: Sequence[tuple[bytes, bytes]]) -> Fields:
    """Header fields whose lines of one name are joined in their order (RFC 9110, section 5.3)."""
    found = dict(lines)
    if len(found) == len(lines):
        return found
    found.clear()
    for name, value in lines:
        found[name] = found[name] + b", " + value if name in found else value
    return found


def _for(dialect: Dialect, answer: Answer) -> Answer:
    """The answer as the proxy can use it: nginx throws bodies away, and passes on one line in a header."""
    if not dialect.bodiless:
        return answer
    text = answer.body.decode(errors="replace").partition("\n")[0]
    return Answer(answer.status, (*answer.headers, ("stockade-text", _one_line(text))), answer.body)


def _one_line(text: str) -> str:
    return "".join(c if " " <= c <= "~" else "?" for c in text)[:500]


def _plain(status: int, text: str) -> Answer:
    body = f"{text}\n".encode()
    return Answer(status, (("content-type", "text/plain; charset=utf-8"), ("content-length", str(len(body)))), body)


def _reply(answer: Answer) -> Reply:
    headers = tuple((name.encode(), value.encode("latin-1")) for name, value in answer.headers)
    return Reply(answer.status, headers, answer.body)
