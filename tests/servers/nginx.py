"""nginx, given what stands inside its ``http`` block."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers.processes import free_port, program, ready_or_explain, running, short_directory, wait_port

_AROUND = """\
daemon off; user root; pid $DIR/nginx.pid; error_log stderr warn; worker_processes 1;
events { worker_connections 1024; }
http {
  access_log $DIR/access.log;
  client_body_temp_path $DIR/t-body;  proxy_temp_path $DIR/t-proxy;  fastcgi_temp_path $DIR/t-fcgi;
  uwsgi_temp_path $DIR/t-uwsgi;       scgi_temp_path $DIR/t-scgi;
$HTTP
}
"""


@dataclass(frozen=True)
class FrontServer:
    """A web server in front: the port it listens on, its directory, and the file with all it printed."""

    port: int
    directory: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.directory / "log"


StartFrontServer = Callable[[str], FrontServer]


@contextlib.contextmanager
def start_nginx(http: str) -> Iterator[FrontServer]:
    """Run nginx with this text inside ``http { }``; ``$PORT`` and ``$DIR`` in it become the port and the directory."""
    with short_directory() as directory:
        front = FrontServer(free_port(), directory)
        configuration = directory / "nginx.conf"
        configuration.write_text(filled_in(_AROUND.replace("$HTTP", http), front))
        binary = program("nginx", "nginx-light")
        with running(binary, "-p", directory, "-c", configuration, log=front.log) as process:
            ready_or_explain(process, front.log, lambda: wait_port(front.port))
            yield front


def filled_in(text: str, front: FrontServer) -> str:
    """The configuration with this server's port and directory."""
    return text.replace("$PORT", str(front.port)).replace("$DIR", str(front.directory))


@pytest.fixture
def nginx() -> Iterator[StartFrontServer]:
    """Start nginx with a text for its ``http`` block, in which ``$PORT`` and ``$DIR`` are filled in."""
    with contextlib.ExitStack() as stack:
        yield lambda http: stack.enter_context(start_nginx(http))
