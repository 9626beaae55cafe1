"""What every test may ask for: the real servers of ``tests.servers``."""

from __future__ import annotations

pytest_plugins = [
    "tests.servers.nginx",
    "tests.servers.redis",
    "tests.servers.redis_cluster",
    "tests.servers.redis_sentinel",
]
