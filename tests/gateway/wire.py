"""Bytes to a port, and the responses in the bytes that come back."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from typing import Any

import h11


@dataclass(frozen=True)
class Response:
    """One response as h11 reads it."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def spoken(port: int, *pieces: bytes, hang_up: bool = False, head: bool = False, seconds: float = 60) -> list[Response]:
    """Send the pieces, and read until the server closes; every response that came."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(seconds)
        for piece in pieces:
            connection.sendall(piece)
        if hang_up:
            connection.shutdown(socket.SHUT_WR)
        came = b""
        while piece := connection.recv(65536):
            came += piece
    return responses(came, b"HEAD" if head else b"GET")


def responses(came: bytes, method: bytes = b"GET") -> list[Response]:
    """The responses in a stream; fails when it ends within one."""
    found, left = [], came
    while left:
        reader = h11.Connection(h11.CLIENT)
        reader.send(h11.Request(method=method, target="/", headers=[("host", "x")]))
        reader.send(h11.EndOfMessage())
        reader.receive_data(left)
        head, body = None, b""
        while not isinstance(event := reader.next_event(), h11.EndOfMessage):
            assert event is not h11.NEED_DATA, came
            if isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
        assert head is not None
        headers = {name.decode(): value.decode() for name, value in head.headers}
        found.append(Response(head.status_code, headers, body))
        left = reader.trailing_data[0]
    return found
