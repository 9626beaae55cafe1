"""What the guard costs a real server: Starlette's hello under uvicorn, with and without, under the same load."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from statistics import median
from typing import Final

from bench.rows import Row
from bench.serving import Server, under_uvicorn
from bench.wrk import load
from tests.servers.redis import start_redis

APPLICATIONS: Final = ("bare", "memory", "always", "redis", "limits")
HOW: Final = "ten thousand clients behind a declared proxy, by X-Forwarded-For; median of the ratios of adjacent rounds"


class Figures:
    """Requests a second, and the server's processor time a request in microseconds, round by round."""

    def __init__(self) -> None:
        self.pace: list[float] = []
        self.busy: list[float] = []

    def add(self, server: Server, port: int, seconds: int) -> None:
        """One more round."""
        before = server.busy()
        found = load(port, seconds)
        self.pace.append(found.requests / found.seconds)
        self.busy.append((server.busy() - before) / found.requests * 1e6)

    def share(self, other: Figures) -> float:
        """The pace as a share of another's: the median over the rounds."""
        return median(mine / theirs for mine, theirs in zip(self.pace, other.pace, strict=True))

    def __str__(self) -> str:
        return f"{median(self.pace):,.0f} requests/s"

    def cost(self) -> str:
        """The least that a request took of the processor."""
        return f"{min(self.busy):.1f} µs of processor time a request"


def rows(*, seconds: int, rounds: int) -> list[Row]:
    """Shares of what the bare application answers."""
    found = measured(seconds, rounds)
    bare, redis, limits = found["bare"], found["redis"], found["limits"]
    times = redis.share(limits)
    return [
        Row("the bare application", "", str(bare), 1.0, None, f"{bare.cost()}; {HOW}"),
        _row("behind the guard, memory store", found["memory"], bare, 0.88),
        _row("the same, five quotas told with every answer", found["always"], bare),
        _row("behind the guard, Redis", redis, bare, 0.5),
        _row("behind limits, redis-py", limits, bare),
        Row("the guard and limits, both on Redis", "≥ 4 × limits", f"{times:.1f} times", times, times >= 4),
    ]


def _row(title: str, figures: Figures, bare: Figures, bar: float | None = None) -> Row:
    share = figures.share(bare)
    wanted, passes = (f"≥ {bar:.0%} of it", share >= bar) if bar else ("", None)
    return Row(title, wanted, f"{share:.0%}, {figures}", share, passes, figures.cost())


def measured(seconds: int, rounds: int) -> dict[str, Figures]:
    """Every application under load."""
    with ExitStack() as stack:
        redis = stack.enter_context(start_redis())
        settings = {"STOCKADE_BENCH_REDIS": str(redis.socket)}
        servers = {name: stack.enter_context(under_uvicorn(name, settings)) for name in APPLICATIONS}
        return in_turns({name: (server, server.port) for name, server in servers.items()}, seconds, rounds)


def in_turns(servers: Mapping[str, tuple[Server, int]], seconds: int, rounds: int) -> dict[str, Figures]:
    """Load each server through its port, in turns, after one second each to warm up."""
    for _, port in servers.values():
        load(port, 1)
    found = {name: Figures() for name in servers}
    for _ in range(rounds):
        for name, (server, port) in servers.items():
            found[name].add(server, port, seconds)
    return found
