"""Lines and logs for the tests, and the real ones where they are."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from stockade.guard.logs.formats import Dating, Line, Read, reader
from tests.source_tree import ROOT

NOON = 1_700_049_600.0
"""15 November 2023, noon, UTC."""
SHARED = ROOT.parent / "shared" / "data"


def real(name: str) -> Path:
    """A file of real data that is kept beside the checkout; where it is not, the test is skipped, and says so."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"no real data at ../shared/data/{name}")
    return path


def dating(latest: float = NOON) -> Dating:
    return Dating(lambda: latest, UTC)


def reading(name: str, latest: float = NOON) -> Read:
    return reader(name, dating(latest))


def told(name: str, text: str) -> Line:
    """What a single line says, which has to be a request."""
    line = reading(name)(text)
    assert line is not None
    return line


def access(
    address: str = "192.0.2.1",
    request: str = "GET / HTTP/1.1",
    status: int = 200,
    at: float = NOON,
    *,
    user: str = "-",
    agent: str = "curl/8",
) -> str:
    """A line of an access log."""
    stamp = datetime.fromtimestamp(at, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")
    return f'{address} - {user} [{stamp}] "{request}" {status} 512 "-" "{agent}"'


def guess(address: str = "192.0.2.1", user: str = "root", at: float = NOON, process: int = 100) -> str:
    """A wrong password, as sshd tells of it."""
    stamp = datetime.fromtimestamp(at, UTC).strftime("%b %e %H:%M:%S")
    return f"{stamp} host sshd[{process}]: Failed password for {user} from {address} port 4000 ssh2"
