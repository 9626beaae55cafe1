"""uvicorn for one HTTP source of the intake: a socket of its own, bounded, and no say in signals."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import cast

import uvicorn
from uvicorn._types import ASGIApplication

from stockade.errors import Unavailable
from stockade.intake.receivers.http import HttpReceiver
from stockade.intake.settings import HttpSource


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to whoever runs the intake."""
        yield


async def serve(source: HttpSource, receiver: HttpReceiver, say: Callable[[str], None]) -> None:
    """Serve until cancelled, and end what is under way. Raises Unavailable when the address cannot be had."""
    config = uvicorn.Config(
        cast("ASGIApplication", receiver),  # an ASGI application whose scopes are plain mappings
        ssl_certfile=source.certificate,
        ssl_keyfile=source.key,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=64,
        h11_max_incomplete_event_size=16_384,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=5,
    )
    server, listening = _Server(config), _bound(source)
    say(f"{source.name}: listening on {source.host}:{source.port}{source.path}")
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        await asyncio.shield(serving)
    finally:
        server.should_exit = True
        await serving


def _bound(source: HttpSource) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in source.host else socket.AF_INET
        return socket.create_server((source.host, source.port), family=family, backlog=128)
    except OSError as error:
        where = f"{source.host}:{source.port}"
        raise Unavailable(f"{source.name}: cannot listen on {where}: {error.strerror}") from error
