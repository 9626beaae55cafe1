"""An application for real servers: a stream, a WebSocket, a page, and a sign-in that may fail."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

from fastapi import FastAPI, HTTPException, WebSocket
from fastapi.responses import StreamingResponse

from stockade import Fail2Ban, Guard, Throttle, path, route, status
from stockade.fastapi import limited, protect

guard = Guard(
    Fail2Ban("sign-in", maxretry=2, findtime=60, bantime=60, when=path("/login") & status(401), over=path("/login")),
    Throttle("sockets", limit=1, period=60, when=route("/talk")),
)
app = FastAPI()
protect(app, guard)


@app.get("/login")
@limited(guard, Throttle("sign-ins", limit=100, period=60))
async def login() -> None:
    raise HTTPException(401)


@app.get("/pid")
def pid() -> int:
    return os.getpid()


@app.get("/stream")
async def stream() -> StreamingResponse:
    async def parts() -> AsyncIterator[bytes]:
        yield b"first\n"
        await asyncio.sleep(3600)

    return StreamingResponse(parts())


@app.websocket("/talk")
async def talk(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("hello")
    await socket.close()
