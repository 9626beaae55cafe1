"""A made-up machine, and the real one that the tests run on, whose packages are read once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from stockade.host.facts import packages
from tests.host.disk.machines import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """Debian with /usr merged: /bin is a link. Nothing of it is left behind, as some of it runs as root."""
    made = Machine(tmp_path / "root")
    made.file("/usr/bin/true", "true", 0o755)
    made.link("/bin", "usr/bin")
    made.link("/lib", "usr/lib")
    yield made
    shutil.rmtree(made.root)


@pytest.fixture(scope="session")
def real_packages() -> packages.Packages:
    found, unseen = packages.read(Path("/"))
    assert found, unseen
    return found
