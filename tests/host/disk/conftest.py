"""A made-up machine, and the real one that the tests run on, whose packages are read once."""

from __future__ import annotations

from pathlib import Path

import pytest

from stockade.host.facts import packages
from tests.host.disk.machines import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Debian with /usr merged: /bin is a link."""
    made = Machine(tmp_path / "root")
    made.file("/usr/bin/true", "true", 0o755)
    made.link("/bin", "usr/bin")
    made.link("/lib", "usr/lib")
    return made


@pytest.fixture(scope="session")
def real_packages() -> packages.Packages:
    found, unseen = packages.read(Path("/"))
    assert found, unseen
    return found
