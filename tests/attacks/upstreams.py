"""An upstream of raw bytes: it keeps what it is sent, and answers what it is told to."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


@dataclass
class RawUpstream:
    """``seen`` holds the bytes of each connection; every request is answered with ``answer``."""

    answer: bytes = OK
    seen: list[bytes] = field(default_factory=list)
    url: str = ""

    def head(self) -> list[bytes]:
        """The lines of the head of the latest request, names in lower case."""
        lines = self.seen[-1].partition(b"\r\n\r\n")[0].split(b"\r\n")
        return [
            lines[0],
            *(name.lower() + b":" + value for name, _, value in (line.partition(b":") for line in lines[1:])),
        ]


@contextlib.contextmanager
def raw_upstream(answer: bytes = OK) -> Iterator[RawUpstream]:
    """Listen on a free port until the end of the block."""
    upstream = RawUpstream(answer)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        upstream.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        thread = threading.Thread(target=_serve, args=(listening, upstream), daemon=True)
        thread.start()
        yield upstream
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def _serve(listening: socket.socket, upstream: RawUpstream) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listening.accept()
            with connection, contextlib.suppress(OSError):
                connection.settimeout(1)
                upstream.seen.append(connection.recv(65536))
                connection.sendall(upstream.answer)
