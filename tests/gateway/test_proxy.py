"""A reverse proxy in front of a real upstream: what passes unchanged, what is replaced, and what goes wrong well."""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, suppress

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from stockade.errors import ConfigurationError
from stockade.gateway.app import build
from stockade.gateway.proxy import Proxy
from stockade.gateway.site import Site
from stockade.gateway.upstream import Upstreams
from stockade.guard.asgi import App, Receive, Scope, Send
from stockade.guard.conditions import path
from stockade.guard.gate import Guard
from stockade.guard.rules import Allow2Ban, Blocklist, Throttle
from tests.gateway.echo import echo, living
from tests.gateway.running import Running, serving
from tests.gateway.wire import spoken
from tests.servers.processes import free_port, wait_port, wait_until

Behind = Callable[..., Running]
StartSocketServer = Callable[[Callable[[ServerConnection], Awaitable[None]]], str]
CHAT = [Subprotocol("chat")]


@pytest.fixture
def behind() -> Iterator[Behind]:
    """A gateway before an application, or before what listens at a URL."""
    with ExitStack() as stack:

        def start(
            upstream: App | str, *rules: Throttle | Allow2Ban | Blocklist, trusted: tuple[str, ...] = ()
        ) -> Running:
            url = upstream if isinstance(upstream, str) else stack.enter_context(serving(upstream)).url
            return stack.enter_context(serving(build(Site(Guard(*rules, trusted_proxies=trusted), upstream=url))))

        yield start


def headers_at(gateway: Running, lines: bytes = b"") -> dict[str, list[str]]:
    """What the upstream sees of a request with these header lines."""
    [answer] = spoken(
        gateway.port, b"GET / HTTP/1.1\r\nHost: git.example.org\r\n" + lines + b"Connection: close\r\n\r\n"
    )
    seen: dict[str, list[str]] = {}
    for name, value in answer.json()["headers"]:
        seen.setdefault(name, []).append(value)
    return seen


def test_the_target_passes_byte_for_byte(behind: Behind) -> None:
    gateway = behind(echo)
    for target in ("/", "//a/./b/%2e/c;d?x=%zz&y=+&z=/../?", "/%2Fa%00", "/a?%C3%A4", "/~x/'()*!$&,=:@"):
        [answer] = spoken(gateway.port, f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        assert answer.json()["target"] == target


def test_a_body_streams_both_ways_unchanged(behind: Behind) -> None:
    @living
    async def mirror(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 201, "headers": [(b"x-made", b"yes")]})
        more = True
        while more:
            message = await receive()
            more = message.get("more_body", False)
            await send({"type": "http.response.body", "body": message.get("body", b""), "more_body": more})

    gateway, content = behind(mirror), os.urandom(3_000_000)
    whole = httpx2.post(gateway.url, content=content)
    chunked = httpx2.put(gateway.url, content=(content[at : at + 70_001] for at in range(0, len(content), 70_001)))
    for answer in (whole, chunked):
        assert (answer.status_code, answer.headers["x-made"]) == (201, "yes")
        assert hashlib.sha256(answer.content).digest() == hashlib.sha256(content).digest()


def test_an_answer_is_passed_on_while_it_is_made(behind: Behind) -> None:
    go_on = threading.Event()

    @living
    async def two_parts(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        await asyncio.to_thread(go_on.wait, 10)
        await send({"type": "http.response.body", "body": b"second"})

    with httpx2.stream("GET", behind(two_parts).url) as answer:
        parts = answer.iter_bytes()
        assert next(parts) == b"first"
        go_on.set()
        assert next(parts) == b"second"


def test_compressed_answers_and_cookies_are_nobodys_business(behind: Behind) -> None:
    compressed = bytes.fromhex("1f8b08000000000000ff4bcc4b010095d1eed203000000")

    @living
    async def packed(scope: Scope, receive: Receive, send: Send) -> None:
        cookies = [(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2"), (b"content-encoding", b"gzip")]
        seen = [(b"x-cookie", dict(scope["headers"]).get(b"cookie", b"none"))]
        await send({"type": "http.response.start", "status": 200, "headers": cookies + seen})
        await send({"type": "http.response.body", "body": compressed})

    gateway = behind(packed)
    ask = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    for _ in range(2):
        [answer] = spoken(gateway.port, ask)
        assert answer.body == compressed
        assert answer.headers["x-cookie"] == "none"


def test_redirects_and_bodiless_answers_pass(behind: Behind) -> None:
    @living
    async def by_path(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"location", b"/elsewhere"), (b"etag", b'"1"')]
        if scope["path"] != "/204":
            headers.append((b"content-length", b"5"))
        await send({"type": "http.response.start", "status": int(scope["path"][1:]), "headers": headers})
        await send({"type": "http.response.body", "body": b"hello" if scope["path"] == "/302" else b""})

    gateway = behind(by_path)
    head = httpx2.head(f"{gateway.url}/302")
    assert (head.status_code, head.headers["content-length"], head.content) == (302, "5", b"")
    moved = httpx2.get(f"{gateway.url}/302")
    assert (moved.status_code, moved.headers["location"], moved.content) == (302, "/elsewhere", b"hello")
    assert httpx2.get(f"{gateway.url}/204").status_code == 204


def test_what_is_for_one_hop_stays_there(behind: Behind) -> None:
    lines = (
        b"Connection: x-private, keep-alive\r\nX-Private: 1\r\nKeep-Alive: timeout=5\r\nTE: trailers\r\n"
        b"Proxy-Authorization: Basic eA==\r\nAuthorization: Basic eQ==\r\nX_Forwarded_For: 6.6.6.6\r\n"
    )
    seen = headers_at(behind(echo), lines)
    gone = {"x-private", "keep-alive", "te", "proxy-authorization", "x_forwarded_for", "connection"}
    assert gone.isdisjoint(seen)
    assert seen["authorization"] == ["Basic eQ=="]
    assert seen["host"] == ["git.example.org"]


def test_what_a_client_says_of_others_is_replaced(behind: Behind) -> None:
    lines = (
        b"X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Port: 1\r\n"
        b"Forwarded: for=6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\n"
    )
    seen = headers_at(behind(echo), lines)
    assert seen["x-forwarded-for"] == ["127.0.0.1"]
    assert seen["x-forwarded-proto"] == ["http"]
    assert seen["x-forwarded-host"] == ["git.example.org"]
    assert seen["x-real-ip"] == ["127.0.0.1"]
    assert seen["forwarded"] == ['for=127.0.0.1;host="git.example.org";proto=http']
    assert seen["via"] == ["1.1 stockade"]
    assert "x-forwarded-port" not in seen


def test_what_a_declared_proxy_says_is_kept_and_added_to(behind: Behind) -> None:
    lines = (
        b"X-Forwarded-For: 6.6.6.6, 192.0.2.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: public\r\n"
        b'Forwarded: for="[2001:db8::7]"\r\nVia: 1.1 front\r\n'
    )
    seen = headers_at(behind(echo, trusted=("127.0.0.1",)), lines)
    assert seen["x-forwarded-for"] == ["6.6.6.6, 192.0.2.7, 127.0.0.1"]
    assert seen["x-forwarded-proto"] == ["https"]
    assert seen["x-forwarded-host"] == ["public"]
    assert seen["x-real-ip"] == ["192.0.2.7"]
    assert seen["forwarded"] == ['for="[2001:db8::7]", for=127.0.0.1;host="git.example.org";proto=http']
    assert seen["via"] == ["1.1 front, 1.1 stockade"]


def test_rules_see_the_status_of_the_upstreams_answer(behind: Behind) -> None:
    gateway = behind(echo, Throttle("everything", limit=2, period=60), Blocklist("private", path("/private/**")))
    statuses = [httpx2.get(gateway.url).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert httpx2.get(f"{gateway.url}/a/..//%70rivate/x").status_code == 403


def test_an_upstream_that_is_down_is_a_bad_gateway(behind: Behind) -> None:
    answer = httpx2.get(behind(f"http://127.0.0.1:{free_port()}").url)
    assert (answer.status_code, answer.text) == (502, "The service behind this gateway does not answer.\n")


def test_an_upstream_that_says_nothing_times_out(behind: Behind, monkeypatch: pytest.MonkeyPatch) -> None:
    @living
    async def hang(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(3)

    monkeypatch.setattr("stockade.gateway.upstream.READ_SECONDS", 0.3)
    assert httpx2.get(behind(hang).url).status_code == 504


def test_an_answer_that_breaks_off_is_not_passed_on_as_whole(behind: Behind) -> None:
    @living
    async def break_off(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})

    with pytest.raises(httpx2.RemoteProtocolError):
        httpx2.get(behind(break_off).url)


def test_a_client_that_goes_away_ends_the_request_to_the_upstream(behind: Behind) -> None:
    began, ended = threading.Event(), threading.Event()

    @living
    async def wait(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        began.set()
        while (await receive())["type"] != "http.disconnect":
            pass
        ended.set()

    gateway = behind(wait)
    with socket.create_connection(("127.0.0.1", gateway.port)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert began.wait(60)
    assert ended.wait(60)


def test_an_expectant_client_uploads_only_what_the_guard_lets_pass(behind: Behind) -> None:
    gateway = behind(echo, Throttle("one", limit=1, period=60))
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", gateway.port)) as connection:
        connection.sendall(head)
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"hello")
        answer = connection.recv(65536)
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert b"expect" not in answer
    with socket.create_connection(("127.0.0.1", gateway.port)) as connection:
        connection.sendall(head)
        assert connection.recv(65536).startswith(b"HTTP/1.1 429 ")


@pytest.mark.parametrize(
    "text", ["127.0.0.1:3000", "ftp://x", "http://", "http://x/path", "http://u:p@x", "http://[", ""]
)
def test_an_upstream_that_is_none_is_a_mistake_in_the_configuration(text: str) -> None:
    with pytest.raises(ConfigurationError):
        Proxy(text, Guard(), Upstreams())


# ── WebSockets ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def socket_server() -> Iterator[StartSocketServer]:
    """A WebSocket server on a thread of its own; answers its URL."""
    with ExitStack() as stack:

        def start(handler: Callable[[ServerConnection], Awaitable[None]]) -> str:
            port, done = free_port(), threading.Event()

            async def run() -> None:
                async with serve(handler, "127.0.0.1", port, subprotocols=CHAT, max_size=20_000_000):
                    await asyncio.to_thread(done.wait)

            thread = threading.Thread(target=asyncio.run, args=(run(),), daemon=True)
            thread.start()
            stack.callback(thread.join, 10)
            stack.callback(done.set)
            wait_port(port)
            return f"http://127.0.0.1:{port}"

        yield start


async def echo_messages(connection: ServerConnection) -> None:
    async for message in connection:
        if message == "close":
            await connection.close(4321, "as you wish")
        else:
            await connection.send(message)


async def test_messages_pass_both_ways(behind: Behind, socket_server: StartSocketServer) -> None:
    gateway = behind(socket_server(echo_messages))
    async with connect(f"ws://127.0.0.1:{gateway.port}/chat?a=b", subprotocols=CHAT) as client:
        assert client.subprotocol == "chat"
        for message in ("text", b"\0bytes\xff", "ä" * 1000, os.urandom(1_000_000)):
            await client.send(message)
            assert await client.recv() == message


async def test_a_close_passes_with_its_code(behind: Behind, socket_server: StartSocketServer) -> None:
    closed: list[int | None] = []

    async def note(connection: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            await echo_messages(connection)
        closed.append(connection.close_code)

    gateway = behind(socket_server(note))
    async with connect(f"ws://127.0.0.1:{gateway.port}/", subprotocols=CHAT) as client:
        await client.send("close")
        with pytest.raises(ConnectionClosed):
            await client.recv()
        assert (client.close_code, client.close_reason) == (4321, "as you wish")
    async with connect(f"ws://127.0.0.1:{gateway.port}/", subprotocols=CHAT) as client:
        await client.close(4000)
    await asyncio.to_thread(wait_until, lambda: len(closed) == 2, "the other side to close")
    assert closed == [1000, 4000]


async def test_a_socket_that_the_guard_or_the_upstream_refuses_is_refused(
    behind: Behind, socket_server: StartSocketServer
) -> None:
    gateway = behind(socket_server(echo_messages), Blocklist("private", path("/private")))
    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"ws://127.0.0.1:{gateway.port}/private"):
            pass
    assert refused.value.response.status_code == 403
    gateway = behind(echo)
    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"ws://127.0.0.1:{gateway.port}/"):
            pass
    assert refused.value.response.status_code == 500
