"""A reverse proxy: any request to one upstream and its answer back, streaming both ways (RFC 9110, section 7)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Final

from aiohttp import ClientError, ClientResponse, ServerTimeoutError
from multidict import CIMultiDict
from starlette.responses import PlainTextResponse
from yarl import URL

from stockade.errors import ConfigurationError
from stockade.gateway.hops import Lines, inward, passed_on
from stockade.gateway.upstream import Upstreams, why
from stockade.gateway.websocket import WebSockets
from stockade.guard.asgi import Headers, Receive, Scope, Send
from stockade.guard.gate import Guard

log = logging.getLogger(__name__)
BODILESS: Final = frozenset({204, 304})


class ClientGone(Exception):
    """The client hung up; there is nobody to answer."""


class Proxy:
    """Passes requests on to ``upstream``, a URL such as ``http://127.0.0.1:3000``; raises ConfigurationError."""

    def __init__(self, upstream: str, guard: Guard, upstreams: Upstreams) -> None:
        self.upstream = _origin(upstream)
        self.guard, self.upstreams = guard, upstreams
        self.websockets = WebSockets(upstreams)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, or a WebSocket."""
        if scope["type"] == "websocket":
            url, headers = target(self.upstream, scope), multidict(self.headers(scope))
            await self.websockets.carry(url, headers, scope, receive, send)
        else:
            await self._carry(scope, receive, send)

    async def _carry(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on; when the client goes away meanwhile, so does the request to the upstream."""
        upload = Upload(receive, awaited=has_body(scope))
        exchange = asyncio.create_task(self._exchange(scope, upload, send))
        watch = asyncio.create_task(upload.client_gone())
        try:
            await asyncio.wait({exchange, watch}, return_when=asyncio.FIRST_COMPLETED)
            if exchange.done():
                exchange.result()
        finally:
            exchange.cancel()
            watch.cancel()
            await asyncio.gather(exchange, watch, return_exceptions=True)

    async def _exchange(self, scope: Scope, upload: Upload, send: Send) -> None:
        started = False
        try:
            async with self.upstreams.session.request(
                scope["method"],
                target(self.upstream, scope),
                headers=multidict(self.headers(scope)),
                data=upload.pieces() if has_body(scope) else None,
                allow_redirects=False,
            ) as answer:
                await send({"type": "http.response.start", "status": answer.status, "headers": _lines(answer)})
                started = True
                await _stream(scope, answer, send)
        except ClientGone:
            return
        except (ClientError, TimeoutError, ConnectionError) as error:
            log.warning("%s: %s", self.upstream, why(error))
            if not started:
                late = isinstance(error, (ServerTimeoutError, TimeoutError))
                await _failure(late=late)(scope, _nothing, send)

    def headers(self, scope: Scope) -> Lines:
        """The header that the upstream is to see."""
        peer = scope["client"][0] if scope.get("client") else ""
        client = self.guard.addresses.resolve(peer, Headers(scope["headers"]).get)
        scheme = "https" if scope["scheme"] in {"https", "wss"} else "http"
        return inward(scope["headers"], peer=client.peer, client=client.address, scheme=scheme, trusted=client.proxied)


class Upload:
    """The body of a request on its way in; after it, all that can still come is the end of the connection."""

    def __init__(self, receive: Receive, *, awaited: bool) -> None:
        self._receive = receive
        self._read = asyncio.Event()
        if not awaited:
            self._read.set()

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes; the first piece is what lets an expectant client send (RFC 9110, section 10.1.1)."""
        try:
            more = True
            while more:
                message = await self._receive()
                if message["type"] != "http.request":
                    raise ClientGone
                more = message.get("more_body", False)
                yield message.get("body", b"")
        finally:
            self._read.set()

    async def client_gone(self) -> None:
        """Wait until the client hangs up, or its answer is out."""
        await self._read.wait()
        while (await self._receive())["type"] == "http.request":
            pass


def target(upstream: URL, scope: Scope) -> URL:
    """The upstream's URL for a request, byte for byte as the client wrote it: the guard has read it in its own way."""
    query = scope["query_string"].decode("ascii")
    path = scope["raw_path"].decode("ascii")
    return URL(f"{upstream}{path}{'?' if query else ''}{query}", encoded=True)


def has_body(scope: Scope) -> bool:
    """Does the request announce a body (RFC 9112, section 6)?"""
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip() != b"0")
        for name, value in scope["headers"]
    )


def multidict(lines: Lines) -> CIMultiDict[str]:
    """Header lines as aiohttp takes them."""
    return CIMultiDict((name.decode("ascii"), value.decode("utf-8", "replace")) for name, value in lines)


def _lines(answer: ClientResponse) -> Lines:
    lines = passed_on(answer.raw_headers)
    if answer.status in BODILESS:  # whose length would be that of another answer (RFC 9110, section 8.6)
        lines = [line for line in lines if line[0] != b"content-length"]
    return lines


async def _stream(scope: Scope, answer: ClientResponse, send: Send) -> None:
    if scope["method"] != "HEAD" and answer.status not in BODILESS:
        async for piece in answer.content.iter_any():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body"})


def _failure(*, late: bool) -> PlainTextResponse:
    """502 or 504 (RFC 9110, sections 15.6.3 and 15.6.5)."""
    if late:
        return PlainTextResponse("The service behind this gateway took too long to answer.\n", 504)
    return PlainTextResponse("The service behind this gateway does not answer.\n", 502)


async def _nothing() -> dict[str, object]:
    return {"type": "http.disconnect"}


def _origin(text: str) -> URL:
    remedy = "Write it as in http://127.0.0.1:3000, without a path."
    try:
        url = URL(text)
    except ValueError as error:
        raise ConfigurationError(f"the upstream {text!r} is not a URL", remedy=remedy) from error
    if url.scheme not in {"http", "https"} or not url.host or url.path_qs not in {"", "/"} or url.user:
        raise ConfigurationError(f"the upstream {text!r} is not an origin", remedy=remedy)
    return url.origin()
