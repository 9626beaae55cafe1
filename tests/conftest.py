"""What every test may ask for: the real servers of ``tests.servers``; and how all of them are run."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from httpx2._config import DEFAULT_TIMEOUT_CONFIG
from hypothesis import HealthCheck, settings

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A suite that was started in the background is deaf to interrupts, and so would be every program it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)

os.environ["TZ"] = "UTC"
time.tzset()  # what is written without a zone means the same wherever the tests run

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

_AT_ANY_PACE = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same", _AT_ANY_PACE, derandomize=True)  # what passed here passes elsewhere
settings.register_profile("explore", _AT_ANY_PACE, derandomize=False)  # pytest --hypothesis-profile=explore
settings.load_profile("same")


for phase in ("connect", "read", "write", "pool"):
    setattr(DEFAULT_TIMEOUT_CONFIG, phase, 60.0)  # an answer that is late on a busy machine is no wrong answer


LONGEST = ("test_machine_story.py", "test_whole_story.py", "test_machine.py", "test_killed.py")
"""Begun first: begun last, one worker would be busy with them alone."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest comes first, and all else in its order."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


def pytest_runtest_setup() -> None:
    """Have each test see a terminal of its own, as wide as it says: a process makes it once."""
    if (screen := sys.modules.get("stockade.cli.screen")) is not None:
        screen.console.cache_clear()


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: many tests wait for a server or a clock, and another goes on meanwhile."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(scope="module", autouse=True)
def _what_is_left_open_is_found_here() -> Iterator[None]:
    """Collect the garbage of a module, so that what it has left open fails a test of its own, not one of another."""
    yield
    gc.collect()


@pytest.fixture(scope="session", autouse=True)
def nothing_lasts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Files that can only grow could not be removed by the next run, and would fill the disk in time."""
    yield
    unlock = ["chattr", "-R", "-f", "-a", "-i", str(tmp_path_factory.getbasetemp())]
    subprocess.run(unlock, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
