"""Caddy, given its sites."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from tests.servers.front import FrontServer, StartFrontServer, start_front
from tests.servers.processes import program

_BEFORE = """\
{
	admin off
	auto_https off
	servers {
		protocols h1
	}
}
"""


@contextlib.contextmanager
def start_caddy(sites: str) -> Iterator[FrontServer]:
    """Run Caddy with these sites; ``$PORT`` and ``$DIR`` in them become the port and the directory."""
    options = ("run", "--adapter", "caddyfile", "--config", "$CONFIG")
    with start_front(program("caddy", "caddy"), *options, configuration=_BEFORE + sites) as front:
        yield front


@pytest.fixture
def caddy() -> Iterator[StartFrontServer]:
    """Start Caddy with sites, such as ``http://127.0.0.1:$PORT { ... }``, with ``$PORT`` and ``$DIR`` filled in."""
    with contextlib.ExitStack() as stack:
        yield lambda sites: stack.enter_context(start_caddy(sites))
