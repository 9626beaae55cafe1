"""One request and its answer on the wire (RFC 9112, section 6): the head leaves together with the first of the body."""

from __future__ import annotations

from asyncio import Event
from collections.abc import Iterable, Mapping, MutableMapping
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

BODILESS: Final = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


class Reply(NamedTuple):
    """A whole answer; names are in lower case, and one of the headers is its Content-Length."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    def written(self, defaults: Iterable[tuple[bytes, bytes]]) -> bytes:
        """As it goes over the wire, with the server's own headers. Raises RuntimeError for a line that would break out
        of itself.
        """
        return head_of(self.status, [*defaults, *self.headers], ()) + self.body


class Exchange(RequestResponseCycle):
    """uvicorn's cycle of request and response, with less to do for each: forward auth is asked before every request.

    An answer that does not keep to its own Content-Length, or whose header would break out of its line, raises
    RuntimeError, and the connection is closed.
    """

    access_log = False
    chunked_encoding = False
    disconnected = False
    expected_content_length = 0
    more_body = True
    response_complete = False
    response_started = False

    def __init__(self, protocol: HttpToolsProtocol, scope: Any, *, expects: bool, keep_alive: bool) -> None:
        self.scope = scope
        self.transport = protocol.transport
        self.flow = protocol.flow
        self.logger = protocol.logger
        self.default_headers = protocol.server_state.default_headers
        self.on_response = protocol.on_response_complete
        self.keep_alive = keep_alive
        self.waiting_for_100_continue = expects
        self.message_event = Event()
        self.body = bytearray()
        self._head = b""

    async def send(self, message: Any) -> None:
        """Take one message of the application's answer."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        if not self.response_started:
            self._start(message)
        elif not self.response_complete:
            self._continue(message)
        else:
            raise RuntimeError(f"the answer is complete, and then came {message['type']}")

    def _start(self, message: Mapping[str, Any]) -> None:
        """Write the head down; it leaves with the body, as ASGI has it."""
        if message["type"] != "http.response.start":
            raise RuntimeError(f"an answer begins with its start, not with {message['type']}")
        headers = [*self.default_headers, *message.get("headers", ())]
        added = self._framed({name.lower(): value for name, value in headers}, message["status"])
        self._head = head_of(message["status"], headers, added)
        self.response_started, self.waiting_for_100_continue = True, False

    def _framed(self, fields: MutableMapping[bytes, bytes], status: int) -> list[bytes]:
        """Find out how the body ends, and whether the connection does; answer the lines that say so."""
        added = []
        bodiless = self.scope["method"] == "HEAD" or status in BODILESS
        if b"content-length" in fields:
            self.expected_content_length = 0 if bodiless else int(fields[b"content-length"])
        elif not bodiless:
            self.chunked_encoding = True
            added = [] if b"transfer-encoding" in fields else [b"transfer-encoding: chunked\r\n"]
        if b"close" in fields.get(b"connection", b"").lower():
            self.keep_alive = False
        elif not self.keep_alive:
            added.append(b"connection: close\r\n")
        return added

    def _continue(self, message: Mapping[str, Any]) -> None:
        if message["type"] != "http.response.body":
            raise RuntimeError(f"an answer goes on with its body, not with {message['type']}")
        body, more = message.get("body", b""), message.get("more_body", False)
        if self.scope["method"] == "HEAD":
            body = b""
        elif self.chunked_encoding:
            body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + (b"" if more else b"0\r\n\r\n")
        else:
            self._count(len(body), more=more)
        if self._head or body:
            self.transport.write(self._head + body)
            self._head = b""
        if not more:
            self._complete()

    def _count(self, size: int, *, more: bool) -> None:
        self.expected_content_length -= size
        if self.expected_content_length < 0 or (self.expected_content_length and not more):
            raise RuntimeError("the body of the answer is not as long as its Content-Length says")

    def _complete(self) -> None:
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()


class Answered:
    """Stands where a protocol has its cycle, after an answer that needed none."""

    response_complete = True
    more_body = False
    disconnected = False
    keep_alive = True

    def __init__(self) -> None:
        self.message_event = Event()


def head_of(status: int, headers: Iterable[tuple[bytes, bytes]], added: Iterable[bytes]) -> bytes:
    """The head of an answer. Raises RuntimeError for a header that would break out of its line."""
    lines = [name + b": " + value + b"\r\n" for name, value in headers]
    lines += added
    head = b"".join([STATUS_LINE[status], *lines, b"\r\n"])
    if not head.count(b"\r") == head.count(b"\n") == len(lines) + 2 or b"\0" in head:
        raise RuntimeError("a header of the answer holds a line end or NUL")
    return head
