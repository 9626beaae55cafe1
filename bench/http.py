"""What the guard costs a real server: Starlette's hello under uvicorn, with and without, under the same load."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from statistics import median
from typing import Final

from bench.rounds import in_turns
from bench.rows import Row
from bench.serving import under_uvicorn
from bench.wrk import requests_a_second
from tests.servers.redis import start_redis

APPLICATIONS: Final = ("bare", "memory", "silent", "redis", "limits")
HOW: Final = "ten thousand clients behind a declared proxy, by X-Forwarded-For; median of the ratios of adjacent rounds"


def rows(*, seconds: int, rounds: int) -> list[Row]:
    """Shares of what the bare application answers."""
    found = measured(seconds, rounds)

    def share(of: str, to: str = "bare") -> float:
        return median(a / b for a, b in zip(found[of], found[to], strict=True))

    def pace(name: str) -> str:
        return f"{median(found[name]):,.0f} requests/s"

    def shown(name: str) -> str:
        return f"{share(name):.0%}, {pace(name)}"

    memory, silent, redis, times = share("memory"), share("silent"), share("redis"), share("redis", "limits")
    return [
        Row("the bare application", "", pace("bare"), 1.0, None, HOW),
        Row("behind the guard, memory store", "≥ 88 % of it", shown("memory"), memory, memory >= 0.88),
        Row("the same, no rate-limit fields in the answers", "", shown("silent"), silent, None, "as the peers have it"),
        Row("behind the guard, Redis", "≥ 50 % of it", shown("redis"), redis, redis >= 0.5),
        Row("behind limits, redis-py", "", shown("limits"), share("limits"), None, "the same five limits"),
        Row("the guard and limits, both on Redis", "≥ 4 × limits", f"{times:.1f} times", times, times >= 4),
    ]


def measured(seconds: int, rounds: int) -> dict[str, list[float]]:
    """Requests a second of every application, round by round."""
    with ExitStack() as stack:
        redis = stack.enter_context(start_redis())
        settings = {"STOCKADE_BENCH_REDIS": str(redis.socket)}
        ports = {name: stack.enter_context(under_uvicorn(name, settings)) for name in APPLICATIONS}
        return loaded(ports, seconds, rounds)


def loaded(ports: dict[str, int], seconds: int, rounds: int) -> dict[str, list[float]]:
    """Load each server in turn, once to warm it and then for the figures."""
    load: dict[str, Callable[[], float]] = {
        name: partial(requests_a_second, port, seconds) for name, port in ports.items()
    }
    for warm in load.values():
        warm()
    return in_turns(load, rounds)
