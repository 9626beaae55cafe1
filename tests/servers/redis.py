"""Redis, standalone: one that a worker's tests share, emptied for each, and private ones to break."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.servers.processes import (
    end,
    free_port,
    program,
    running,
    short_directory,
    signal_group,
    wait_ready,
)

NEVER = Retry(NoBackoff(), retries=0)  # a test that breaks a server wants to see it broken


@dataclass(frozen=True)
class RedisServer:
    """A running server, reachable over TCP and over a Unix socket, keeping nothing on disk."""

    port: int
    directory: Path
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def socket(self) -> Path:
        return self.directory / "redis.sock"

    @property
    def unix_url(self) -> str:
        return f"unix://{self.socket}?db=0"

    @contextlib.contextmanager
    def client(self) -> Iterator[redis.Redis]:
        """A plain client of its own connection, closed at the end."""
        with contextlib.closing(
            redis.Redis(port=self.port, socket_timeout=20, retry=NEVER, decode_responses=True)
        ) as client:
            yield client

    def command(self, *words: str | int) -> object:
        """Send one command over a fresh connection, as redis-cli does."""
        with self.client() as client:
            return client.execute_command(*words)

    def freeze(self) -> None:
        """The process stands still and answers nothing, its connections stay open (SIGSTOP)."""
        signal_group(self.process, signal.SIGSTOP)

    def thaw(self) -> None:
        """The process goes on where it stood (SIGCONT)."""
        signal_group(self.process, signal.SIGCONT)

    def kill(self) -> None:
        """The process is gone at once, as after a crash (SIGKILL)."""
        signal_group(self.process, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """The process ends in good order."""
        end(self.process)

    def fill(self) -> None:
        """Its memory is full: every command that may need more of it is refused with OOM."""
        self.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
        self.command("CONFIG", "SET", "maxmemory", 1)

    def demote(self) -> None:
        """It becomes a replica of nobody reachable: writes are refused with READONLY."""
        self.command("REPLICAOF", "127.0.0.1", 1)

    def promote(self) -> None:
        """It takes writes again."""
        self.command("REPLICAOF", "NO", "ONE")


StartRedis = Callable[..., RedisServer]


@contextlib.contextmanager
def start_redis(
    *options: str | int, server: str | Path | None = None, port: int | None = None
) -> Iterator[RedisServer]:
    """Run a server with further command-line options, on a given or a free port, until the end of the block."""
    with short_directory() as directory:
        chosen = port or free_port()
        argv = redis_arguments(directory, chosen, server=server)
        log = directory / "log"
        with running(*argv, "--unixsocket", directory / "redis.sock", *map(str, options), log=log) as process:
            started = RedisServer(chosen, directory, process)
            wait_ready(process, log, lambda: answers(chosen))
            yield started


def redis_arguments(directory: Path, port: int, *, server: str | Path | None = None) -> list[str | Path]:
    """The command line of a server on loopback that writes nothing to disk."""
    binary = server or program("redis-server", "redis-server")
    where = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(directory)]
    return [binary, *where, "--save", "", "--appendonly", "no", "--daemonize", "no"]


def answers(port: int) -> bool:
    """Whether a server on this port answers PING."""
    with contextlib.closing(redis.Redis(port=port, socket_timeout=1)) as client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False


@pytest.fixture(scope="session")
def shared_redis() -> Iterator[RedisServer]:
    """The worker's server as the last test left it; tests ask for ``redis_server``."""
    with start_redis() as server:
        yield server


@pytest.fixture
def redis_server(shared_redis: RedisServer) -> RedisServer:
    """An empty Redis, not to be broken: the worker's other tests use the same process."""
    shared_redis.command("FLUSHALL")
    shared_redis.command("SCRIPT", "FLUSH")
    return shared_redis


@pytest.fixture
def new_redis() -> Iterator[StartRedis]:
    """Start private servers (arguments as for ``start_redis``) that a test may kill, freeze, fill or demote."""
    with contextlib.ExitStack() as stack:

        def start(*options: str | int, port: int | None = None) -> RedisServer:
            return stack.enter_context(start_redis(*options, port=port))

        yield start
