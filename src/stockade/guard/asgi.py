"""The guard in front of an ASGI application (ASGI 3.0): plain, streaming-safe, and harmless when mounted twice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextvars import ContextVar
from functools import partial
from typing import Any

from stockade.guard.answers import Answer
from stockade.guard.decision import Decision
from stockade.guard.gate import Guard
from stockade.guard.paths import normal
from stockade.guard.request import Request

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
RouteOf = Callable[[Scope], str | None]
JUDGED = "stockade.decision"
"""Where in a scope the decision is kept, for the application."""
JUDGES = "stockade.guards"
"""Where in a scope the guards are kept that have judged it, so that none does so twice."""


current: ContextVar[Decision] = ContextVar("stockade.decision")
"""The decision about the request being served, for code that is not handed the scope."""


class GuardMiddleware:
    """``app = GuardMiddleware(app, guard)``, or ``app.add_middleware(GuardMiddleware, guard=guard)``.

    ``route_of`` resolves a scope to the route that will serve it, for rules that ask; the scope's own is the default.
    """

    def __init__(self, app: App, guard: Guard, route_of: RouteOf | None = None) -> None:
        self.app = app
        self.guard = guard
        self.route_of = route_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        guard = self.guard
        kind = scope["type"]
        judges = scope.get(JUDGES, ())
        if (kind != "http" and kind != "websocket") or guard in judges or not guard.enabled:  # noqa: PLR1714  a set is slower
            await self.app(scope, receive, send)
            return
        request = request_of(scope, guard, self.route_of)
        decision = guard.decide(request) if not guard.awaits else await guard.adecide(request)
        if not decision.allowed:
            await refuse(guard.refusal(decision), scope, receive, send)
            return
        scope[JUDGED] = decision
        scope[JUDGES] = (*judges, guard)
        current.set(decision)
        quiet = not (guard.policy.settles or guard.policy.has_quotas or guard.companions)
        await self.app(scope, receive, send if quiet else Answering(guard, decision, send))


class Answering:
    """The way out: adds the rate-limit fields, and settles the status before the client sees it."""

    __slots__ = ("decision", "guard", "send")

    def __init__(self, guard: Guard, decision: Decision, send: Send) -> None:
        self.guard, self.decision, self.send = guard, decision, send

    async def __call__(self, message: Message) -> None:
        if message["type"] in {"http.response.start", "websocket.http.response.start"}:
            fields = self.guard.answers.quota_headers(self.decision, self.guard.clock())
            if fields:
                added = [(name.encode(), value.encode("latin-1")) for name, value in fields]
                message = {**message, "headers": [*message.get("headers", ()), *added]}
            if self.guard.policy.settles or self.decision.beside:
                await self.guard.asettle(self.decision, message["status"])
        await self.send(message)


def request_of(scope: Scope, guard: Guard, route_of: RouteOf | None = None) -> Request:
    """The facts of an ASGI scope."""
    peer = scope["client"][0] if scope.get("client") else ""
    header = Headers(scope["headers"]).get
    method = scope.get("method", "GET")
    query = scope["query_string"].decode("latin-1")
    client = guard.addresses.resolve(peer, header)
    resolve = partial(route_of or scope_route, scope)
    return Request(client, method, normal(scope["path"]), header, query, identify=guard.identify, resolve=resolve)


def scope_route(scope: Scope) -> str | None:
    """The route that a framework has put into the scope."""
    return getattr(scope.get("route"), "path", None)


class Headers:
    """Header lines read once, when somebody first asks; lines of one name are joined by commas (RFC 9110, section
    5.3).
    """

    __slots__ = ("_found", "_lines")

    def __init__(self, lines: Iterable[tuple[bytes, bytes]]) -> None:
        self._lines = lines
        self._found: dict[str, str] | None = None

    def get(self, name: str) -> str | None:
        """The value of a header by its lower-case name."""
        if self._found is None:
            found: dict[str, str] = {}
            for key, value in self._lines:
                text = key.decode("latin-1").lower()
                found[text] = f"{found[text]}, {value.decode('latin-1')}" if text in found else value.decode("latin-1")
            self._found = found
        return self._found.get(name)


async def refuse(answer: Answer, scope: Scope, receive: Receive, send: Send) -> None:
    """Send a refusal; a WebSocket is refused before it is accepted, with the status where the server can pass one."""
    kind = "http.response"
    if scope["type"] == "websocket":
        await receive()
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008})
            return
        kind = "websocket.http.response"
    headers = [(name.encode(), value.encode("latin-1")) for name, value in answer.headers]
    await send({"type": f"{kind}.start", "status": answer.status, "headers": headers})
    await send({"type": f"{kind}.body", "body": answer.body})
