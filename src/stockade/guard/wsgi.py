"""The guard in front of a WSGI application (PEP 3333)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from http import HTTPStatus
from typing import Any

from stockade.guard.answers import ASTRAY, Answer
from stockade.guard.decision import Decision
from stockade.guard.gate import Guard
from stockade.guard.paths import below, climbs, normal
from stockade.guard.request import Request
from stockade.guard.workers import warn_if_alone

Environ = dict[str, Any]  # PEP 3333: a builtin dictionary
StartResponse = Callable[..., Any]
App = Callable[[Environ, StartResponse], Iterable[bytes]]
RouteOf = Callable[[Environ], str | None]
JUDGED = "stockade.decision"
JUDGES = "stockade.guards"


class GuardMiddleware:
    """``app = GuardMiddleware(app, guard)``; the guard's store must be one that is asked without awaiting."""

    def __init__(self, app: App, guard: Guard, route_of: RouteOf | None = None) -> None:
        self.app = app
        self.guard = guard
        self.route_of = route_of
        self.first = True

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        judges = environ.get(JUDGES, ())
        if self.guard in judges or not self.guard.enabled:
            return self.app(environ, start_response)
        if self.first:
            self.first = False
            warn_if_alone(self.guard, at_least=2 if environ.get("wsgi.multiprocess") else 1)
        request = request_of(environ, self.guard, self.route_of)
        decision = self.guard.decide(request)
        if not decision.allowed:
            return refuse(self.guard.refusal(decision), start_response)
        if ".." in environ.get("PATH_INFO", "") and not straightened(environ, request.path):
            return refuse(ASTRAY, start_response)
        environ[JUDGED] = decision
        environ[JUDGES] = (*judges, self.guard)
        return self.app(environ, answering(self.guard, decision, start_response))


def straightened(environ: Environ, judged: str) -> bool:
    """Hand the application the path that was judged, where its own goes up; false when that leads out of its mount."""
    if climbs(environ["PATH_INFO"]):
        inner = below(judged, environ.get("SCRIPT_NAME", ""))
        if inner is None:
            return False
        environ["PATH_INFO"] = inner.encode().decode("latin-1")
    return True


def answering(guard: Guard, decision: Decision, start_response: StartResponse) -> StartResponse:
    """The way out: adds the rate-limit fields, and settles the status before the client sees it."""

    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        fields = guard.answers.quota_headers(decision, guard.clock())
        guard.settle(decision, int(status[:3]))
        added = [*headers, *((name.title(), value) for name, value in fields)]
        return start_response(status, added, exc_info) if exc_info else start_response(status, added)

    return start


def request_of(environ: Environ, guard: Guard, route_of: RouteOf | None = None) -> Request:
    """The facts of a WSGI environment."""

    def header(name: str) -> str | None:
        key = name.upper().replace("-", "_")
        return environ.get(key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}")

    client = guard.addresses.resolve(environ.get("REMOTE_ADDR", ""), header)
    script = environ.get("SCRIPT_NAME", "")
    path = normal((script + environ.get("PATH_INFO", "")).encode("latin-1", "replace").decode("utf-8", "replace"))
    resolve = partial(route_of, environ) if route_of else None
    query = environ.get("QUERY_STRING", "")
    return Request(client, environ["REQUEST_METHOD"], path, header, query, identify=guard.identify, resolve=resolve)


def refuse(answer: Answer, start_response: StartResponse) -> list[bytes]:
    """Answer a refused request."""
    start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", [(n.title(), v) for n, v in answer.headers])
    return [answer.body]
