"""Redis under Sentinel: a primary, a replica, and three sentinels that agree on a failover within seconds."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from tests.servers.processes import free_port, program, running, short_directory, wait_until
from tests.servers.redis import RedisServer, answers, start_redis

_CONFIGURATION = """\
port {port}
bind 127.0.0.1
dir {directory}
sentinel monitor {service} 127.0.0.1 {primary} 2
sentinel down-after-milliseconds {service} 800
sentinel failover-timeout {service} 3000
"""


@dataclass(frozen=True)
class RedisSentinel:
    """A primary and its replica, as first started, watched under one service name."""

    service: str
    sentinels: list[int]
    primary: RedisServer
    replica: RedisServer

    @property
    def addresses(self) -> list[tuple[str, int]]:
        return [("127.0.0.1", port) for port in self.sentinels]

    def primary_port(self) -> int:
        """The port that the first sentinel names as the primary now."""
        with contextlib.closing(redis.Redis(port=self.sentinels[0], socket_timeout=20)) as client:
            return int(client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.service)[1])

    def agreed(self) -> bool:
        """Whether every sentinel knows the replica and the other two sentinels."""
        return all(self._knows_all(port) for port in self.sentinels)

    def be_patient(self) -> None:
        """From now on none of them takes a machine that is busy for a primary that is lost."""
        for port in self.sentinels:
            with contextlib.closing(redis.Redis(port=port, socket_timeout=20)) as client:
                client.execute_command("SENTINEL", "SET", self.service, "down-after-milliseconds", 300_000)

    def _knows_all(self, port: int) -> bool:
        with contextlib.closing(redis.Redis(port=port, socket_timeout=20, decode_responses=True)) as client:
            replicas = client.execute_command("SENTINEL", "REPLICAS", self.service)
            others = client.execute_command("SENTINEL", "SENTINELS", self.service)
        return len(replicas) == 1 and len(others) == len(self.sentinels) - 1


StartRedisSentinel = Callable[[], RedisSentinel]


@contextlib.contextmanager
def start_redis_sentinel() -> Iterator[RedisSentinel]:
    """Run a primary, a replica and three sentinels until the end of the block."""
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(short_directory())
        primary = stack.enter_context(start_redis("--repl-diskless-sync-delay", 0))
        replica = stack.enter_context(start_redis("--replicaof", f"127.0.0.1 {primary.port}"))
        wait_until(lambda: _follows(replica), "the replica to follow its primary")
        ports = [stack.enter_context(_sentinel(directory, primary.port)) for _ in range(3)]
        watched = RedisSentinel("stockade", ports, primary, replica)
        wait_until(lambda: all(map(answers, ports)) and watched.agreed(), "the sentinels to agree", seconds=60)
        yield watched


def _follows(replica: RedisServer) -> bool:
    with replica.client() as client:
        return bool(client.info("replication")["master_link_status"] == "up")


@contextlib.contextmanager
def _sentinel(parent: Path, primary: int) -> Iterator[int]:
    port = free_port()
    directory = parent / str(port)
    directory.mkdir()
    configuration = directory / "sentinel.conf"  # the sentinel rewrites it
    configuration.write_text(_CONFIGURATION.format(port=port, directory=directory, primary=primary, service="stockade"))
    with running(program("redis-sentinel", "redis-sentinel"), configuration, log=directory / "log"):
        yield port


@pytest.fixture(scope="session")
def shared_redis_sentinel() -> Iterator[RedisSentinel]:
    """The worker's servers under Sentinel as the last test left them; tests ask for ``redis_sentinel``."""
    with start_redis_sentinel() as watched:
        watched.be_patient()
        yield watched


@pytest.fixture
def redis_sentinel(shared_redis_sentinel: RedisSentinel) -> RedisSentinel:
    """An empty primary with replica and sentinels, not to be broken: the worker's other tests use the same ones."""
    shared_redis_sentinel.primary.command("FLUSHALL")
    return shared_redis_sentinel


@pytest.fixture
def new_redis_sentinel() -> Iterator[StartRedisSentinel]:
    """Start private ones, whose servers a test may kill or freeze."""
    with contextlib.ExitStack() as stack:
        yield lambda: stack.enter_context(start_redis_sentinel())
