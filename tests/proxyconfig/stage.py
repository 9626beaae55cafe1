"""The two services around a proxy under test: a policy that answers as the request tells it, and an application."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RATE_LIMIT = '"web";r=41;t=7'
RATE_LIMIT_POLICY = '"web";q=100;w=60'
BANNED = "Too many failed authentication attempts from this IP"
ANSWERS: dict[str, tuple[int, dict[str, str], bytes]] = {
    "": (200, {"RateLimit": RATE_LIMIT, "RateLimit-Policy": RATE_LIMIT_POLICY}, b""),
    "quiet": (200, {}, b""),
    "ban": (403, {"Stockade-Text": BANNED}, BANNED.encode()),
    "throttle": (
        429,
        {
            "Retry-After": "7",
            "RateLimit": RATE_LIMIT,
            "RateLimit-Policy": RATE_LIMIT_POLICY,
            "Stockade-Text": "Retry later",
        },
        b"Retry later\n",
    ),
    "broken": (500, {}, b"oops"),
}


@dataclass(frozen=True)
class Seen:
    """A request as a service received it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: tuple[str, int]


@dataclass
class Service:
    """A running service, and what it was asked so far."""

    port: int
    asked: list[Seen] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    service: Service

    def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size + 2)[:-2]
        self.rfile.readline()
        return body

    def note(self) -> Seen:
        body = self.body()
        headers = {name.lower(): ", ".join(self.headers.get_all(name, [])) for name in self.headers}
        seen = Seen(self.command, self.path, headers, body, self.client_address)
        self.service.asked.append(seen)
        return seen

    def log_message(self, format: str, *args: object) -> None:
        pass


class _Policy(_Handler):
    """Judges as the header ``X-Verdict`` of the client's request says."""

    def do_GET(self) -> None:
        verdict = self.note().headers.get("x-verdict", "")
        if verdict == "hang":
            time.sleep(3)
            self.close_connection = True
        else:
            self.answer(*ANSWERS[verdict])


class _Application(_Handler):
    """Says what it was asked; ``X-Status`` of the request tells it another status than 200."""

    def do_GET(self) -> None:
        seen = self.note()
        body = json.dumps(
            {"method": seen.method, "path": seen.path, "headers": seen.headers, "body": seen.body.decode()}
        )
        self.answer(int(seen.headers.get("x-status", "200")), {"X-Application": "yes"}, body.encode())

    do_POST = do_PUT = do_HEAD = do_GET  # noqa: N815 - http.server's names


@contextlib.contextmanager
def _running(handler: type[_Handler]) -> Iterator[Service]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler, bind_and_activate=True) as server:
        service = Service(server.server_port)
        server.RequestHandlerClass = type("Handler", (handler,), {"service": service})
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # type: ignore[method-assign]  # the proxy may hang up first
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield service
        finally:
            server.shutdown()


def policy() -> contextlib.AbstractContextManager[Service]:
    """Start a forward-auth endpoint."""
    return _running(_Policy)


def application() -> contextlib.AbstractContextManager[Service]:
    """Start an application."""
    return _running(_Application)


@dataclass(frozen=True)
class Answer:
    """What the client got."""

    status: int
    headers: dict[str, str]
    body: str


def ask(
    port: int, path: str = "/", method: str = "GET", body: str | Iterable[bytes] | None = None, **headers: str
) -> Answer:
    """One request of a client, chunked when ``body`` comes in parts; ``x_verdict=`` becomes ``x-verdict``."""
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        named = {"Host": "git.example.org", **{name.replace("_", "-"): value for name, value in headers.items()}}
        connection.request(method, path, body, named)
        response = connection.getresponse()
        got = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, got, response.read().decode())
    finally:
        connection.close()
