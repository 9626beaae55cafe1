"""What two servers might read in two ways is refused with 400, on a real socket, and the connection is closed."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator

import pytest

from stockade.gateway.strict import StrictProtocol
from tests.gateway.echo import echo
from tests.gateway.running import Running, serving
from tests.gateway.wire import spoken

GOOD = b"GET /good HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with serving(echo) as running:
        yield running


AMBIGUOUS = {
    "bare LF": b"GET / HTTP/1.1\nHost: x\n\n",
    "bare LF after a header": b"GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n",
    "bare LF at the end of the head": b"GET / HTTP/1.1\r\nHost: x\r\n\n",
    "bare CR": b"GET / HTTP/1.1\r\nHost: x\r\nA: b\rC: d\r\n\r\n",
    "folded header": b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
    "folded first header": b"GET / HTTP/1.1\r\n Host: x\r\nHost: y\r\n\r\n",
    "length and coding": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "coding and length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "two equal lengths": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "a list of lengths": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 5\r\n\r\nhello",
    "a length with a sign": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\nhello",
    "a negative length": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\nhello",
    "a length in hexadecimal": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x5\r\n\r\nhello",
    "a length beyond 64 bits": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n",
    "another coding before chunked": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "another coding": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n\r\n",
    "chunked twice": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a quoted coding": b'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n',
    "a coding with a tab": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "a coding in HTTP/1.0": b"POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "no Host": b"GET / HTTP/1.1\r\n\r\n",
    "two Hosts": b"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
    "a Host with a path": b"GET / HTTP/1.1\r\nHost: x/y\r\n\r\n",
    "a Host with a user": b"GET / HTTP/1.1\r\nHost: a@x\r\n\r\n",
    "a list of Hosts": b"GET / HTTP/1.1\r\nHost: x y\r\n\r\n",
    "NUL in a value": b"GET / HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n",
    "control character in a value": b"GET / HTTP/1.1\r\nHost: x\r\nA: b\x01c\r\n\r\n",
    "DEL in a value": b"GET / HTTP/1.1\r\nHost: x\r\nA: b\x7fc\r\n\r\n",
    "NUL in a name": b"GET / HTTP/1.1\r\nHost: x\r\nA\0: b\r\n\r\n",
    "blank before a colon": b"GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n",
    "blank in a name": b"GET / HTTP/1.1\r\nHost: x\r\nA B: c\r\n\r\n",
    "no name": b"GET / HTTP/1.1\r\nHost: x\r\n: b\r\n\r\n",
    "no colon": b"GET / HTTP/1.1\r\nHost: x\r\nA\r\n\r\n",
    "a tab in the request line": b"GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "a blank in the target": b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
    "a fragment": b"GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n",
    "a byte above ASCII in the target": b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
    "no version": b"GET /\r\nHost: x\r\n\r\n",
    "a version in lower case": b"GET / http/1.1\r\nHost: x\r\n\r\n",
    "an unknown method": b"FROB / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a method in lower case": b"get / HTTP/1.1\r\nHost: x\r\n\r\n",
    "CONNECT": b"CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n",
    "TRACE": b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n",
    "the absolute form of another host": b"GET http://other/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "two Authorizations": POST + b"Authorization: Basic YQ==\r\nAuthorization: Basic Yg==\r\n\r\n",
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a TLS greeting": bytes.fromhex("160301020001000001fc0303") + bytes(50),
    "a WebSocket with a body": b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nContent-Length: 5\r\n\r\nhello",
    "another upgrade with a body": POST + b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 5\r\n\r\nhello",
    "a head of 33 kB": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: " + b"b" * 33_000 + b"\r\n\r\n",
    "a head of 100 kB": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: " + b"b" * 100_000 + b"\r\n\r\n",
    "101 lines": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"A%d: b\r\n" % n for n in range(100)) + b"\r\n",
    "a head that never ends": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 60 + b"C: " + b"d" * 100_000,
    "a name that never ends": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A" * 200_000,
}
BROKEN_BODIES = {
    "a chunk size that is none": b"zz\r\nhello\r\n0\r\n\r\n",
    "a chunk size with a sign": b"+5\r\nhello\r\n0\r\n\r\n",
    "a chunk size with 0x": b"0x5\r\nhello\r\n0\r\n\r\n",
    "a chunk size with a blank": b"5 \r\nhello\r\n0\r\n\r\n",
    "a chunk size beyond 64 bits": b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    "bare LF after a chunk size": b"5\nhello\r\n0\r\n\r\n",
    "bare LF after a chunk": b"5\r\nhello\n0\r\n\r\n",
    "a longer chunk than announced": b"5\r\nhello!\r\n0\r\n\r\n",
    "bare LF at the end": b"5\r\nhello\r\n0\r\n\n",
    "a trailer that never ends": b"0\r\nA: " + b"b" * 100_000 + b"\r\n\r\n",
    "an extension with a bare LF": b"5;a\nb\r\nhello\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("request_", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
def test_an_ambiguous_head_is_refused_and_nothing_behind_it_is_read(server: Running, request_: bytes) -> None:
    [refused] = spoken(server.port, request_ + GOOD)
    assert refused.status in {400, 505}
    assert refused.headers["connection"] == "close"


@pytest.mark.parametrize("body", BROKEN_BODIES.values(), ids=BROKEN_BODIES.keys())
def test_a_broken_body_is_refused_and_nothing_behind_it_is_read(server: Running, body: bytes) -> None:
    head = b"POST /slow HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    [refused] = spoken(server.port, head + body + GOOD)
    assert refused.status == 400


def test_a_target_without_end_is_too_long(server: Running) -> None:
    [refused] = spoken(server.port, b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert refused.status == 414
    [refused] = spoken(server.port, b"GET /" + b"a" * 100_000)
    assert refused.status == 414


def test_what_is_unusual_and_clear_is_served(server: Running) -> None:
    clear = [
        b"\r\nGET /1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://x/2?a=b HTTP/1.1\r\nHost: X\r\n\r\n",
        b"GET /3 HTTP/1.1\r\nHost: [2001:db8::1]:8080\r\nA:\r\nB: c \t\r\n\r\n",
        b"GET /4 HTTP/1.1\r\nhost: x\r\nA: \xe4\r\n\r\n",
        b"POST /5 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nHost: y\r\n\r\n",
        b"PROPFIND //6/%2e%2e/a;b HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
        b"GET  /7 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
    ]
    answers = spoken(server.port, b"".join(clear))
    assert [a.status for a in answers] == [200] * len(clear)
    assert [a.json()["target"] for a in answers] == ["/1", "/2?a=b", "/3", "/4", "/5", "//6/%2e%2e/a;b", "/7"]
    assert answers[2].json()["headers"][1:] == [["a", ""], ["b", "c"]]
    assert answers[4].json()["body"] == "hello"
    assert answers[4].json()["headers"] == [["host", "x"], ["transfer-encoding", "Chunked"]], "trailers change nothing"


def test_requests_in_a_row_are_answered_in_order(server: Running) -> None:
    asked = b"".join(
        b"POST /%d HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (n, len(str(n)), str(n).encode())
        for n in range(50)
    )
    answers = spoken(server.port, asked + LAST)
    assert [a.json()["body"] for a in answers[:-1]] == [str(n) for n in range(50)]
    assert answers[-1].json()["target"] == "/last"


def test_a_request_in_small_pieces_is_one_request(server: Running) -> None:
    whole = b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" + LAST
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in whole:
            connection.send(bytes([byte]))
        came = b""
        while piece := connection.recv(65536):
            came += piece
    assert came.count(b"HTTP/1.1 200 OK") == 2


def test_what_came_before_a_bad_request_is_still_answered(server: Running) -> None:
    answers = spoken(server.port, GOOD + GOOD + AMBIGUOUS["bare LF"] + GOOD)
    assert [a.status for a in answers] == [200, 200, 400]


def test_what_came_before_a_bad_body_is_still_answered(server: Running) -> None:
    bad = b"POST /slow HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
    answers = spoken(server.port, GOOD + GOOD + bad + GOOD)
    assert [a.status for a in answers] == [200, 200, 400]


def test_nothing_is_read_after_an_upgrade_that_was_ignored(server: Running) -> None:
    upgrade = b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n"
    [answer] = spoken(server.port, upgrade + GOOD)
    assert answer.json()["target"] == "/a"


def test_a_body_that_nobody_wants_does_not_become_a_request(server: Running) -> None:
    hidden = GOOD * 3
    head = b"POST /deaf HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(hidden)
    answers = spoken(server.port, head, hidden + LAST)
    assert [a.json()["target"] for a in answers] == ["/deaf", "/last"]


def test_much_that_nobody_wants_is_not_read_to_its_end(server: Running) -> None:
    head = b"POST /deaf HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.settimeout(30)
        connection.sendall(head)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        assert hung_up(lambda: connection.sendall(bytes(100_000)), times=10_000)


def hung_up(act: Callable[[], None], times: int, pause: float = 0) -> bool:
    """Do something again and again; did it fail because the other side has gone?"""
    for _ in range(times):
        time.sleep(pause)
        try:
            act()
        except OSError:
            return True
    return False


class Hurried(StrictProtocol):
    head_seconds = 0.5
    stall_seconds = 0.5
    idle_seconds = 0.5
    tick_seconds = 0.1


@pytest.fixture
def hurried() -> Iterator[Running]:
    with serving(echo, protocol=Hurried) as running:
        yield running


def test_who_says_nothing_is_hung_up_on(hurried: Running) -> None:
    assert spoken(hurried.port) == []


def test_a_head_that_drips_is_not_waited_for(hurried: Running) -> None:
    with socket.create_connection(("127.0.0.1", hurried.port)) as connection:
        connection.settimeout(30)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        hung_up(lambda: connection.sendall(b"A: b\r\n"), times=20, pause=0.1)
        assert connection.recv(65536).startswith(b"HTTP/1.1 408 ")


def test_blank_lines_do_not_keep_a_connection(hurried: Running) -> None:
    with socket.create_connection(("127.0.0.1", hurried.port)) as connection:
        connection.settimeout(30)
        connection.sendall(GOOD)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        assert hung_up(lambda: connection.sendall(b"\r\n"), times=50, pause=0.1)


def test_a_body_that_stands_still_is_not_waited_for(hurried: Running) -> None:
    [late] = spoken(hurried.port, b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhello")
    assert late.status == 408


class Unhurried(Hurried):
    stall_seconds = 2.5


def test_a_body_that_comes_slowly_is_waited_for() -> None:
    with (
        serving(echo, protocol=Unhurried) as server,
        socket.create_connection(("127.0.0.1", server.port)) as connection,
    ):
        connection.settimeout(30)
        connection.sendall(b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
        for _ in range(10):
            time.sleep(0.3)
            connection.sendall(b"x")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
