"""What the tests of a shut network share: one machine and its neighbours, opened again after each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.host.restrict.hosts import Hosts, made
from tests.servers.processes import wait_until


@pytest.fixture(scope="module")
def town() -> Iterator[Hosts]:
    with made() as hosts:
        yield hosts


@pytest.fixture
def hosts(town: Hosts) -> Iterator[Hosts]:
    """The machine with its network open, and no log."""
    yield town
    town.run("machine", "nft", "flush", "ruleset")
    still = ("ss", "-Htn", "state", "established", "sport", "=", "2222")
    wait_until(lambda: not town.run("machine", *still), "the operator to be gone")
    shutil.rmtree(town.directory / "state", ignore_errors=True)
    (town.directory / "stockade.toml").unlink(missing_ok=True)
