"""Forward auth: another proxy asks before each request whether it may pass (nginx, Caddy, Traefik).

Only a declared proxy may ask, since whoever asks says for whom: nobody is believed by default, loopback included.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from stockade.gateway.identity import Visitors
from stockade.guard.address import Client, Header
from stockade.guard.answers import Answer
from stockade.guard.asgi import Headers, Receive, Scope, Send
from stockade.guard.gate import Guard
from stockade.guard.paths import from_target
from stockade.guard.request import Request

log = logging.getLogger(__name__)
PREFIX: Final = "/forward-auth/"


@dataclass(frozen=True, slots=True)
class Dialect:
    """Under which names a proxy says what it was asked, and whether it drops the bodies of refusals."""

    method: str
    target: str
    address: str | None = None
    bodiless: bool = False


DIALECTS: Final[Mapping[str, Dialect]] = {
    "nginx": Dialect("x-original-method", "x-original-uri", "x-real-ip", bodiless=True),
    "caddy": Dialect("x-forwarded-method", "x-forwarded-uri"),
    "traefik": Dialect("x-forwarded-method", "x-forwarded-uri"),
}
EMPTY: Final = {"type": "http.response.body", "body": b""}
LENGTH: Final = (b"content-length", b"0")
PASSED: Final = {"type": "http.response.start", "status": 200, "headers": [LENGTH]}


class ForwardAuth:
    """Answers ``/forward-auth/nginx``, ``/forward-auth/caddy`` and ``/forward-auth/traefik``."""

    def __init__(self, guard: Guard, visitors: Visitors | None = None) -> None:
        self.guard, self.visitors = guard, visitors
        self._told: set[str] = set()

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Judge the request that the proxy describes. Its body, if it sent one, is not read."""
        dialect = DIALECTS.get(scope["path"][len(PREFIX) :])
        header = Headers(scope["headers"]).get
        client = self._client(scope, header, dialect)
        target = header(dialect.target) if dialect else None
        if dialect is None or client is None or target is None:
            await _send(self._misled(scope, dialect, client), send)
            return
        if self.visitors is not None:
            await self.visitors.glance(scope)
        guard = self.guard
        path, query = from_target(target), target.partition("?")[2]
        request = Request(client, header(dialect.method) or "GET", path, header, query, identify=guard.identify)
        decision = guard.decide(request) if not guard.awaits else await guard.adecide(request)
        if not decision.allowed and guard.enabled:
            await _send(_for(dialect, guard.refusal(decision)), send)
            return
        fields = guard.answers.quota_headers(decision, guard.clock()) if guard.policy.has_quotas else None
        await send(_passed(fields) if fields else PASSED)
        await send(EMPTY)

    def _client(self, scope: Scope, header: Header, dialect: Dialect | None) -> Client | None:
        """Whose request it is about; None when who asks is nobody's proxy, or does not say."""
        addresses = self.guard.addresses
        said = addresses.header

        def asked(name: str) -> str | None:
            value = header(name)
            return header(dialect.address) if value is None and dialect and dialect.address and name == said else value

        client = addresses.resolve(scope["client"][0] if scope.get("client") else "", asked)
        return client if client.proxied and asked(said) else None

    def _misled(self, scope: Scope, dialect: Dialect | None, client: Client | None) -> Answer:
        peer = scope["client"][0] if scope.get("client") else "somebody"
        if dialect is None:
            return _plain(
                404, f"There is no {scope['path'][:100]}: ask {', '.join(PREFIX + kind for kind in DIALECTS)}."
            )
        if peer not in self.guard.addresses.trusted:
            text = f'{peer} asks for others and is no declared proxy: set trusted_proxies = ["{peer}"] if it is yours.'
        elif client is None:
            text = f"The proxy {peer} does not say for whom it asks: it has to set {self.guard.addresses.header}."
        else:
            text = f"The proxy {peer} does not say what was asked for: it has to set {dialect.target}."
        if text not in self._told and len(self._told) < 1000:
            self._told.add(text)
            log.error("forward auth: %s", text)
        return _for(dialect, _plain(403, text))


def _passed(fields: list[tuple[str, str]]) -> dict[str, object]:
    headers = [LENGTH, *((name.encode(), value.encode("latin-1")) for name, value in fields)]
    return {"type": "http.response.start", "status": 200, "headers": headers}


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


async def _send(answer: Answer, send: Send) -> None:
    headers = [(name.encode(), value.encode("latin-1")) for name, value in answer.headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
