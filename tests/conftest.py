"""What every test may ask for: the real servers of ``tests.servers``."""

from __future__ import annotations

pytest_plugins = [
    "tests.servers.caddy",
    "tests.servers.chromium",
    "tests.servers.docker_registry",
    "tests.servers.faults",
    "tests.servers.haproxy",
    "tests.servers.nginx",
    "tests.servers.postgres",
    "tests.servers.redis",
    "tests.servers.redis_cluster",
    "tests.servers.redis_old",
    "tests.servers.redis_sentinel",
    "tests.servers.valkey",
]
