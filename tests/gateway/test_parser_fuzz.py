"""The request parser against h11 as an oracle: whatever we accept, a second reader must read in the same way."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import h11
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
from uvicorn.server import ServerState

from stockade.gateway.strict import StrictProtocol
from tests.gateway.echo import echo
from tests.gateway.test_strict import AMBIGUOUS, BROKEN_BODIES, GOOD, LAST, POST

TOKENS = [
    *(b"\r", b"\n", b"\r\n", b"\r\n\r\n", b" ", b"\t", b"\0", b"\x0b", b"\x7f", b"\xff", b":", b";", b",", b"0", b"5"),
    *(b"a", b"/", b"?", b"#", b"%", b"*", b'"', b"chunked", b"0\r\n\r\n", b"5\r\nhello\r\n", b"Host: y\r\n"),
    *(b"Transfer-Encoding: chunked\r\n", b"Content-Length: 5\r\n", b"Content-Length: 0\r\n", b"Connection: close\r\n"),
    *(b"Connection: Upgrade\r\nUpgrade: h2c\r\n", b"HTTP/1.0", b"HTTP/1.1", b"GET / HTTP/1.1\r\n", GOOD),
]
CONFIG = Config(echo, http=StrictProtocol, log_config=None)
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
SEEDS = [
    GOOD,
    LAST,
    POST + b"Content-Length: 5\r\n\r\nhello",
    CHUNKED + b"5\r\nhello\r\n0\r\n\r\n",
    CHUNKED + b"5;a=b\r\nhello\r\n0\r\nTrailer: x\r\n\r\n",
    *(request for request in AMBIGUOUS.values() if len(request) < 1000),
    *(CHUNKED + body for body in BROKEN_BODIES.values() if len(body) < 1000),
]


@dataclass
class Reading:
    """One request as a reader understood it."""

    method: bytes
    target: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""


class Nowhere(asyncio.Transport):
    """A connection whose other end takes everything and says nothing."""

    def write(self, data: object) -> None: ...
    def write_eof(self) -> None: ...
    def can_write_eof(self) -> bool:
        return True

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def is_closing(self) -> bool:
        return False

    def close(self) -> None: ...
    def abort(self) -> None: ...


class Recorder(StrictProtocol):
    """The protocol without an application: it notes what it would have had served."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(CONFIG, ServerState(), {}, loop)
        self.readings: list[tuple[Reading, RequestResponseCycle]] = []

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: object) -> None:
        pass

    def on_headers_complete(self) -> None:
        before = self.cycle
        super().on_headers_complete()
        if self.cycle is not None and self.cycle is not before:  # what asks for a WebSocket is served elsewhere
            self.readings.append((Reading(self.parser.get_method(), self.url, list(self.headers)), self.cycle))

    def accepted(self) -> Iterator[Reading]:
        """The whole requests, to the last that the connection outlives."""
        for reading, cycle in self.readings:
            if cycle.more_body:
                return
            reading.body = bytes(cycle.body)
            yield reading
            if not cycle.keep_alive:
                return


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def ours(loop: asyncio.AbstractEventLoop, pieces: list[bytes]) -> list[Reading]:
    """What the gateway accepts of these bytes."""

    async def read() -> list[Reading]:
        protocol = Recorder(loop)
        protocol.connection_made(Nowhere())
        for piece in pieces:
            protocol.data_received(piece)
        readings = list(protocol.accepted())
        protocol._clock.cancel()
        return readings

    return loop.run_until_complete(read())


def theirs(data: bytes) -> Iterator[Reading]:
    """What h11 reads, until it refuses something. It is spared line ends before a request and more than one blank
    between the words of its first line, which RFC 9112 sections 2.2 and 3 let a server skip; none is passed on.
    """
    while data := re.sub(rb"\A([A-Z]+) +([!-~]+) +", rb"\1 \2 ", data.lstrip(b"\r\n")):
        reader = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
        reader.receive_data(data)
        try:
            reading = one(reader)
        except h11.RemoteProtocolError:
            return
        if reading is None:
            return
        yield reading
        data = reader.trailing_data[0]


def one(reader: h11.Connection) -> Reading | None:
    """The first request, once it is whole."""
    request = reader.next_event()
    if not isinstance(request, h11.Request):
        return None
    reading = Reading(request.method, request.target, list(request.headers))
    while isinstance(event := reader.next_event(), h11.Data):
        reading.body += bytes(event.data)
    return reading if isinstance(event, h11.EndOfMessage) else None


UPGRADE_AFTER_A_BODY = (
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
    b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nrest"
)
edits = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 2), st.sampled_from(TOKENS)), max_size=4)


@settings(
    max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    requests=st.lists(st.sampled_from(SEEDS), min_size=1, max_size=3),
    edits=edits,
    cuts=st.lists(st.integers(1, 400), max_size=3),
)
@example(requests=[UPGRADE_AFTER_A_BODY], edits=[], cuts=[])
@example(requests=[GOOD, CHUNKED + b"5\r\nhello\r\n0\r\n\r\n", LAST], edits=[], cuts=[30, 70])
def test_two_readers_read_alike(
    loop: asyncio.AbstractEventLoop, requests: list[bytes], edits: list[tuple[int, int, bytes]], cuts: list[int]
) -> None:
    data = b"".join(requests)
    for place, dropped, token in edits:
        at = place % (len(data) + 1)
        data = data[:at] + token + data[at + dropped :]
    bounds = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    pieces = [data[a:b] for a, b in pairwise(bounds)]
    accepted = ours(loop, pieces)
    assert accepted == [alike for alike, _ in zip(theirs(data), accepted, strict=False)]


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.binary(max_size=300))
def test_noise_is_never_served(loop: asyncio.AbstractEventLoop, data: bytes) -> None:
    assert ours(loop, [data]) == []
