"""The gateway's server: uvicorn on uvloop, its strict protocol, one process or several on one socket."""

from __future__ import annotations

import gc
import logging
import socket
from typing import Final, cast

import uvicorn
from uvicorn._types import ASGIApplication

from stockade.errors import ConfigurationError
from stockade.gateway.strict import StrictProtocol
from stockade.guard.asgi import App


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to the address, not accepting yet; port 0 is any free one. Raises ConfigurationError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        message = f"{host}:{port} cannot be listened on: {error.strerror}."
        raise ConfigurationError(message, remedy="Choose another address or port, or stop what has it.") from error
    bound.set_inheritable(True)
    return bound


COLLECT_AFTER: Final = (20_000, 10, 10)
"""Objects made and still there until the collector looks at the young ones; Python's own number is 700."""
REFUSED_SOCKET: Final = "ASGI callable returned without completing handshake."
"""What uvicorn says, wrongly, of every WebSocket that is refused with a status: no reason to fill a log."""


def _unless_refused(record: logging.LogRecord) -> bool:
    return record.msg != REFUSED_SOCKET


def settle_down() -> None:
    """For a process that does nothing but serve, once all is there: leave what lives for ever to itself.

    A request makes some hundred objects and leaves none. The collector of garbage would look through them, and now and
    then through all of the program, for nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


def server(app: App) -> uvicorn.Server:
    """A server for this application, to be run on sockets of one's own: ``server(app).run(sockets=[...])``."""
    logging.getLogger("uvicorn.error").addFilter(_unless_refused)
    return uvicorn.Server(
        uvicorn.Config(
            cast("ASGIApplication", app),
            http=StrictProtocol,
            loop="uvloop",
            ws="websockets-sansio",
            lifespan="on",
            proxy_headers=False,
            server_header=False,
            access_log=False,
            log_config=None,
            timeout_graceful_shutdown=10,
        )
    )
