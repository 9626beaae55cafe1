"""slowapi: its plain ASGI middleware with five default limits, above the same Starlette application without."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slowapi import Limiter
from slowapi.middleware import SlowAPIASGIMiddleware
from slowapi.util import get_remote_address
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from bench.rounds import Round, above, each
from bench.rules import LIMITS


async def hello(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("hello\n")


def application(*middleware: Middleware) -> Starlette:
    return Starlette(routes=[Route("/", hello)], middleware=list(middleware))


def called(app: Starlette) -> Callable[[str], object]:
    """Ask an application as a server would, driving the coroutine by hand since nothing in it waits."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        if message.get("status", 200) != 200:
            raise RuntimeError(f"not what was asked: {message}")

    def ask(client: str) -> None:
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/",
            "query_string": b"",
            "headers": [(b"host", b"localhost")],
            "client": (client, 1),
            "server": ("127.0.0.1", 80),
            "scheme": "http",
        }
        try:
            app(scope, receive, send).send(None)  # a coroutine, driven by hand
        except StopIteration:
            return
        raise RuntimeError("the application waits for something")

    return ask


def contestant() -> Round:
    limited = application(Middleware(SlowAPIASGIMiddleware))
    rates: list[str | Callable[..., str]] = [f"{limit} per {period} second" for period, limit in LIMITS.items()]
    limited.state.limiter = Limiter(key_func=get_remote_address, default_limits=rates)
    return above(each(called(limited)), each(called(application())))
