"""What is known without waiting is answered without a task, and on the wire nobody can tell the difference."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from stockade.gateway.exchange import Reply
from tests.gateway.running import Running, serving
from tests.gateway.wire import spoken

LAST = b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


class App:
    """Answers below ``/now`` at once, and says how it was asked."""

    def at_once(self, scope: Any, fields: Mapping[bytes, bytes]) -> Reply | None:
        if not scope["path"].startswith("/now"):
            return None
        if scope["path"] == "/now/broken":
            raise ValueError("broken")
        said = b"at once " + fields.get(b"x-said", b"")
        extra = ((b"x-split", b"a\r\nb"),) if scope["path"] == "/now/split" else ()
        return Reply(200, ((b"content-length", b"%d" % len(said)), *extra), said)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while (message := await receive())["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": f"{message['type']}.complete"})
            return
        if scope["path"] == "/later":
            await asyncio.sleep(0.2)
        body = f"in time {scope['path']}".encode()
        start = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]}
        await send(start)
        await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with serving(App()) as running:
        yield running


def asked(path: str, *lines: str, method: str = "GET", body: str = "") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: x", *lines, "", body]).encode()


def bodies(server: Running, *requests: bytes) -> list[bytes]:
    return [reply.body for reply in spoken(server.port, *requests, LAST)]


def test_answers_keep_the_order_of_the_requests_however_they_come_about(server: Running) -> None:
    requests = [asked("/now", f"X-Said: {n}") if n % 3 else asked("/later") for n in range(7)]
    found = bodies(server, asked("/now", "X-Said: first"), b"".join(requests))
    assert found[0] == b"at once first"
    assert found[1:-1] == [b"in time /now" if n % 3 else b"in time /later" for n in range(7)]
    assert found[-1] == b"in time /last"


def test_one_after_another_on_one_connection(server: Running) -> None:
    found = bodies(server, *(asked("/now", f"X-Said: {n}") for n in range(5)))
    assert found == [*(b"at once %d" % n for n in range(5)), b"in time /last"]


def test_a_request_with_a_body_or_repeated_lines_is_served_as_others_are(server: Running) -> None:
    long = asked("/now", "Content-Length: 4", method="POST", body="body")
    chunked = asked("/now", "Transfer-Encoding: chunked", method="POST", body="2\r\nab\r\n0\r\n\r\n")
    twice = asked("/now", "X-Said: a", "X-Said: b")
    assert bodies(server, long, chunked, twice)[:3] == [b"in time /now"] * 3


def test_the_answer_to_head_has_no_body(server: Running) -> None:
    replies = spoken(server.port, asked("/now", "Connection: close", method="HEAD"), head=True)
    assert [(reply.status, reply.body) for reply in replies] == [(200, b"")]


@pytest.mark.parametrize("path", ["/now/broken", "/now/split"])
def test_one_that_fails_is_served_as_others_are(server: Running, path: str) -> None:
    assert bodies(server, asked(path))[0] == f"in time {path}".encode()


def test_who_wants_the_connection_closed_gets_that(server: Running) -> None:
    assert bodies(server, asked("/now", "Connection: close"))[0] == b"in time /now"
