"""The applications that are put under load: Starlette's hello, alone, behind the guard, and behind limits.

uvicorn imports them by name; ``STOCKADE_BENCH_REDIS`` says where Redis is.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from bench.rules import LIMITS, throttles
from stockade.guard.answers import Answers
from stockade.guard.asgi import GuardMiddleware
from stockade.guard.gate import Guard
from stockade.guard.meter import AsyncStore

PROXIES = ["127.0.0.1"]
"""The load comes from here, and says for whom."""


def bare() -> Any:
    """The application alone."""
    return Starlette(routes=[Route("/", hello)])


async def hello(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("hello\n")


def memory() -> Any:
    """Behind the guard, counting in memory."""
    return GuardMiddleware(bare(), Guard(*throttles(), trusted_proxies=PROXIES))


def always() -> Any:
    """The same, telling every client with every answer how five quotas stand; the peers tell nobody."""
    return GuardMiddleware(bare(), Guard(*throttles(), trusted_proxies=PROXIES, answers=Answers(told="always")))


def redis() -> Any:
    """Behind the guard, counting in Redis."""
    from stockade.guard.redis import AsyncRedisStore

    store: AsyncStore = AsyncRedisStore(f"unix://{os.environ['STOCKADE_BENCH_REDIS']}")
    return GuardMiddleware(bare(), Guard(*throttles(), store=store, trusted_proxies=PROXIES))


def limits() -> Any:
    """Behind limits, counting in Redis through redis-py: the shortest middleware there can be."""
    from limits import RateLimitItemPerSecond
    from limits.aio.storage import RedisStorage
    from limits.aio.strategies import FixedWindowRateLimiter

    storage = RedisStorage(f"async+redis+unix://{os.environ['STOCKADE_BENCH_REDIS']}", implementation="redispy")
    limiter = FixedWindowRateLimiter(storage)
    items = [RateLimitItemPerSecond(limit, period) for period, limit in LIMITS.items()]
    app = bare()

    async def limited(scope: Any, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        if scope["type"] == "http":
            client = dict(scope["headers"])[b"x-forwarded-for"].decode()
            for item in items:
                if not await limiter.hit(item, client):
                    await PlainTextResponse("Retry later\n", 429)(scope, receive, send)
                    return
        await app(scope, receive, send)

    return limited


def nothing() -> Any:
    """An application that says yes to everything."""

    async def yes(scope: Any, _receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})

    return yes
