"""Tricks between two hops: headers that claim, headers that take others away, and answers that hold two."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack

import httpx2
import pytest

from stockade import Guard, Throttle
from stockade.gateway.app import build
from stockade.gateway.site import Site
from stockade.guard.meter import Ban
from tests.attacks.upstreams import RawUpstream, raw_upstream
from tests.gateway.running import Running, serving
from tests.gateway.wire import spoken

CLAIMS = [
    b"X-Forwarded-For: 198.51.100.7",
    b"x-FORWARDED-for: 198.51.100.7",
    b"X_Forwarded_For: 198.51.100.7",
    b"Forwarded: for=198.51.100.7",
    b"X-Real-IP: 198.51.100.7",
    b"Client-IP: 198.51.100.7",
    b"True-Client-IP: 198.51.100.7",
    b"CF-Connecting-IP: 198.51.100.7",
    b"X-Client-IP: 198.51.100.7",
    b"X-Cluster-Client-IP: 198.51.100.7",
    b"X-Forwarded-For: 198.51.100.7\r\nX-Forwarded-For: 198.51.100.8",
]


@pytest.fixture
def upstream() -> Iterator[RawUpstream]:
    with raw_upstream() as listening:
        yield listening


def ask(gateway: Running, *lines: bytes, target: bytes = b"/") -> int:
    head = b"\r\n".join([b"GET %s HTTP/1.1" % target, b"Host: x", *lines, b"Connection: close", b"", b""])
    [answer] = spoken(gateway.port, head)
    return answer.status


@pytest.mark.parametrize("claim", CLAIMS)
def test_no_header_makes_somebody_else_of_an_undeclared_peer(upstream: RawUpstream, claim: bytes) -> None:
    guard = Guard(Throttle("one", limit=1, period=3600))
    with serving(build(Site(guard, upstream=upstream.url))) as gateway:
        assert ask(gateway) == 200
        assert ask(gateway, claim) == 429


@pytest.mark.parametrize("claim", CLAIMS[1:])
def test_a_declared_proxy_is_believed_in_one_header_only(upstream: RawUpstream, claim: bytes) -> None:
    guard = Guard(Throttle("one", limit=1, period=3600), trusted_proxies=["127.0.0.1"])
    with serving(build(Site(guard, upstream=upstream.url))) as gateway:
        chain = b"X-Forwarded-For: 192.0.2.1" if b"for" not in claim.lower() or b"orwarded-For" not in claim else b""
        lines = [line for line in (claim, chain) if line]
        first = ask(gateway, *lines)
        assert (first, ask(gateway, *lines)) == (200, 429)


@pytest.mark.parametrize(
    "line",
    [
        b"Connection: authorization",
        b"Connection: x-forwarded-for, x-real-ip, forwarded, host, content-length",
        b"Connection: close, x-forwarded-for",
    ],
)
def test_a_client_cannot_take_our_own_headers_away(upstream: RawUpstream, line: bytes) -> None:
    with serving(build(Site(Guard(), upstream=upstream.url))) as gateway:
        ask(gateway, line, b"X-Forwarded-For: 6.6.6.6", b"X_Real_IP: 6.6.6.6")
    head = upstream.head()
    assert b"x-forwarded-for: 127.0.0.1" in head
    assert b"x-real-ip: 127.0.0.1" in head
    assert b"host: x" in head
    assert not [field for field in head if b"6.6.6.6" in field]


@pytest.mark.parametrize(
    "field",
    [
        b"X-A: b\r\nSet-Cookie: evil=1",
        b"X-A: b\rSet-Cookie: evil=1",
        b"X-A: b\r\n Set-Cookie: evil=1",
        b"X-A: b\x00c",
        b"X-A: b\xe2\x80\xa8Set-Cookie: evil=1",
    ],
)
def test_an_upstreams_field_cannot_become_two(field: bytes) -> None:
    """What the upstream writes as two fields is two; nothing else may turn into a cookie. (A bare LF ends a line for
    every recipient that follows RFC 9112, section 2.2, here as well as without us.)
    """
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n" + field + b"\r\n\r\nok"
    with raw_upstream(answer) as upstream, serving(build(Site(Guard(), upstream=upstream.url))) as gateway:
        [got] = spoken(gateway.port, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert ("set-cookie" in got.headers) == (field == b"X-A: b\r\nSet-Cookie: evil=1")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nevil",
        b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n",
    ],
)
def test_an_upstreams_answer_is_one_answer(answer: bytes) -> None:
    """What an upstream sends beyond its answer is never taken for the answer to the next request."""
    with raw_upstream(answer) as upstream, serving(build(Site(Guard(), upstream=upstream.url))) as gateway:
        two = b"GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        answers = spoken(gateway.port, two)
    assert len(answers) <= 2
    assert not [a for a in answers if b"evil" in a.body]


def test_a_request_in_a_body_reaches_nobody(upstream: RawUpstream) -> None:
    inner = b"GET /admin HTTP/1.1\r\nHost: x\r\n\r\n"
    with serving(build(Site(Guard(), upstream=upstream.url))) as gateway:
        head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(inner)
        assert len(spoken(gateway.port, head + inner)) == 1
    assert len(upstream.seen) == 1
    assert upstream.seen[0].startswith(b"POST / ")


def test_a_token_in_the_query_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    """Neither when the upstream answers nonsense, nor as a WebSocket, nor in the guard's own log."""
    events: list[object] = []
    guard = Guard(Throttle("few", limit=3, period=3600), record=events.append)
    secret = b"/x?private_token=S3CRET&access_token=S3CRET"
    upgrade = [b"Upgrade: websocket", b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
    caplog.set_level(logging.DEBUG, "stockade")
    with raw_upstream(b"nonsense\r\n\r\n") as upstream, serving(build(Site(guard, upstream=upstream.url))) as gateway:
        assert ask(gateway, target=secret) == 502
        head = b"\r\n".join([b"GET " + secret + b" HTTP/1.1", b"Host: x", *upgrade, b"Connection: Upgrade", b"", b""])
        [answer] = spoken(gateway.port, head)
        assert answer.status == 502
        assert [ask(gateway, target=secret) for _ in range(3)] == [502, 429, 429]
    assert [record for record in caplog.records if record.name.startswith("stockade")], "it did complain"
    assert "S3CRET" not in caplog.text
    assert "S3CRET" not in repr(events)


def test_evidence_of_a_ban_holds_no_query(upstream: RawUpstream) -> None:
    from stockade import Fail2Ban, path

    guard = Guard(Fail2Ban("bad", maxretry=1, findtime=60, bantime=60, when=path("/bad")))
    with ExitStack() as stack:
        gateway = stack.enter_context(serving(build(Site(guard, upstream=upstream.url))))
        httpx2.get(f"{gateway.url}/bad?private_token=S3CRET")
    ban: Ban = guard.bans()[0]
    assert ban.evidence == "GET /bad"
