"""Every store, opened on a real server where it needs one, and asked without awaiting.

A store joins the suite with one entry in ``STORES``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import pytest

from stockade.guard.memory import MemoryStore
from stockade.guard.meter import MICROSECONDS, Ask, AsyncStore, Ban, Group, Reading, Store, Tally
from stockade.guard.redis import AsyncRedisStore, RedisStore
from stockade.guard.shared import SharedStore
from tests.servers.redis import RedisServer
from tests.servers.redis_cluster import RedisCluster
from tests.servers.redis_sentinel import RedisSentinel

PATIENT = 10.0  # seconds: these tests are about answers, on a machine that may be busy


class Asked(Protocol):
    """A store, whichever kind it is."""

    whole: bool
    """Are the clients of one request judged together? In a cluster each is judged on its own."""

    def count(self, asks: Sequence[Ask], now: float | None = None) -> list[Tally]: ...
    def count_at_once(self, requests: Sequence[Sequence[Ask]]) -> list[list[Tally]]: ...
    def ban(self, ban: Ban) -> None: ...
    def forget(self, client: str) -> list[Ban]: ...
    def bans(self) -> list[Ban]: ...
    def networks(self) -> Sequence[str]: ...
    def close(self) -> None: ...


class Waited:
    """A store that is asked without awaiting."""

    def __init__(self, store: Store, *, whole: bool = True) -> None:
        self.store, self.whole = store, whole
        self.count, self.ban, self.forget, self.networks = store.count, store.ban, store.forget, store.networks

    def count_at_once(self, requests: Sequence[Sequence[Ask]]) -> list[list[Tally]]:
        with ThreadPoolExecutor(8) as threads:
            return list(threads.map(self.store.count, requests))

    def bans(self) -> list[Ban]:
        return list(self.store.bans())

    def close(self) -> None:
        if isinstance(self.store, RedisStore):
            self.store.close()


class Awaited:
    """A store that is awaited, in a loop of its own."""

    def __init__(self, open_store: Callable[[], AsyncRedisStore], *, whole: bool = True) -> None:
        self.runner, self.whole = asyncio.Runner(), whole
        self.opened = open_store()
        self.store: AsyncStore = self.opened

    def count(self, asks: Sequence[Ask], now: float | None = None) -> list[Tally]:
        return self.runner.run(self.store.count(asks, now))

    def count_at_once(self, requests: Sequence[Sequence[Ask]]) -> list[list[Tally]]:
        async def all_at_once() -> list[list[Tally]]:
            return await asyncio.gather(*map(self.store.count, requests))

        return self.runner.run(all_at_once())

    def ban(self, ban: Ban) -> None:
        self.runner.run(self.store.ban(ban))

    def forget(self, client: str) -> list[Ban]:
        return self.runner.run(self.store.forget(client))

    def bans(self) -> list[Ban]:
        return self.runner.run(self.store.bans())

    def networks(self) -> Sequence[str]:
        return self.runner.run(self.store.networks())

    def close(self) -> None:
        self.runner.run(self.opened.aclose())
        self.runner.close()


SERVERS = {"valkey": "valkey_server", "6.2": "old_redis_server"}


def redis_url(ask: pytest.FixtureRequest, kind: str) -> str:
    """Where a server of this kind runs for the tests, empty."""
    if kind == "cluster":
        cluster: RedisCluster = ask.getfixturevalue("redis_cluster")
        return "redis+cluster://" + ",".join(f"127.0.0.1:{port}" for port in cluster.ports[:2])
    if kind == "sentinel":
        watched: RedisSentinel = ask.getfixturevalue("redis_sentinel")
        return "redis+sentinel://" + ",".join(f"127.0.0.1:{p}" for p in watched.sentinels) + f"/{watched.service}"
    server: RedisServer = ask.getfixturevalue(SERVERS.get(kind, "redis_server"))
    return server.unix_url if kind == "unix" else server.url


def on_redis(kind: str) -> Callable[[pytest.FixtureRequest], Asked]:
    def opened(ask: pytest.FixtureRequest) -> Asked:
        return Waited(RedisStore(redis_url(ask, kind), deadline=PATIENT), whole=kind != "cluster")

    return opened


def on_redis_awaited(kind: str) -> Callable[[pytest.FixtureRequest], Asked]:
    def opened(ask: pytest.FixtureRequest) -> Asked:
        url = redis_url(ask, kind)
        return Awaited(lambda: AsyncRedisStore(url, deadline=PATIENT), whole=kind != "cluster")

    return opened


def in_a_file(ask: pytest.FixtureRequest) -> Asked:
    directory: Path = ask.getfixturevalue("tmp_path")
    return Waited(SharedStore(directory / "counters", clients=4096))


KINDS = ("redis", "unix", "6.2", "valkey", "sentinel", "cluster")
STORES: dict[str, Callable[[pytest.FixtureRequest], Asked]] = {
    "memory": lambda _: Waited(MemoryStore()),
    "shared": in_a_file,
    **{kind: on_redis(kind) for kind in KINDS},
    **{f"{kind}-async": on_redis_awaited(kind) for kind in KINDS},
}


def now() -> float:
    """The time in microseconds, whole."""
    return float(int(time.time() * MICROSECONDS))


def used(store: Asked, client: str, group: Group, at: float | None = None) -> list[float]:
    """How much a client has used, by meter, after asking once more."""
    return [reading[0] for reading in readings(store, client, group, at)]


def readings(store: Asked, client: str, group: Group, at: float | None = None) -> Sequence[Reading]:
    """What each meter says when a client asks."""
    ((banned_by, _, found),) = store.count([(client, group, "GET /")], at)
    assert banned_by == "", f"{client} is banned by {banned_by}"
    return found
