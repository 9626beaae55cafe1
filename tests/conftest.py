"""What every test may ask for: the real servers of ``tests.servers``."""

from __future__ import annotations

import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A suite that was started in the background is deaf to interrupts, and so would be every program it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = [
    "tests.servers.authority",
    "tests.servers.caddy",
    "tests.servers.ceph",
    "tests.servers.certificates",
    "tests.servers.chromium",
    "tests.servers.docker_registry",
    "tests.servers.faults",
    "tests.servers.haproxy",
    "tests.servers.moto",
    "tests.servers.nginx",
    "tests.servers.postgres",
    "tests.servers.redis",
    "tests.servers.redis_cluster",
    "tests.servers.redis_old",
    "tests.servers.redis_sentinel",
    "tests.servers.rsyslog",
    "tests.servers.valkey",
]
