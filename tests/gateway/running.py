"""A gateway running in this process, on a thread of its own, so that a test can look at its guard."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from stockade.gateway.server import listen, server
from stockade.gateway.strict import StrictProtocol
from stockade.guard.asgi import App
from tests.servers.processes import wait_until


@dataclass(frozen=True)
class Running:
    """Where the gateway listens."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def with_credentials(self, name: str, secret: str) -> str:
        return f"http://{name}:{secret}@127.0.0.1:{self.port}"


@contextlib.contextmanager
def serving(app: App, protocol: type[StrictProtocol] = StrictProtocol) -> Iterator[Running]:
    """Serve an application until the end of the block."""
    running, bound = server(app), listen("127.0.0.1", 0)
    running.config.http = protocol
    thread = threading.Thread(target=running.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    try:
        wait_until(lambda: running.started, "the gateway")
        yield Running(bound.getsockname()[1])
    finally:
        running.should_exit = True
        thread.join(15)
        bound.close()
