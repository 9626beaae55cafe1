"""nginx, given what stands inside its ``http`` block."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from tests.servers.front import FrontServer, StartFrontServer, start_front
from tests.servers.processes import program

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


@contextlib.contextmanager
def start_nginx(http: str) -> Iterator[FrontServer]:
    """Run nginx with this text inside ``http { }``; ``$PORT`` and ``$DIR`` in it become the port and the directory."""
    binary = program("nginx", "nginx-light")
    configuration = _AROUND.replace("$HTTP", http)
    with start_front(binary, "-p", "$DIR", "-c", "$CONFIG", configuration=configuration) as front:
        yield front


@pytest.fixture
def nginx() -> Iterator[StartFrontServer]:
    """Start nginx with a text for its ``http`` block, in which ``$PORT`` and ``$DIR`` are filled in."""
    with contextlib.ExitStack() as stack:
        yield lambda http: stack.enter_context(start_nginx(http))
