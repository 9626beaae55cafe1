"""HAProxy, given its whole configuration."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from tests.servers.front import FrontServer, StartFrontServer, start_front
from tests.servers.processes import program


@contextlib.contextmanager
def start_haproxy(configuration: str) -> Iterator[FrontServer]:
    """Run HAProxy with this text; ``$PORT`` and ``$DIR`` in it become the port and the directory."""
    with start_front(program("haproxy", "haproxy"), "-db", "-f", "$CONFIG", configuration=configuration) as front:
        yield front


@pytest.fixture
def haproxy() -> Iterator[StartFrontServer]:
    """Start HAProxy with a configuration in which ``$PORT`` and ``$DIR`` are filled in."""
    with contextlib.ExitStack() as stack:
        yield lambda configuration: stack.enter_context(start_haproxy(configuration))
