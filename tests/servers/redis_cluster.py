"""Redis Cluster: three primaries with a replica each, set to fail over within seconds."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from tests.servers.processes import free_port, program, running, short_directory, signal_group, wait_until
from tests.servers.redis import answers, redis_arguments

_FAST_FAILOVER = (
    *("--cluster-node-timeout", "1000", "--cluster-require-full-coverage", "no"),
    *("--repl-diskless-sync-delay", "0", "--cluster-replica-validity-factor", "0"),
)


@dataclass(frozen=True)
class RedisCluster:
    """A running cluster; ``nodes`` are its processes by port."""

    nodes: dict[int, subprocess.Popen[bytes]]

    @property
    def ports(self) -> list[int]:
        return list(self.nodes)

    @property
    def url(self) -> str:
        """The address of one node, from which a client finds the others."""
        return f"redis://127.0.0.1:{self.ports[0]}"

    def primaries(self) -> list[int]:
        """The ports that are primaries now, as the first node that answers sees it."""
        return sorted(self._ports(self._seen_nodes(), "master"))

    def primary_of(self, key: str) -> int:
        """The port of the primary that holds a key."""
        for port in self.primaries():
            with self.client(port) as client:
                slot = client.execute_command("CLUSTER", "KEYSLOT", key)
                for first, last, primary, *_ in client.execute_command("CLUSTER", "SLOTS"):
                    if first <= slot <= last:
                        return int(primary[1])
        raise LookupError(f"no primary holds {key!r}")

    @contextlib.contextmanager
    def client(self, port: int) -> Iterator[redis.Redis]:
        """A plain client of one node."""
        with contextlib.closing(redis.Redis(port=port, socket_timeout=20, decode_responses=True)) as client:
            yield client

    def flush(self) -> None:
        """Empty every primary."""
        for port in self.primaries():
            with self.client(port) as client:
                client.flushall()

    def be_patient(self) -> None:
        """From now on none of them takes a machine that is busy for a node that is lost."""
        for port in self.ports:
            with self.client(port) as client:
                client.config_set("cluster-node-timeout", 300_000)

    def kill(self, port: int) -> None:
        """One node is gone at once; its replica takes over within about three seconds."""
        signal_group(self.nodes[port], signal.SIGKILL)
        self.nodes[port].wait()

    def complete(self) -> bool:
        """Whether every node has joined, serves, and every replica follows its primary, in the eyes of all."""
        return all(self._sees_all(port) for port in self.nodes)

    def _sees_all(self, port: int) -> bool:
        with self.client(port) as client:
            nodes = str(client.execute_command("CLUSTER", "NODES", NEVER_DECODE=True), "ascii")
            serves = "cluster_state:ok" in str(client.execute_command("CLUSTER", "INFO", NEVER_DECODE=True), "ascii")
            replication = client.info("replication")
        linked = replication["role"] == "master" or replication["master_link_status"] == "up"
        return (
            serves
            and linked
            and len(self._ports(nodes, "master")) == len(self._ports(nodes, "slave")) == len(self.nodes) // 2
        )

    def _seen_nodes(self) -> str:
        for port in self.nodes:
            with contextlib.suppress(redis.RedisError), self.client(port) as client:
                return str(client.execute_command("CLUSTER", "NODES", NEVER_DECODE=True), "ascii")
        raise LookupError("no node of the cluster answers")

    @staticmethod
    def _ports(nodes: str, role: str) -> set[int]:
        rows = (line.split() for line in nodes.splitlines())
        alive = (row for row in rows if role in row[2].split(",") and "fail" not in row[2].split(","))
        return {int(row[1].partition("@")[0].rpartition(":")[2]) for row in alive}


StartRedisCluster = Callable[[], RedisCluster]


@contextlib.contextmanager
def start_redis_cluster() -> Iterator[RedisCluster]:
    """Run a cluster of six nodes until the end of the block; it is ready after about four seconds."""
    with short_directory() as directory, contextlib.ExitStack() as stack:
        cluster = RedisCluster({port: stack.enter_context(_node(directory, port)) for port in _six_ports()})
        wait_until(lambda: all(map(answers, cluster.ports)), "six Redis nodes")
        _join(cluster.ports)
        wait_until(cluster.complete, "the Redis cluster to form", seconds=60)
        yield cluster


def _six_ports() -> list[int]:
    return [free_port() for _ in range(6)]


@contextlib.contextmanager
def _node(parent: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    directory = parent / str(port)
    directory.mkdir()
    argv = [*redis_arguments(directory, port), "--cluster-enabled", "yes", *_FAST_FAILOVER]
    with running(*argv, log=directory / "log") as process:
        yield process


def _join(ports: list[int]) -> None:
    addresses = [f"127.0.0.1:{port}" for port in ports]
    argv = [program("redis-cli", "redis-server"), "--cluster", "create", *addresses]
    subprocess.run([*argv, "--cluster-replicas", "1", "--cluster-yes"], check=True, capture_output=True, timeout=60)


@pytest.fixture(scope="session")
def shared_redis_cluster() -> Iterator[RedisCluster]:
    """The worker's cluster as the last test left it; tests ask for ``redis_cluster``."""
    with start_redis_cluster() as cluster:
        cluster.be_patient()
        yield cluster


@pytest.fixture
def redis_cluster(shared_redis_cluster: RedisCluster) -> RedisCluster:
    """An empty six-node cluster, not to be broken: the worker's other tests use the same processes."""
    shared_redis_cluster.flush()
    return shared_redis_cluster


@pytest.fixture
def new_redis_cluster() -> Iterator[StartRedisCluster]:
    """Start private clusters, whose nodes a test may kill."""
    with contextlib.ExitStack() as stack:
        yield lambda: stack.enter_context(start_redis_cluster())
