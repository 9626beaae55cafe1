"""The guard in front of a FastAPI or Starlette application, and limits of single endpoints.

>>> protect(app, guard)  # doctest: +SKIP
>>> @app.get("/report")  # doctest: +SKIP
... @limited(guard, Throttle("reports", limit=3, period=60))
... def report() -> str: ...
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial, wraps
from inspect import isasyncgenfunction, iscoroutinefunction, isfunction, isgeneratorfunction
from typing import Any, ParamSpec, TypeVar

from anyio import from_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Scope
from starlette.websockets import WebSocket, WebSocketState

from stockade.errors import ConfigurationError
from stockade.guard.answers import Answer
from stockade.guard.asgi import JUDGED, GuardMiddleware, current, refuse
from stockade.guard.gate import Guard
from stockade.guard.limit import Limit
from stockade.guard.rules import Rule

flat: Callable[[Sequence[BaseRoute]], Iterable[Any]]
try:
    from fastapi.routing import iter_route_contexts

    flat = iter_route_contexts
except ImportError:  # Starlette alone, or a FastAPI that copies the routes of a router it includes
    flat = iter

P = ParamSpec("P")
R = TypeVar("R")


def protect(app: Starlette, guard: Guard) -> None:
    """Put a guard in front of an application, all that is mounted in it included. Twice does no harm.

    Raises ConfigurationError for a store across a network that would hold up the event loop.
    """
    redis = sys.modules.get("stockade.guard.redis")
    if redis is not None and isinstance(guard.store, redis.RedisStore):
        raise ConfigurationError(
            "the guard's store would hold up the event loop while it waits for Redis", remedy="Use an AsyncRedisStore."
        )
    app.add_middleware(GuardMiddleware, guard=guard, route_of=partial(route_of, app))
    app.add_exception_handler(Refusal, _refuse)


def limit(guard: Guard, *rules: Rule) -> Callable[[HTTPConnection], Any]:
    """A dependency that asks further rules: ``Depends(limit(guard, Throttle("reports", limit=3, period=60)))``.

    The application is to be protected by the same guard. One dependency in several places is one counter.
    """
    asked = Limit(guard, *rules)

    async def within_limit(connection: HTTPConnection) -> None:
        _raise(await asked.adecide(connection.scope.get(JUDGED)))

    return within_limit


def limited(guard: Guard, *rules: Rule) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A decorator that asks further rules before an endpoint runs; stands below ``@app.get``, and needs no request.

    The application is to be protected by the same guard. Raises ConfigurationError for what is not a plain endpoint.
    """
    asked = Limit(guard, *rules)

    def decorate(endpoint: Callable[P, R]) -> Callable[P, R]:
        if not isfunction(endpoint) or isgeneratorfunction(endpoint) or isasyncgenfunction(endpoint):
            raise ConfigurationError(
                f"{endpoint!r} is not an endpoint that can be decorated with a limit",
                remedy="Use dependencies=[Depends(limit(guard, …))], or decorate the methods of a class.",
            )
        return _awaiting(asked, endpoint) if iscoroutinefunction(endpoint) else _waiting(asked, endpoint)

    return decorate


def _awaiting(asked: Limit, endpoint: Callable[P, Any]) -> Callable[P, Any]:
    @wraps(endpoint)
    async def within_limit(*args: P.args, **kwargs: P.kwargs) -> Any:
        _raise(await asked.adecide(current.get(None)))
        return await endpoint(*args, **kwargs)

    return within_limit


def _waiting(asked: Limit, endpoint: Callable[P, R]) -> Callable[P, R]:
    """The same for an endpoint that runs in a thread."""

    @wraps(endpoint)
    def within_limit(*args: P.args, **kwargs: P.kwargs) -> R:
        judged = current.get(None)
        _raise(from_thread.run(asked.adecide, judged) if asked.guard.awaits else asked.decide(judged))
        return endpoint(*args, **kwargs)

    return within_limit


class Refusal(HTTPException):
    """An endpoint's own rules refused the request. A protected application gives the guard's answer to it; one that
    is mounted in it, and has handlers of its own, at least the same status and fields.
    """

    def __init__(self, answer: Answer) -> None:
        fields = {name: value for name, value in answer.headers if not name.startswith("content-")}
        super().__init__(answer.status, answer.body.decode().strip(), fields)
        self.answer = answer


def _raise(answer: Answer | None) -> None:
    if answer is not None:
        raise Refusal(answer)


async def _refuse(connection: HTTPConnection, refusal: Exception) -> Any:
    """The guard's very answer; a WebSocket that was accepted already is closed (RFC 6455, section 7.4.1)."""
    if not isinstance(refusal, Refusal):
        raise refusal
    if isinstance(connection, WebSocket) and connection.application_state is not WebSocketState.CONNECTING:
        return await connection.close(1008)
    return partial(refuse, refusal.answer)


def route_of(app: ASGIApp, scope: Scope) -> str | None:
    """The route that will serve a request, as the application writes it, mounts included: ``/api/items/{id}``."""
    return _found(getattr(app, "routes", ()), dict(scope))


def _found(routes: Sequence[BaseRoute], scope: Scope) -> str | None:
    """As Starlette's router looks: the first that matches fully, or else the first that has another method."""
    partly: str | None = None
    for route in flat(routes):
        match, inner = route.matches(scope)
        if match is Match.FULL:
            return _named(route, {**scope, **inner})
        if match is Match.PARTIAL and partly is None:
            partly = _named(route, {**scope, **inner})
    return partly


def _named(route: Any, scope: Scope) -> str | None:
    """A route's own path, or a mount's with what is found in it."""
    within = getattr(route, "routes", None)
    path: str = getattr(route, "path", None) or ""
    return path + (_found(within, scope) or "") if within else path or None
