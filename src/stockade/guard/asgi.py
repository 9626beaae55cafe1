"""The guard in front of an ASGI application (ASGI 3.0): plain, streaming-safe, and harmless when mounted twice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from contextvars import ContextVar
from functools import partial
from typing import Any
from urllib.parse import quote

from stockade.guard.answers import ASTRAY, Answer
from stockade.guard.decision import Decision, Quota
from stockade.guard.gate import Guard
from stockade.guard.lease import Lease
from stockade.guard.paths import below, climbs, normal
from stockade.guard.request import Request
from stockade.guard.workers import warn_if_alone

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
"""The decision about the request being served, for what counts further and is not handed the scope. Who passes by a
lease is not counted further.
"""


class GuardMiddleware:
    """``app = GuardMiddleware(app, guard)``, or ``app.add_middleware(GuardMiddleware, guard=guard)``.

    ``route_of`` resolves a scope to the route that will serve it, for rules that ask; the scope's own is the default.
    """

    def __init__(self, app: App, guard: Guard, route_of: RouteOf | None = None) -> None:
        self.app = app
        self.guard = guard
        self.route_of = route_of
        self._alone = (guard,)
        warn_if_alone(guard)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        guard = self.guard
        if guard.leases and guard.enabled and (leased := by_lease(scope, guard)) is not None:
            scope[JUDGED], scope[JUDGES] = leased, self._alone
            await self.app(scope, receive, send)
            return
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
        if ".." in scope["path"] and not straightened(scope, request.path):
            await refuse(ASTRAY, scope, receive, send)
            return
        scope[JUDGED] = decision
        scope[JUDGES] = (*judges, guard)
        current.set(decision)
        policy = guard.policy
        quiet = not (policy.settles or guard.companions or (policy.has_quotas and guard.answers.tells(decision)))
        if quiet and guard.lends and not judges and (shown := what_shows(scope, guard)) is not None:
            guard.lend(decision, shown)
        try:
            await self.app(scope, receive, send if quiet else Answering(guard, decision, send))
        finally:
            request.let_go()


class Leased(Decision):
    """The decision about a request that a lease let pass. It is completed when somebody looks, as few ever do."""

    def __init__(self, lease: Lease, scope: Scope) -> None:
        self._lease = lease
        self._line = scope["method"], scope["path"], scope["headers"], scope["query_string"]

    def __getattr__(self, name: str) -> Any:
        if name not in {"request", "asks", "rows"}:
            raise AttributeError(name)
        method, path, headers, query = self._line
        client, row = self._lease.client, self._lease.row
        self.request = Request(client, method, normal(path), Headers(headers).get, query.decode("latin-1"))
        self.asks, self.rows = [(client.key, row.group, "")], [row]
        return getattr(self, name)

    @property
    def quotas(self) -> list[Quota]:
        """How every throttle stands by now."""
        self.tallies = [self._lease.look()]
        return super().quotas


def by_lease(scope: Scope, guard: Guard) -> Leased | None:
    """The decision about a request that a lease lets pass; None where there is none, or it has come to its end."""
    shown = what_shows(scope, guard)
    lease = guard.leases.get(shown)
    if lease is None or JUDGES in scope:
        return None
    if next(lease.left, None) is None:
        lease = guard.lend_again(lease.client, lease.row, shown)
        if lease is None or next(lease.left, None) is None:
            return None
    lease.moments.append(guard.clock())
    return Leased(lease, scope)


def what_shows(scope: Scope, guard: Guard) -> tuple[object, ...] | None:
    """All of a request that tells whose it is and which rules count it, as it came; None where that is not all."""
    if scope["type"] != "http":
        return None
    path, peer, chain = scope["path"], scope.get("client"), None
    if ".." in path or not peer:
        return None
    looked_at = guard.addresses.looked_at
    for name, value in scope["headers"]:
        if name in looked_at:
            if chain is not None:
                return None
            chain = value
    return (peer[0], chain) if guard.policy.by_client else (peer[0], chain, scope["method"], path)


def straightened(scope: Scope, judged: str) -> bool:
    """Hand the application the path that was judged, where its own goes up; false when that leads out of its mount."""
    if climbs(scope["path"]):
        if below(judged, scope.get("root_path", "")) is None:
            return False
        scope["path"], scope["raw_path"] = judged, quote(judged).encode()
    return True


class Answering:
    """The way out: adds the rate-limit fields, and settles the status before the client sees it.

    Not a coroutine function: what the server's own ``send`` answers is handed on, which saves every message a frame.
    """

    __slots__ = ("decision", "guard", "send")

    def __init__(self, guard: Guard, decision: Decision, send: Send) -> None:
        self.guard, self.decision, self.send = guard, decision, send

    def __call__(self, message: Message) -> Awaitable[None]:
        kind = message["type"]
        if kind != "http.response.start" and kind != "websocket.http.response.start":  # noqa: PLR1714  a set is slower
            return self.send(message)
        guard, decision = self.guard, self.decision
        fields = guard.answers.quota_fields(decision, guard.clock())
        if fields:
            message = {**message, "headers": [*message.get("headers", ()), *fields]}
        if guard.policy.settles or decision.beside:
            return self._settle(message)
        return self.send(message)

    async def _settle(self, message: Message) -> None:
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
    """Header lines, looked through when somebody asks; lines of one name are joined by commas (RFC 9110, section 5.3).

    Most requests are asked for one or two: finding those costs less than reading all.
    """

    __slots__ = ("_lines",)

    def __init__(self, lines: Sequence[tuple[bytes, bytes]]) -> None:
        self._lines = lines

    def get(self, name: str) -> str | None:
        """The value of a header by its lower-case name, which is how ASGI has them."""
        wanted, found = name.encode(), None
        for key, value in self._lines:
            if key == wanted:
                found = value if found is None else found + b", " + value
        return None if found is None else found.decode("latin-1")


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
