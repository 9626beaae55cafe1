"""A tiny application for gunicorn and one for uvicorn, each behind the guard with one shared store.

The environment says where the store is (``STORE``) and how many requests may pass (``LIMIT``).
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from stockade.guard.asgi import GuardMiddleware as AsgiGuard
from stockade.guard.asgi import Receive, Scope, Send
from stockade.guard.conditions import path
from stockade.guard.gate import Guard
from stockade.guard.rules import Throttle
from stockade.guard.shared import SharedStore
from stockade.guard.wsgi import Environ, StartResponse
from stockade.guard.wsgi import GuardMiddleware as WsgiGuard

guard = Guard(
    Throttle("all", when=path("/counted"), limit=float(os.environ["LIMIT"]), period=1e9, window="fixed"),
    store=SharedStore(os.environ["STORE"], clients=4096),
)


def pid() -> bytes:
    """Who answered."""
    return str(os.getpid()).encode()


def wsgi_app(_environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Say who answered."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [pid()]


async def asgi_app(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Say who answered."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": pid()})


wsgi = WsgiGuard(wsgi_app, guard)
asgi = AsgiGuard(asgi_app, guard)
