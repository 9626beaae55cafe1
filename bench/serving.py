"""Servers in processes of their own, for the time of a block."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.contestant import ROOT
from tests.servers.processes import accepts, free_port, running, short_directory, wait_ready


@dataclass(frozen=True)
class Server:
    """A server of one process."""

    port: int
    process: int

    def busy(self) -> float:
        """Seconds of processor time it has used until now."""
        fields = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def under_uvicorn(application: str, settings: Mapping[str, str] | None = None) -> Iterator[Server]:
    """One uvicorn process with an application of :mod:`bench.apps`.

    It does not look at proxy headers, since that is the guard's business.
    """
    port = free_port()
    options = ["--no-access-log", "--no-proxy-headers", "--log-level", "warning"]
    argv = ["-m", "uvicorn", "--factory", f"bench.apps:{application}", "--port", str(port), *options]
    with _python(*argv, port=port, settings=settings or {}) as server:
        yield server


@contextlib.contextmanager
def gateway(counters: Path) -> Iterator[Server]:
    """The gateway's own server with nothing but forward auth in it."""
    port = free_port()
    with _python("-m", "bench.serving", str(port), str(counters), port=port, settings={}) as server:
        yield server


@contextlib.contextmanager
def _python(*arguments: str, port: int, settings: Mapping[str, str]) -> Iterator[Server]:
    with short_directory() as directory:
        log = directory / "log"
        with running(sys.executable, *arguments, cwd=ROOT, env={**os.environ, **settings}, log=log) as process:
            wait_ready(process, log, lambda: accepts(port))
            yield Server(port, process.pid)


def serve_forward_auth(port: int, counters: Path) -> None:
    """Run the gateway's server in this process."""
    from bench.apps import PROXIES
    from bench.rules import throttles
    from stockade.gateway.forward import ForwardAuth
    from stockade.gateway.server import listen, server, settle_down
    from stockade.guard.gate import Guard
    from stockade.guard.shared import SharedStore

    guard = Guard(*throttles(), store=SharedStore(counters), trusted_proxies=PROXIES)
    running_server = server(ForwardAuth(guard))
    running_server.config.lifespan = "off"
    settle_down()
    running_server.run(sockets=[listen("127.0.0.1", port)])


if __name__ == "__main__":
    serve_forward_auth(int(sys.argv[1]), Path(sys.argv[2]))
