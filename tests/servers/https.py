"""A receiver of signed requests, such as an operator would write it, which can be told to be away or not to answer."""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from stockade.audit.keys import PublicKey
from stockade.audit.sinks.signatures import check_request
from stockade.errors import Refused
from tests.servers.certificates import Certificates
from tests.servers.processes import free_port


class Receiver:
    """Keeps the lines that it is sent; it checks the token and, when it has a ``key``, the signature."""

    def __init__(self, certificates: Certificates, token: str) -> None:
        self.port = free_port()
        self.url = f"https://localhost:{self.port}/audit"
        self.lines: list[bytes] = []
        self.heads: list[str] = []
        self.key: PublicKey | None = None
        self.hang = False
        self._certificates, self._token = certificates, token
        self._server: ThreadingHTTPServer | None = None

    def start(self) -> None:
        """Serve, in threads."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._certificates / "server.pem", self._certificates / "server.key")
        context.load_verify_locations(self._certificates / "ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self))
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        """Go away."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
        self._server = None

    @property
    def numbers(self) -> list[int]:
        """The numbers of the entries, in order."""
        return [json.loads(line)["seq"] for line in self.lines]

    def take(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """Judge a request and keep what it brings."""
        while self.hang:
            time.sleep(0.02)
        if headers.get("authorization") != f"Bearer {self._token}":
            return 401, b""
        if self.key is not None:
            try:
                check_request("POST", self.url, headers, body, key=self.key, now=time.time())
            except Refused as error:
                return 403, error.message.encode()
        for line in body.splitlines():
            if line.startswith(b'{"head"'):
                self.heads.append(json.loads(line)["head"])
            else:
                self.lines.append(line)
        return 200, b""


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, said = receiver.take({name.lower(): value for name, value in self.headers.items()}, body)
            with contextlib.suppress(OSError):
                self.send_response(status)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

        def log_message(self, *_: object) -> None: ...

    return Handler


@contextlib.contextmanager
def receiving(certificates: Certificates, token: str) -> Iterator[Receiver]:
    """A receiver until the end of the block."""
    receiver = Receiver(certificates, token)
    receiver.start()
    try:
        yield receiver
    finally:
        receiver.hang = False
        receiver.stop()
