"""Real servers for the applications of these tests: uvicorn and gunicorn, in processes of their own."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.servers.processes import accepts, free_port, running, wait_ready
from tests.source_tree import ROOT

BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Served:
    """A running application: where it is, and what its server wrote."""

    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, **options: object) -> httpx2.Response:
        """Ask from a connection of its own, so that any worker may answer."""
        return httpx2.get(self.url + path, timeout=60, **options)  # type: ignore[arg-type]


@contextlib.contextmanager
def serving(server: str, *options: str, where: Path, env: Mapping[str, str] | None = None) -> Iterator[Served]:
    """Run ``uvicorn`` or ``gunicorn`` in the directory ``where``; ``$PORT`` in an option is the port it shall take."""
    port = free_port()
    log = where / f"{server}.log"
    argv = [option.replace("$PORT", str(port)) for option in options]
    path = {
        "PATH": f"{BIN}:/usr/bin:/bin",
        "PYTHONPATH": f"{where}:{ROOT}",
        "HOME": str(where),
        "PYTHONUNBUFFERED": "1",
    }
    with running(BIN / server, *argv, cwd=where, env={**path, **(env or {})}, log=log) as process:
        wait_ready(process, log, lambda: accepts(port))
        yield Served(port, log)
