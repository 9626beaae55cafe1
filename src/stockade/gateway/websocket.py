"""A WebSocket carried to an upstream, message by message (RFC 6455)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

from aiohttp import (
    ClientError,
    ClientWebSocketResponse,
    ClientWSTimeout,
    WSMsgType,
    WSServerHandshakeError,
)
from multidict import CIMultiDict
from yarl import URL

from stockade.gateway.upstream import Upstreams, why
from stockade.guard.asgi import Receive, Scope, Send

log = logging.getLogger(__name__)
Socket = ClientWebSocketResponse[Literal[True]]
LARGEST: Final = 16 * 1024 * 1024
KINDS: Final = {WSMsgType.TEXT: "text", WSMsgType.BINARY: "bytes"}
GOING_AWAY, INTERNAL_ERROR, NO_CODE = 1001, 1011, {1005, 1006}
"""Close codes (RFC 6455, section 7.4.1); the last two are never sent."""


class WebSockets:
    """Opens WebSockets to an upstream over one session."""

    def __init__(self, upstreams: Upstreams) -> None:
        self.upstreams = upstreams

    async def carry(self, url: URL, headers: CIMultiDict[str], scope: Scope, receive: Receive, send: Send) -> None:
        """Open the upstream's side first, so that its refusal is ours; then carry messages until one side closes."""
        await receive()
        try:
            upstream = await self._opened(url, headers, scope.get("subprotocols", ()))
        except WSServerHandshakeError as error:
            await _refuse(error.status if error.status >= 400 else 502, scope, send)
        except (ClientError, TimeoutError, ConnectionError) as error:
            log.warning("%s: %s", url.origin(), why(error))
            await _refuse(504 if isinstance(error, TimeoutError) else 502, scope, send)
        else:
            async with upstream:
                await send({"type": "websocket.accept", "subprotocol": upstream.protocol})
                await _both_ways(upstream, receive, send)

    async def _opened(self, url: URL, headers: CIMultiDict[str], protocols: Iterable[str]) -> Socket:
        """The handshake is ours; of the client's, only what it proposed is passed on."""
        for name in {name for name in headers if name.lower().startswith("sec-websocket-")}:
            headers.popall(name)
        return await self.upstreams.session.ws_connect(
            url,
            headers=headers,
            protocols=protocols,
            max_msg_size=LARGEST,
            timeout=ClientWSTimeout(ws_receive=None, ws_close=5.0),
        )


async def _both_ways(upstream: Socket, receive: Receive, send: Send) -> None:
    inward = asyncio.create_task(_inward(upstream, receive))
    outward = asyncio.create_task(_outward(upstream, send))
    try:
        await asyncio.wait({inward, outward}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        inward.cancel()
        outward.cancel()
        await asyncio.gather(inward, outward, return_exceptions=True)


async def _inward(upstream: Socket, receive: Receive) -> None:
    while (message := await receive())["type"] == "websocket.receive":
        if (text := message.get("text")) is not None:
            await upstream.send_str(text)
        else:
            await upstream.send_bytes(message["bytes"])
    await upstream.close(code=_code(message, GOING_AWAY), message=str(message.get("reason") or "").encode())


async def _outward(upstream: Socket, send: Send) -> None:
    while (message := await upstream.receive()).type in KINDS:
        await send({"type": "websocket.send", KINDS[message.type]: message.data})
    code = upstream.close_code or INTERNAL_ERROR
    reason = message.extra if message.type is WSMsgType.CLOSE else ""
    await send({"type": "websocket.close", "code": GOING_AWAY if code in NO_CODE else code, "reason": reason or ""})


def _code(message: Mapping[str, Any], otherwise: int) -> int:
    code = int(message.get("code") or otherwise)
    return otherwise if code in NO_CODE else code


async def _refuse(status: int, scope: Scope, send: Send) -> None:
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": INTERNAL_ERROR})
        return
    body = b"The service behind this gateway does not open a WebSocket here.\n"
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})
