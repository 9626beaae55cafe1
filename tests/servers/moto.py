"""An S3 store that takes locks and does not hold them: what a probe must call unsafe."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.processes import accepts, free_port, running, wait_ready


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the worker's store."""
    port, log = free_port(), Path(tmp_path_factory.mktemp("moto")) / "log"
    with running(Path(sys.executable).with_name("moto_server"), "-H", "127.0.0.1", "-p", str(port), log=log) as process:
        wait_ready(process, log, lambda: accepts(port))
        yield f"http://127.0.0.1:{port}"
